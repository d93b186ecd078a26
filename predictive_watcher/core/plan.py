"""A plan in the making: what was decided, and what is used up."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from predictive_watcher.core import adjustment as adj
from predictive_watcher.core import brakes as brakes_module
from predictive_watcher.core import budgets as budgets_module
from predictive_watcher.core import cooling
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import knowing
from predictive_watcher.core import landing
from predictive_watcher.core import origins
from predictive_watcher.core import placement as placement_module
from predictive_watcher.core import prospects as prospects_module
from predictive_watcher.core import quotas as quotas_module
from predictive_watcher.core import reconciling
from predictive_watcher.core import resolving
from predictive_watcher.core import shelf as shelf_module
from predictive_watcher.core import ways as ways_module
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.assessment import Assessment
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.policy import Policy


@dataclass(slots=True, kw_only=True)
class PlanMaker:
    """What is known, what was decided so far, and what the plan has spent.

    ``policy`` is the audit's, which nodes are judged by; ``own`` are those of
    the instances.  ``releases`` are the leases that ended within a day, by
    instance id.
    ``begins_at`` (instances,) is the risk at which their leases begin,
    ``thresholds`` that at which they begin, or grow, and ``worst`` the
    resource at the highest risk.
    ``needs`` are those of instances with a lease, ``peaks`` what they used at
    most where that is known, ``waits_s`` how long it pays to wait for a need,
    by row, once it was asked for.
    ``leases`` and ``recent`` map instance ids to the lease in force and to
    the last action; ``fallback`` is what is said of a row for which nothing
    is done in the end: it does not keep anyone else from helping;
    ``looked_at`` what of flavors and nodes was, for a verdict.
    """

    seen: Assessment
    policy: Policy
    own: resolving.Own
    flavors: Sequence[fleet_module.Flavor]
    place: placement_module.Placement
    leases: Mapping[str, Lease]
    recent: Mapping[str, Attempt]
    missing: Mapping[str, str]
    failed_releases: Mapping[str, int]
    budgets: budgets_module.Budgets
    brakes: brakes_module.Brakes
    begins_at: np.ndarray
    quotas: quotas_module.Quotas
    decided: dict[int, adj.Adjustment] = field(default_factory=dict)
    fallback: dict[int, Hold] = field(default_factory=dict)
    looked_at: dict[int, list[str]] = field(default_factory=dict)
    releases: Mapping[str, int] = field(default_factory=dict)
    needs: reconciling.Needs = field(default_factory=reconciling.Needs)
    peaks: Mapping[str, np.ndarray] = field(default_factory=dict)
    waits_s: dict[int, int] = field(default_factory=dict)
    renewals: dict[str, int] = field(default_factory=dict)
    landings: landing.Landings = field(init=False)
    prospects: prospects_module.Prospects = field(init=False)
    thresholds: np.ndarray = field(init=False)
    worst: np.ndarray = field(init=False)
    gaps: knowing.Gaps = field(init=False)
    shelf: shelf_module.Shelf = field(init=False)
    ways: ways_module.Ways = field(init=False)
    named: Mapping[str, fleet_module.Flavor] = field(init=False)

    def __post_init__(self) -> None:
        self.landings = landing.Landings(self.place)
        self.prospects = prospects_module.Prospects(self.seen, self.flavors)
        leased = [one.id in self.leases for one in self.seen.fleet.instances]
        self.thresholds = np.where(
            leased, self.own.values('risk_threshold'), self.begins_at
        )
        self.worst = self.seen.risk.worst()
        self.gaps = knowing.Gaps(
            self.seen,
            nodes=self.place.members,
            stale_after_s=self.policy.stale_after_s,
            missing=self.missing,
        )
        self.shelf = shelf_module.Shelf(self.flavors)
        self.named = {one.name: one for one in reversed(self.flavors)}
        self.ways = ways_module.Ways(
            self.place,
            [
                (row, self.origin(row))
                for row, one in enumerate(self.seen.fleet.instances)
                if (lease := self.leases.get(one.id))
                and not origins.way_back(lease, one.flavor, self.named)[1]
            ],
            self.seen.weights.max(axis=1, initial=0.0),
        )

    def policy_of(self, row: int) -> Policy:
        """The policy of the instance of a row."""
        return self.own.of(row)

    def exclude(self, rows: Sequence[int]) -> None:
        """Hold what must not be touched and what nothing is known of."""
        for row in rows:
            if row in self.decided:
                continue
            hold = adj.untouchable(self.instance(row)) or self.gaps.unknown(
                row
            )
            if hold:
                self.decided[row] = hold

    def verdict(self, row: int) -> adj.Adjustment:
        """What is done in the end."""
        return (
            self.decided.get(row)
            or self.fallback.get(row)
            or self.gaps.incomplete(row)
            or Hold(
                reason=Reason.LOW_RISK,
                text=f'no risk reaches {self.thresholds[row]:.3g}',
            )
        )

    def is_held(self, row: int, reason: Reason) -> bool:
        """Whether nothing is decided for a row, so far, for this reason."""
        hold = self.fallback.get(row)
        return (
            row not in self.decided
            and hold is not None
            and hold.reason is reason
        )

    def resting(self, row: int, *, failures_only: bool = False) -> Hold | None:
        """Why the instance is left alone after its last action."""
        last = self.recent.get(self.instance(row).id)
        if last is None or (failures_only and not last.failed):
            return None
        cooldown_s = self.policy_of(row).cooldown_s
        return cooling.after(last, cooldown_s, self.seen.now)

    def backing_off(self, row: int, text: str) -> Hold | None:
        """Why a release that failed is not tried again yet."""
        name = self.instance(row).id
        failures, last = self.failed_releases.get(name), self.recent.get(name)
        if not failures or last is None:
            return None
        cooldown_s = self.policy_of(row).cooldown_s
        return cooling.after_failures(
            failures, last, cooldown_s, self.seen.now, why=text
        )

    def barred(
        self, row: int, why: str, restarts: bool, *, for_good: bool = True
    ) -> Hold | None:
        """The brake that keeps an action from being done.

        :param why: what it would be for.
        :param restarts: it is a resize.
        :param for_good: False: ask only for what needs no answer to what
            would have been done.
        """
        hold = self.brakes.hold(row, restarts=restarts)
        if hold:
            return Hold(reason=hold.reason, text=f'{why}; but {hold.text}')
        if for_good and self.policy_of(row).observe_only:
            return Hold(
                reason=Reason.OBSERVED_ONLY,
                text=f'{why}; but its policy says observe_only',
            )
        return None

    def spend(
        self,
        row: int,
        action: Resize | Migrate | Release,
        target: str,
        flavor: fleet_module.Flavor,
        *,
        most: int | None = None,
    ) -> bool:
        """Take the action into the plan if brakes and budgets allow it.

        :param most: use at most so many actions of the plan's budget.
        """
        hold = self.barred(row, action.text, not isinstance(action, Migrate))
        if hold:
            self.fallback[row] = hold
            return False
        full = self.used_up(row, target, most)
        if full:
            self.fallback[row] = Hold(
                reason=Reason.BUDGET,
                text=f'{action.text}; but {full} is used up',
            )
            return False
        self.budgets.spend(row, {self.instance(row).node, target})
        self.place.move(row, target, flavor)
        self.ways.move(row, target, flavor)
        self.quotas.take(self.instance(row), flavor)
        if isinstance(action, Migrate):
            self.landings.settle(row, target)
        else:
            self.landings.expect(row, flavor)
        self.decided[row] = action
        return True

    def withdraw(
        self, row: int, flavor: fleet_module.Flavor, hold: Hold
    ) -> None:
        """Take an action to ``flavor`` out of the plan again."""
        self.budgets.refund(row)
        self.ways.stay(row, self.place.node_of[row], flavor)
        self.place.stay(row, flavor)
        self.landings.forget(row)
        del self.decided[row]
        self.fallback[row] = hold

    def unfit(
        self,
        row: int,
        flavor: fleet_module.Flavor,
        node: str,
        *,
        leases: bool = False,
    ) -> tuple[str, ...]:
        """The nodes from which a resize has to be followed by a migration to
        ``node``; none where the audit does not allow it.

        :param leases: see `find`.
        """
        if not self.policy_of(row).allow_migrate:
            return ()
        below = self.policy.risk_threshold
        found = self.landings.unfit(row, flavor, below=below)
        if node in found:
            return ()
        if leases:
            found += self.ways.in_danger(row, flavor)
        return tuple(sorted(set(found)))

    def find(
        self,
        row: int,
        flavor: fleet_module.Flavor,
        *,
        below: float,
        leases: bool = False,
    ) -> tuple[fleet_module.Node | None, str]:
        """See `Placement.find`; not to a node that the plan has burdened
        enough.

        :param leases: it must leave other leases a way back, see `ways`.
        """
        return self.place.find(
            row,
            flavor,
            below=below,
            burdened=self.budgets.burdened(row),
            barred=self.ways.barred(row, flavor) if leases else None,
        )

    def used_up(
        self, row: int, target: str, most: int | None = None
    ) -> str | None:
        """The budget that leaves no room for an action, if any."""
        return self.budgets.full(row, {self.instance(row).node, target}, most)

    def instance(self, row: int) -> fleet_module.Instance:
        """The instance of a row of the assessment."""
        return self.seen.fleet.instances[row]

    def flavor_named(self, name: str) -> fleet_module.Flavor | None:
        """The flavor of this name today."""
        return self.named.get(name)

    def origin(self, row: int) -> fleet_module.Flavor:
        """What the instance has when no lease holds."""
        instance = self.instance(row)
        lease = self.leases.get(instance.id)
        found = self.flavor_named(lease.origin_flavor_name) if lease else None
        return found or instance.flavor
