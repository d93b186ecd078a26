"""Who weighs more is helped earlier.

A lease begins at a risk of::

    min(begin_threshold, risk_threshold) / effective weight ^ weight_urgency

With an urgency of 0.5 an instance of weight 4 gets its lease at half of the
risk at which one of weight 1 does, and keeps it down to half of the risk.  A
forecast is the surer the later it is, so a lower threshold buys time, and
costs leases that nobody needed: they are spent where a violation weighs more.

Only the beginning is earlier.  What a flavor has to bring the risk to, when a
lease has to grow, and how calm a node has to be is for ``risk_threshold``:
otherwise the heavy would get larger flavors for being served earlier, and
nobody a node.
"""

import numpy as np

from predictive_watcher.core.resolving import Own


_LEAST = 0.05  # no weight makes anyone act blindly


def begins_at(own: Own, weights: np.ndarray) -> np.ndarray:
    """The risk at which a lease of each instance begins, (instances,).

    :param weights: (instances,), the effective ones.
    """
    most = own.values('risk_threshold')
    begin = np.minimum(own.values('begin_threshold'), most)
    urgent = begin / weights ** own.values('weight_urgency')
    return np.asarray(np.clip(urgent, np.minimum(_LEAST, begin), most))
