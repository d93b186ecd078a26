"""How long actions take here, learned from those that were done.

An estimate is the median of the last `LATEST` durations of the kind, with
the audit's parameter counted `PRIOR_COUNT` times: nothing is known at first,
one stuck action means little, and a cloud that is slow is known to be so
after a few.

The cloud's own history tells of whatever was resized or moved, by anyone, and
for how long a resize stopped the guest.  Where it has nothing of a kind, what
our actions measured counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
import statistics

from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.policy import Policy


LATEST = 50
PRIOR_COUNT = 3
_RESIZES = (Kind.RESIZE, Kind.RELEASE)
_MIGRATIONS = (Kind.MIGRATE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An action in the history of the cloud, by the ``id`` of its migration.

    ``kind`` is RESIZE or MIGRATE, ``at`` (Unix seconds) when it began.
    ``duration_s`` is how long it took, None where nobody tells any more;
    ``interruption_s`` for how long the guest was stopped, None where that is
    not told: Nova does not of a live migration.
    """

    id: str
    instance_id: str
    kind: Kind
    at: int
    duration_s: float | None
    interruption_s: float | None = None


def learned(
    policy: Policy, attempts: Iterable[Attempt], history: Iterable[Done] = ()
) -> Policy:
    """The policy with the durations that this cloud has shown.

    Where no history tells, a resize stops the guest for a share of its
    duration, the one that the parameters tell.  For how long a live
    migration stops it does not depend on how long it takes, and stays.

    :param attempts: ours, oldest first; what failed tells nothing.
    :param history: that of the cloud, oldest first.
    """
    done = [one for one in attempts if not one.failed and one.duration_s]
    told = [one for one in history if one.duration_s]
    resize_s = _estimate(policy.resize_duration_s, done, told, _RESIZES)
    stops = [one.interruption_s for one in told if one.kind is Kind.RESIZE]
    known = [stop_s for stop_s in stops if stop_s is not None]
    interruption_s = policy.resize_interruption_s
    if known:
        interruption_s = _median(known, interruption_s)
    elif resize_s != policy.resize_duration_s:
        share = interruption_s / max(policy.resize_duration_s, 1e-9)
        interruption_s = min(share, 1.0) * resize_s
    return replace(
        policy,
        resize_duration_s=resize_s,
        resize_interruption_s=interruption_s,
        migration_duration_s=_estimate(
            policy.migration_duration_s, done, told, _MIGRATIONS
        ),
    )


def _estimate(
    prior_s: float,
    done: Iterable[Attempt],
    told: Iterable[Done],
    kinds: tuple[Kind, ...],
) -> float:
    seen = [one.duration_s for one in told if one.kind in kinds]
    seen = seen or [one.duration_s for one in done if one.kind in kinds]
    return _median([float(one) for one in seen if one], prior_s)


def _median(known: list[float], prior_s: float) -> float:
    return statistics.median(known[-LATEST:] + [prior_s] * PRIOR_COUNT)
