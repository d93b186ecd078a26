"""How long a lease goes on after its need is gone: who comes again is waited
for.

Each return costs a violation for as long as telemetry, an audit and a resize
take, and two restarts.  So a lease waits for a need, counted from when it was
there last,

* for a day (`_AGAIN` times ``lease_minimum``), where another lease of its
  instance ended within a day: load that wavers about a limit,
* for `_AWAITED` times ``lease_minimum`` times the effective weight, a day at
  most, where the profile knows the instance to need more than its own flavor
  `_OFTEN` a day,
* for `_PAUSES` times the longest pause after which the need came back in the
  last day,

and for ``lease_minimum``, counted from its beginning, where nothing is known
to return.
"""

from predictive_watcher.core import budgets
from predictive_watcher.core import reconciling
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.plan import PlanMaker


_AGAIN = 96  # with the default minimum of 15 minutes a day
_AWAITED = 24  # likewise six hours
_OFTEN = 1.0
_PAUSES = 2


def comes_again(maker: PlanMaker, row: int, lease: Lease) -> bool:
    """Whether the lease waits for its need to return."""
    return (
        _came_again(maker, lease)
        or _returns(maker, row)
        or lease.instance_id in maker.pauses_s
    )


def until(maker: PlanMaker, row: int, lease: Lease) -> int:
    """The Unix second before which a lease does not end, low as the risk is.

    One that began early, and that nobody came to need, waits for no need
    unless it came and went before.
    """
    least = lease.since + maker.policy_of(row).lease_minimum_s
    if not comes_again(maker, row, lease):
        return least
    needed = maker.needs.get(lease.instance_id)
    needed_at = 0 if needed is None else int(needed[-1])
    # one that became smaller began before that
    began = not lease.reason.startswith(Reason.NEED_IS_SMALLER)
    if _came_again(maker, lease) and (began or not needed_at):
        needed_at = max(lease.since, needed_at)
    return max(least, needed_at + awaited_s(maker, row, lease))


def awaited_s(maker: PlanMaker, row: int, lease: Lease) -> int:
    """For how long a need that comes again is waited for: of the rules that
    hold the one that waits for longest.
    """
    minimum_s = maker.policy_of(row).lease_minimum_s
    waits_s = [
        minimum_s,
        _PAUSES * maker.pauses_s.get(lease.instance_id, 0),
    ]
    if _came_again(maker, lease):
        waits_s.append(min(minimum_s * _AGAIN, budgets.DAY_S))
    if _returns(maker, row):
        weight = float(maker.seen.weights[row].max())
        waits_s.append(int(min(minimum_s * _AWAITED * weight, budgets.DAY_S)))
    return max(waits_s)


def told(maker: PlanMaker, row: int, lease: Lease) -> str:
    """Why a lease goes on for longer than ``lease_minimum``, for a verdict;
    '' where it does not.
    """
    if not comes_again(maker, row, lease):
        return ''
    wait_s = awaited_s(maker, row, lease)
    if wait_s <= maker.policy_of(row).lease_minimum_s:
        return ''
    name = lease.instance_id
    if _came_again(maker, lease):
        why = 'another lease of it ended within a day'
    elif _returns(maker, row):
        often = _needs_a_day(maker, row)
        why = (
            f'it passes what {lease.origin_flavor_name} is good for '
            f'{often:.1f} times a day'
        )
    else:
        why = f'its need came back after up to {maker.pauses_s[name]} s'
    return (
        f'; {why}, so this one goes on until its need has been gone for '
        f'{wait_s} s'
    )


def _came_again(maker: PlanMaker, lease: Lease) -> bool:
    return bool(maker.releases.get(lease.instance_id, 0))


def _returns(maker: PlanMaker, row: int) -> bool:
    return _needs_a_day(maker, row) >= _OFTEN


def _needs_a_day(maker: PlanMaker, row: int) -> float:
    """How often a day it needs more of what its lease offers more of."""
    helped = reconciling.offers_more(
        maker.seen.limits[row], maker.origin(row).limits()
    )
    return float(maker.seen.needs_a_day[row][helped].max(initial=0.0))
