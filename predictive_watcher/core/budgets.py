"""Budgets: how many actions there may be, and how many there were."""

from collections import Counter
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from dataclasses import dataclass
from dataclasses import field

from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import resolving
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Kind


HOUR_S = 3600
DAY_S = 86400
# what outlasts a plan, and is shared by audits
OVER_TIME = (
    'max_actions_per_hour',
    'max_actions_per_project_hour',
    'max_actions_per_instance_hour',
    'max_actions_per_instance_day',
)
# (name of the setting, what is counted, at most so many)
_Line = tuple[str, Hashable, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How many actions were done or tried, by anyone: within an hour in all,
    by project and by instance, and within a day by instance.

    ``releases`` are the leases that ended within a day, by instance.
    """

    hour: int = 0
    project_hour: Mapping[str, int] = field(default_factory=dict)
    instance_hour: Mapping[str, int] = field(default_factory=dict)
    instance_day: Mapping[str, int] = field(default_factory=dict)
    releases: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, attempts: Iterable[Attempt], now: int) -> 'Spent':
        """Count what was tried; a confirmation is no action of its own.

        An attempt whose project is not known counts in all others.
        """
        counted = [
            one
            for one in attempts
            if one.kind is not Kind.CONFIRM and one.at > now - DAY_S
        ]
        lately = [one for one in counted if one.at > now - HOUR_S]
        return cls(
            hour=len(lately),
            project_hour=Counter(one.project_id for one in lately),
            instance_hour=Counter(one.instance_id for one in lately),
            instance_day=Counter(one.instance_id for one in counted),
            releases=Counter(
                one.instance_id
                for one in counted
                if one.kind is Kind.RELEASE and not one.failed
            ),
        )


class Budgets:
    """What a plan may still hold.  Mutable: it lives while one plan is made.

    Each action counts in the whole plan, at both nodes, for its project, and
    for its instance.  A budget is that of the instance's own policy, and it
    keeps: what is planned later, by whatever policy, does not pass the
    budget of what was planned before.

    :param watched: ids of the instances that an audit looked at of late;
        None: all.
    """

    def __init__(
        self,
        instances: Sequence[fleet_module.Instance],
        own: resolving.Own,
        spent: Spent,
        watched: Collection[str] | None = None,
    ) -> None:
        self._instances = instances
        self._own = own
        self._watched = watched
        self._planned: dict[int, tuple[str, ...]] = {}
        # of what is planned: how often, and with which budgets
        self._limits: dict[Hashable, Counter[int]] = {}
        self._nodes: dict[str, tuple[int, int]] = {}
        # by budget of a policy, the nodes that have no more of it
        self._burdened: dict[int, set[str]] = {}
        self._before: Counter[Hashable] = Counter({('hour',): spent.hour})
        for kind, counts in (
            ('project', spent.project_hour),
            ('instance_hour', spent.instance_hour),
            ('instance_day', spent.instance_day),
        ):
            for key, count in counts.items():
                self._before[kind, key] = count

    @property
    def actions(self) -> int:
        """How many the plan holds."""
        return len(self._planned)

    def full(
        self,
        row: int,
        nodes: Iterable[str],
        most: int | None = None,
        spare: int = 0,
    ) -> str | None:
        """The budget that leaves no room for an action, if any.

        :param nodes: that it would burden.
        :param most: use at most so many of the plan's actions.
        :param spare: leave so many of each hour and day to others.
        """
        if most is not None and len(self._planned) >= most:
            limit = self._own.of(row).max_actions
            return f'max_actions = {limit}'
        for name, key, limit in self._lines(row, nodes):
            planned = self._limits.get(key, Counter())
            limit = min([limit, *planned])
            left = spare if name in OVER_TIME else 0
            if planned.total() + self._before[key] + left >= limit:
                return f'{name} = {limit}' + _told(key)
        return None

    def burdened(self, row: int) -> Set[str]:
        """The nodes that may not take another action of this instance."""
        most = self._own.of(row).max_actions_per_node
        if most not in self._burdened:
            self._burdened[most] = {
                name
                for name, (planned, least) in self._nodes.items()
                if planned >= min(most, least)
            }
        return self._burdened[most]

    def spend(self, row: int, nodes: Iterable[str]) -> None:
        """Count an action of the plan."""
        self._planned[row] = nodes = tuple(nodes)
        for _, key, limit in self._lines(row, self._planned[row]):
            self._limits.setdefault(key, Counter())[limit] += 1
        self._look_at(nodes)

    def refund(self, row: int) -> None:
        """Take `spend` back."""
        nodes = self._planned.pop(row)
        for _, key, limit in self._lines(row, nodes):
            # taken out where none is left: its least value counts
            self._limits[key] -= Counter({limit: 1})
        self._look_at(nodes)

    def _look_at(self, nodes: Iterable[str]) -> None:
        """How many actions burden each node, and the least of their budgets:
        a large cloud asks for all of them at each placement.
        """
        for name in nodes:
            limits = self._limits['node', name]
            planned, least = limits.total(), min(limits, default=_ANY)
            self._nodes[name] = planned, least
            for most, names in self._burdened.items():
                if planned >= min(most, least):
                    names.add(name)
                else:
                    names.discard(name)

    def _lines(self, row: int, nodes: Iterable[str]) -> Iterator[_Line]:
        policy, one = self._own.of(row), self._instances[row]
        yield 'max_actions', ('plan',), policy.max_actions
        for node in sorted(set(nodes)):
            yield (
                'max_actions_per_node',
                ('node', node),
                policy.max_actions_per_node,
            )
        if self._watched is not None and one.id not in self._watched:
            limit = policy.max_unwatched_actions
            yield 'max_unwatched_actions', ('unwatched',), limit
        keys: tuple[Hashable, ...] = (
            ('hour',),
            ('project', one.project_id),
            ('instance_hour', one.id),
            ('instance_day', one.id),
        )
        for name, key in zip(OVER_TIME, keys, strict=True):
            most = getattr(policy, name)
            yield name, key, _ANY if most is None else most


_ANY = 10**9


def _told(key: Hashable) -> str:
    match key:
        case ('node', str(name)):
            return f' on {name}'
        case ('project', str(name)):
            return f' of project {name}'
        case ('unwatched',):
            return (
                ' for instances that no audit looked at of late, as after a '
                'restart or a gap of telemetry'
            )
        case _:
            return ''
