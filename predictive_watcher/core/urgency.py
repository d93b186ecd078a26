"""Who weighs more is helped earlier.

The thresholds of an instance are those of its policy, divided by::

    effective weight ^ weight_urgency

With an urgency of 0.5 an instance of weight 4 gets its lease at half of the
risk at which one of weight 1 does, and keeps it down to half of the risk.  A
forecast is the surer the later it is, so a lower threshold buys time, and
costs leases that nobody needed: they are spent where a violation weighs more.
"""

from dataclasses import replace

import numpy as np

from predictive_watcher.core.policy import Policy
from predictive_watcher.core.resolving import Own


_LEAST, _MOST = 0.05, 0.95  # thresholds: no weight makes anyone act blindly
_STEPS = 4  # to a factor of two: there are few different policies


def by_weight(own: Own, weights: np.ndarray) -> Own:
    """The policies, with thresholds by weight.

    :param weights: (instances,), the effective ones.
    """
    rounded = np.round(_STEPS * np.log2(np.maximum(weights, 1e-6))) / _STEPS
    pairs = list(zip(own.index.tolist(), rounded.tolist(), strict=True))
    urgent = [policy.weight_urgency > 0 for policy in own.policies]
    keys = [(i, w if urgent[i] else 0.0) for i, w in pairs]
    place = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    if not any(urgent):
        return own
    return replace(
        own,
        policies=tuple(_with(own.policies[i], w) for i, w in place),
        sources=tuple(own.sources[i] for i, _ in place),
        matching=tuple(own.matching[i] for i, _ in place),
        index=np.array([place[key] for key in keys], np.intp),
    )


def _with(policy: Policy, octaves: float) -> Policy:
    """The policy of an instance whose weight is 2 ^ ``octaves``."""
    factor = 2.0 ** (-policy.weight_urgency * octaves)
    high = float(np.clip(policy.risk_threshold * factor, _LEAST, _MOST))
    low = policy.release_threshold * high / policy.risk_threshold
    return replace(policy, risk_threshold=high, release_threshold=low)
