"""A network in training, asked as audits ask a model."""

import numpy as np
import torch

from predictive_watcher.training import network as network_module


class Live:
    """A `following.Recurrent` around a network that is not exported yet."""

    name = ''
    threads = 1  # torch has its own

    def __init__(self, network: network_module.Network) -> None:
        self._network = network
        self.hidden = network.hidden

    @torch.no_grad()
    def recur(
        self, x: np.ndarray, h: np.ndarray, c: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Heads after the last step, and the state there."""
        seen, *state = self._network.recur(
            *(torch.from_numpy(array) for array in (x, h, c))
        )
        heads = [head.numpy() for head in self._network.heads(seen[-1])]
        h, c = (array.numpy() for array in state)
        return heads, h, c
