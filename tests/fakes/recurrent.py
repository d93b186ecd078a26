"""A recurrent model without a network."""

import numpy as np

from predictive_watcher.core import forecast


class Echo:
    """Its quantiles are wider the longer it has followed an instance."""

    name = 'echo'
    hidden = 2
    threads = 1
    identity = 'echo-1'
    history_s = 86400

    def __init__(self):
        self.scored = 0  # instances x steps

    def check_step(self, step_s):
        """Any will do."""

    def recur(self, x, h, c):
        """Counts the steps in h, keeps the sum of the inputs in c."""
        steps, instances, _ = x.shape
        self.scored += steps * instances
        h = (h + steps).astype(np.float32)
        c = (c + 0.01 * x.sum(axis=(0, 2))[:, None]).astype(np.float32)
        middle = np.tanh(c[0, :, 0])[:, None, None, None]
        width = np.minimum(0.01 * h[0, :, 0], 1.0)[:, None, None, None]
        levels = np.array(forecast.LEVELS)
        odds = np.log(levels / (1 - levels))
        quantiles = middle + width * odds
        shape = (instances, 4, len(forecast.TARGETS), len(levels))
        one = np.ones((instances, 4, 1), np.float32)
        heads = [np.broadcast_to(quantiles, shape), one, 0 * one, one]
        return [head.astype(np.float32) for head in heads], h, c
