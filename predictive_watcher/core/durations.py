"""How long actions take here, learned from those that were done.

An estimate is the median of the last `LATEST` durations of the kind, with
the audit's parameter counted `PRIOR_COUNT` times: nothing is known at first,
one stuck action means little, and a cloud that is slow is known to be so
after a few.
"""

from collections.abc import Iterable
from dataclasses import replace
import statistics

from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.policy import Policy


LATEST = 50
PRIOR_COUNT = 3
_RESIZES = (Kind.RESIZE, Kind.RELEASE)
_MIGRATIONS = (Kind.MIGRATE,)


def learned(policy: Policy, attempts: Iterable[Attempt]) -> Policy:
    """The policy with the durations that this cloud has shown.

    A resize stops the guest for a share of its duration, the one that the
    parameters tell, because only the whole is measured.  For how long a live
    migration stops it does not depend on how long it takes, and stays.

    :param attempts: oldest first; what failed tells nothing.
    """
    done = [one for one in attempts if not one.failed and one.duration_s]
    resize_s = _estimate(policy.resize_duration_s, done, _RESIZES)
    share = policy.resize_interruption_s / max(policy.resize_duration_s, 1e-9)
    interruption_s = policy.resize_interruption_s
    if resize_s != policy.resize_duration_s:
        interruption_s = min(share, 1.0) * resize_s
    return replace(
        policy,
        resize_duration_s=resize_s,
        resize_interruption_s=interruption_s,
        migration_duration_s=_estimate(
            policy.migration_duration_s, done, _MIGRATIONS
        ),
    )


def _estimate(
    prior_s: float, done: Iterable[Attempt], kinds: tuple[Kind, ...]
) -> float:
    seen = [one.duration_s for one in done if one.kind in kinds]
    known = [float(duration_s) for duration_s in seen if duration_s]
    return statistics.median(known[-LATEST:] + [prior_s] * PRIOR_COUNT)
