"""Instances that move together, from one audit to the next.

What is known goes on where the audit before ended: each new step costs the
same for each pair that is watched, and at each audit a few instances look for
others (`pairs`).  Rows are those of instances sorted by their ids, whatever
the order in which Nova lists servers.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import copy
import dataclasses
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import leading
from predictive_watcher.core import moving
from predictive_watcher.core import pairs as pairs_module
from predictive_watcher.core import remembering
from predictive_watcher.core import together
from predictive_watcher.core import usage as usage_module


IDENTITY = 'correlation-1'
NAME, PROJECT = 'name', 'project'  # the labels of a memory
_SEEN_AT_ONCE = moving.LAGS + leading.AHEAD  # steps before the newest
# Telemetry that went back by less does not cost what weeks have taught.
_AHEAD_S = 7 * 86400
Kin = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """What is known of ``instances``, sorted, after the step that ends at
    ``time`` (Unix seconds; None: nothing).

    ``group`` has the number of each instance's group, `together.NOBODY` for
    none, and ``following`` the first that no group had; ``probed`` when each
    looked for others, -1: never.
    """

    instances: tuple[str, ...]
    step_s: int
    time: int | None
    moves: moving.Moves
    pairs: pairs_module.Pairs
    leads: leading.Leads
    group: np.ndarray
    following: int
    probed: np.ndarray

    def among(self, instances: Sequence[str]) -> 'Correlation':
        """The same for these; of new ones nothing is known."""
        names = tuple(sorted(instances))
        if names == self.instances:
            return self
        row_of = {name: row for row, name in enumerate(names)}
        place = np.array([row_of.get(n, -1) for n in self.instances], int)
        old = np.flatnonzero(place >= 0)
        fresh = nothing(names, self.step_s)
        for name, part in fresh.moves.parts().items():
            part[place[old]] = self.moves.parts()[name][old]
        fresh.group[place[old]] = self.group[old]
        fresh.probed[place[old]] = self.probed[old]
        return dataclasses.replace(
            fresh,
            time=self.time,
            pairs=self.pairs.moved(place),
            leads=self.leads.moved(place),
            following=self.following,
        )

    def group_of(self, instances: Sequence[str]) -> np.ndarray:
        """The number of the group of each, `together.NOBODY` for none."""
        known = dict(zip(self.instances, self.group.tolist(), strict=True))
        found = [known.get(i, together.NOBODY) for i in instances]
        return np.array(found, np.int64)

    def memory(
        self, labels: Mapping[str, Mapping[str, str]]
    ) -> remembering.Memory:
        """What to keep; ``labels`` by their name and instance id."""
        return remembering.Memory(
            model=IDENTITY,
            instances=self.instances,
            time=-1 if self.time is None else self.time,
            step_s=self.step_s,
            parts=_parts(self),
            labels={
                name: tuple(of.get(i, '') for i in self.instances)
                for name, of in labels.items()
            },
        )


def nothing(instances: Sequence[str], step_s: int) -> Correlation:
    """Nothing is known of these instances."""
    count = len(instances)
    none = np.empty(0, np.int64)
    return Correlation(
        instances=tuple(sorted(instances)),
        step_s=step_s,
        time=None,
        moves=moving.Moves(count),
        pairs=pairs_module.Pairs(none, none),
        leads=leading.nobody(),
        group=np.full(count, together.NOBODY, np.int64),
        following=1,
        probed=np.full(count, -1, np.int64),
    )


def _parts(known: Correlation) -> dict[str, np.ndarray]:
    return {
        **known.moves.parts(),
        **known.pairs.parts(),
        **known.leads.parts(),
        'group': known.group,
        'following': np.array([known.following]),
        'probed': known.probed,
    }


def of_memory(memory: remembering.Memory) -> Correlation | None:
    """What was kept; None where it is of another make."""
    fresh = nothing(memory.instances, memory.step_s)
    if memory.model != IDENTITY or not remembering.fits(
        memory, _parts(fresh)
    ):
        return None
    parts = dict(memory.parts)
    for name, part in fresh.moves.parts().items():
        part[...] = parts[name]
    return _grouped(
        dataclasses.replace(
            fresh,
            time=None if memory.time < 0 else memory.time,
            pairs=pairs_module.Pairs.of(parts),
            leads=leading.Leads.of(parts),
            group=parts['group'],
            following=int(parts['following'][0]),
            probed=parts['probed'],
        )
    )


def learned(
    known: Correlation,
    window: usage_module.UsageWindow,
    limits: np.ndarray,
    kin: Kin | None = None,
) -> Correlation:
    """What is known after a window.

    The newest step is left to the next audit where samples are still to
    come.

    :param limits: (instances, resources) in the units of usage.
    :param kin: by instance id, what it may share with others: as many
        traits for everybody, '' for none.
    """
    if known.step_s != window.step_s or _is_far_ahead(known, window):
        known = nothing(window.instances, window.step_s)
    before, known = known, known.among(window.instances)
    order = np.argsort(np.array(window.instances, object))
    most = limits[order, moving.RESOURCE]
    times = window.times()
    sure = len(times) - remembering.unsure(window)
    new = np.flatnonzero(
        times[:sure] > (times[0] - 1 if known.time is None else known.time)
    )
    if not len(new):
        # somebody may be gone who connected others
        return known if known is before else _grouped(known)
    if known.time is None:
        new = new[-moving.DAY :]  # what is older, no scale remembers
    known = dataclasses.replace(
        known,
        moves=known.moves.copy(),
        pairs=copy.copy(known.pairs),
        leads=known.leads.moved(np.arange(len(order))),
    )
    if known.time is not None:
        left_out = (int(times[new[0]]) - known.time) // window.step_s - 1
        known.moves.pause(left_out)
    used = window.usage[:, :, moving.RESOURCE][order]
    for k in new:
        known.moves.advance(used[:, k], most)
        known.pairs.advance(known.moves.recent)
        if k >= _SEEN_AT_ONCE:
            some = used[:, k - _SEEN_AT_ONCE : k + 1]
            known.leads.compare(some, most, known.moves.scale)
    known.leads.settle(
        used[:, :sure], window.start, window.step_s, known.moves.scale
    )
    pairs, probes = known.pairs.judged(), _turn(known)
    day = pairs_module.day_of(
        known.moves.of_day(used, most), _coded(known, kin or {})
    )
    probed = known.probed.copy()
    probed[probes] = times[new[-1]]
    return _grouped(
        dataclasses.replace(
            known,
            time=int(times[new[-1]]),
            pairs=pairs_module.candidates(pairs, day, probes),
            leads=leading.among(pairs, known.leads),
            probed=probed,
        )
    )


def _is_far_ahead(
    known: Correlation, window: usage_module.UsageWindow
) -> bool:
    """Then nothing would be learned until telemetry has come as far."""
    return known.time is not None and known.time - window.end > _AHEAD_S


def _grouped(known: Correlation) -> Correlation:
    """The same with the groups that its active pairs make."""
    pairs = known.pairs.only(known.pairs.active)
    component = together.bounded(
        together.components(
            len(known.instances), pairs.first, pairs.second
        ),
        pairs.first,
        pairs.second,
        np.nan_to_num(pairs.at_lag(pairs.deviations())),
        known.group,
    )
    group, following = together.numbered(
        component, known.group, known.following
    )
    return dataclasses.replace(known, group=group, following=following)


def _turn(known: Correlation) -> np.ndarray:
    """Whose turn it is to look for others: who did so longest ago."""
    order = np.argsort(known.probed, kind='stable')
    some = -(-len(order) // pairs_module.TURNS)
    return np.sort(order[: min(pairs_module.PROBES, some)])


def _coded(known: Correlation, kin: Kin) -> np.ndarray:
    """A number for each different trait, (instances, traits); -1: none."""
    traits = max((len(own) for own in kin.values()), default=0)
    found = np.full((len(known.instances), traits), -1, np.int64)
    for k in range(traits):
        codes: dict[str, int] = {}
        for row, name in enumerate(known.instances):
            text = kin[name][k] if name in kin else ''
            if text:
                found[row, k] = codes.setdefault(text, len(codes))
    return found
