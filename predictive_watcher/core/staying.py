"""How long a lease goes on after its need is gone: who comes again is waited
for.

Each return costs a violation for as long as telemetry, an audit and a resize
take, and two restarts.  So a lease waits for a need, counted from when it was
there last,

* where the profile knows how often the instance needs more than its own
  flavor: for as long as costs least (`waiting`), `_LONGER` times that for
  each other lease of it that ended within a day (`_UNNEEDED` times where
  nobody came to need this one), and a day at most;
* where no profile does: for a day (`_AGAIN` times ``lease_minimum``) if
  another lease of its instance ended within a day, as load that wavers about
  a limit has it, or for `_PAUSES` times the longest pause after which the
  need came back in the last day;

and for ``lease_minimum``, counted from its beginning, where nothing is known
to return.
"""

import numpy as np

from predictive_watcher.core import budgets
from predictive_watcher.core import reconciling
from predictive_watcher.core import sizing
from predictive_watcher.core import waiting
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.forecast import HORIZONS_S
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker


_AGAIN = 96  # with the default minimum of 15 minutes a day
_PAUSES = 2
# what comes after longer ones, as at the same hour of two days, is another
# need, as far as a day tells
_APART_S = 6 * 3600
# for each return: whoever goes there and back all day is not sent away
_LONGER = 4
_UNNEEDED = 2  # where nobody came to need the lease


def comes_again(maker: PlanMaker, row: int, lease: Lease) -> bool:
    """Whether the lease waits for its need to return."""
    return (
        _known(maker, row)
        or _came_again(maker, lease) > 0
        or _longest_s(maker, lease) > 0
    )


def until(maker: PlanMaker, row: int, lease: Lease) -> int:
    """The Unix second before which a lease does not end, low as the risk is.

    One that began early, and that nobody came to need, waits for no need
    unless it came and went before.
    """
    least = lease.since + maker.policy_of(row).lease_minimum_s
    if not comes_again(maker, row, lease):
        return least
    needed_at = _needed_at(maker, lease)
    # one that became smaller began before that
    began = not lease.reason.startswith(Reason.NEED_IS_SMALLER)
    if _came_again(maker, lease) and (began or not needed_at):
        needed_at = max(lease.since, needed_at)
    return max(least, needed_at + awaited_s(maker, row, lease))


def awaited_s(maker: PlanMaker, row: int, lease: Lease) -> int:
    """For how long a need that comes again is waited for."""
    minimum_s = maker.policy_of(row).lease_minimum_s
    again = _came_again(maker, lease)
    if _known(maker, row):
        if row not in maker.waits_s:
            maker.waits_s[row] = _cheapest_s(maker, row, lease)
        longer = _LONGER if _was_needed(maker, row, lease) else _UNNEEDED
        return int(min(maker.waits_s[row] * longer**again, budgets.DAY_S))
    again_s = min(minimum_s * _AGAIN, budgets.DAY_S)
    return max(
        minimum_s,
        again_s if again else 0,
        _PAUSES * _longest_s(maker, lease),
    )


def told(maker: PlanMaker, row: int, lease: Lease) -> str:
    """Why a lease goes on for longer than ``lease_minimum``, for a verdict;
    '' where it does not.
    """
    if not comes_again(maker, row, lease):
        return ''
    wait_s = awaited_s(maker, row, lease)
    if wait_s <= maker.policy_of(row).lease_minimum_s:
        return ''
    if _known(maker, row):
        why = (
            f'the pauses of its need last {_between_s(maker, row):.0f} s on '
            'average'
        )
        if _came_again(maker, lease):
            why += ', and another lease of it ended within a day'
    elif _came_again(maker, lease):
        why = 'another lease of it ended within a day'
    else:
        longest_s = _longest_s(maker, lease)
        why = f'its need came back after up to {longest_s} s'
    return (
        f'; {why}, so this one goes on until its need has been gone for '
        f'{wait_s} s'
    )


def _needed_at(maker: PlanMaker, lease: Lease) -> int:
    """When more than the own flavor was used last; 0: never that is known."""
    needed = maker.needs.times.get(lease.instance_id)
    return 0 if needed is None else int(needed[-1])


def _was_needed(maker: PlanMaker, row: int, lease: Lease) -> bool:
    """Whether the need was there since the lease began, or was what it came
    too late for.
    """
    late_s = _shows_s(maker) + maker.policy_of(row).resize_duration_s
    earliest = lease.since - late_s - HORIZONS_S[0]
    return _needed_at(maker, lease) >= earliest


def _came_again(maker: PlanMaker, lease: Lease) -> int:
    """How many leases of its instance ended within a day."""
    return maker.releases.get(lease.instance_id, 0)


def _pauses(maker: PlanMaker, lease: Lease) -> np.ndarray:
    return maker.needs.pauses_s.get(lease.instance_id, np.empty(0))


def _longest_s(maker: PlanMaker, lease: Lease) -> int:
    pauses = _pauses(maker, lease)
    return int(pauses[pauses <= _APART_S].max(initial=0))


def _helped(maker: PlanMaker, row: int) -> np.ndarray:
    return reconciling.offers_more(
        maker.seen.limits[row], maker.origin(row).limits()
    )


def _known(maker: PlanMaker, row: int) -> bool:
    return bool(np.isfinite(_between_s(maker, row)))


def _between_s(maker: PlanMaker, row: int) -> float:
    """The mean pause of the need of what its lease offers more of, of several
    resources that of the one that comes most often; NaN: unknown.
    """
    between_s = maker.seen.between_s[row][_helped(maker, row)]
    return float(np.fmin.reduce(between_s, initial=np.nan))


def _shows_s(maker: PlanMaker) -> float:
    """That a need has returned shows a step after it did, and at the next
    look.
    """
    return float(maker.seen.now - maker.seen.forecast.origin + HORIZONS_S[0])


def _cheapest_s(maker: PlanMaker, row: int, lease: Lease) -> int:
    seen, policy = maker.seen, maker.policy_of(row)
    shows_s = _shows_s(maker)
    late_s = shows_s + policy.resize_duration_s
    # back, and there again
    restarts_s = sizing.RESTARTS * policy.resize_interruption_s
    restarts_s *= policy.cost_factor
    weight = float(seen.weights[row].max())
    lent = maker.place.sites.cores_of(
        maker.instance(row).flavor, maker.origin(row)
    )
    return waiting.cheapest_s(
        _pauses(maker, lease) + shows_s,
        _between_s(maker, row) + shows_s,
        return_cost=weight * (late_s + restarts_s),
        hour_cost=policy.lease_cost * max(lent, 0.0),
        least_s=policy.lease_minimum_s,
        most_s=budgets.DAY_S,
    )
