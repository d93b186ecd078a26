"""Claims: what plans that are being carried out hold of budgets.

An action counts from its decision on, not from its end: several audits plan
at the same time, and an action that waits will be done.
"""

from collections import Counter
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from predictive_watcher.core import budgets
from predictive_watcher.core.adjustment import Confirm
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Migrate
from predictive_watcher.core.adjustment import Release
from predictive_watcher.core.adjustment import Resize
from predictive_watcher.core.adjustment import Verdict
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind
from predictive_watcher.core.leases import Lease
from predictive_watcher.core.policy import Policy


_KINDS = {
    Resize: Kind.RESIZE,
    Release: Kind.RELEASE,
    Migrate: Kind.MIGRATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An action that was decided at ``at`` and counts until ``until`` (Unix
    seconds), by the uuid of its audit.

    ``limits`` are the budgets of its instance's policy, by name; where there
    is no limit the name is missing.
    """

    audit: str
    instance_id: str
    project_id: str
    kind: Kind
    at: int
    until: int
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from all others."""
        return self.audit, self.instance_id, self.at

    def attempt(self) -> Attempt:
        """As if it had been done."""
        return Attempt(
            instance_id=self.instance_id,
            kind=self.kind,
            at=self.at,
            failed=False,
            text=f'planned by audit {self.audit}',
            project_id=self.project_id,
        )


def by_gain(verdict: Verdict) -> tuple[float, str]:
    """A key to sort by: what brings most comes first; what brings nothing by
    itself, as a release, can wait.
    """
    gain = 0.0
    match verdict.adjustment:
        case Resize(benefit=benefit, cost=cost):
            gain = benefit - cost
        case Migrate(benefit=benefit, cost=cost):
            gain = benefit - cost
        case Hold() | Release() | Confirm():
            pass
    return -gain, verdict.instance.id


def of_plan(
    verdicts: Iterable[Verdict], audit: str, at: int, until: int
) -> list[Claim]:
    """What the actions of a plan claim, what brings most first.

    A confirmation is no action of its own.
    """
    return [
        Claim(
            audit=audit,
            instance_id=verdict.instance.id,
            project_id=verdict.instance.project_id,
            kind=_KINDS[type(verdict.adjustment)],
            at=at,
            until=until,
            limits=verdict.budgets,
        )
        for verdict in sorted(verdicts, key=by_gain)
        if type(verdict.adjustment) in _KINDS
    ]


def limits_of(policy: Policy) -> dict[str, int]:
    """The budgets of an hour and a day that a policy sets."""
    found = {name: getattr(policy, name) for name in budgets.OVER_TIME}
    return {name: most for name, most in found.items() if most is not None}


def under_way(leases: Iterable[Lease], now: int) -> list[Attempt]:
    """Resizes that were ordered and have not ended: they count too.

    Not for ever: one that hangs on a server in ERROR would leave the budgets
    of all others empty until somebody mends it.
    """
    return [
        Attempt(
            instance_id=lease.instance_id,
            kind=Kind.RESIZE,
            at=min(now, lease.expires_at),
            failed=False,
            text='',
            project_id=lease.project_id,
        )
        for lease in leases
        if lease.pending_flavor_name is not None
    ]


def waiting(
    claims: Iterable[Claim], begun: Iterable[Attempt]
) -> list[Claim]:
    """Those whose action has neither been done nor been ordered yet."""
    done: dict[str, int] = {}
    for one in begun:
        done[one.instance_id] = max(one.at, done.get(one.instance_id, one.at))
    return [
        one for one in claims if done.get(one.instance_id, one.at - 1) < one.at
    ]


def spent(
    attempts: Sequence[Attempt],
    orders: Sequence[Attempt],
    claims: Iterable[Claim],
    now: int,
) -> budgets.Spent:
    """What counts in budgets, each action once.

    Only a release that was done ended a lease: one that another audit plans,
    and perhaps nobody starts, did not.

    :param orders: those that are `under_way`.
    """
    begun = [*attempts, *orders]
    ahead = [one.attempt() for one in waiting(claims, begun)]
    return replace(
        budgets.Spent.of([*begun, *ahead], now),
        releases=budgets.Spent.of(attempts, now).releases,
    )


def admit(
    wanted: Iterable[Claim],
    begun: Sequence[Attempt],
    held: Iterable[Claim],
    now: int,
) -> tuple[list[Claim], dict[str, str]]:
    """Which of the claims fit beside what counts already, the first ones
    first; and by instance id why the others do not.

    Nobody claims an instance for which an action waits already.

    :param begun: what was done or ordered within a day.
    :param held: the claims of all audits.
    """
    others = waiting(held, begun)
    acting = {one.instance_id: one.audit for one in others}
    tally = _Tally(
        budgets.Spent.of([*begun, *(one.attempt() for one in others)], now)
    )
    kept: list[Claim] = []
    refused: dict[str, str] = {}
    for one in wanted:
        whose = acting.get(one.instance_id)
        why = (
            f'an action that audit {whose} decided on it still waits'
            if whose
            else tally.full(one)
        )
        if why:
            refused[one.instance_id] = why
        else:
            tally.take(one)
            kept.append(one)
    return kept, refused


class _Tally:
    """What counts, and the least budget of those who were counted here."""

    def __init__(self, before: budgets.Spent) -> None:
        self._counts: Counter[Hashable] = Counter({'hour': before.hour})
        for kind, counts in (
            ('project', before.project_hour),
            ('instance_hour', before.instance_hour),
            ('instance_day', before.instance_day),
        ):
            self._counts.update({(kind, k): n for k, n in counts.items()})
        self._least: dict[Hashable, int] = {}

    def full(self, one: Claim) -> str:
        """The budget that leaves no room for an action; '' where none."""
        for name, key in self._keys(one):
            limits = [self._least.get(key), one.limits.get(name)]
            known = [limit for limit in limits if limit is not None]
            if known and self._counts[key] >= min(known):
                return (
                    f'{name} = {min(known)} is used up by what was planned '
                    'elsewhere meanwhile'
                )
        return ''

    def take(self, one: Claim) -> None:
        """Count it; what comes later does not pass its budgets."""
        for name, key in self._keys(one):
            self._counts[key] += 1
            if name in one.limits:
                least = self._least.get(key, one.limits[name])
                self._least[key] = min(least, one.limits[name])

    def _keys(self, one: Claim) -> Iterator[tuple[str, Hashable]]:
        keys: tuple[Hashable, ...] = (
            'hour',
            ('project', one.project_id),
            ('instance_hour', one.instance_id),
            ('instance_day', one.instance_id),
        )
        return zip(budgets.OVER_TIME, keys, strict=True)
