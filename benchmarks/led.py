"""A model that follows load, with forecasts raised as audits raise them."""

from typing import Any

import numpy as np

from benchmarks import fields
from benchmarks import surges
from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison
from predictive_watcher.core import correlation
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import relating
from predictive_watcher.core import remembering
from predictive_watcher.core import replay
from predictive_watcher.core import together
from predictive_watcher.core import usage as usage_module


WINDOW = 288 + 16  # steps that an audit looks back
_CPU = fleet_module.RESOURCES.index(fleet_module.Resource.CPU)
_TARGETS = {'300': 0, '600': 1, '900': 2, 'max900': 3}


class _Raising:
    """Keeps each forecast as it is, and as it is told."""

    def __init__(
        self, window: usage_module.UsageWindow, limits: np.ndarray, begin: int
    ) -> None:
        self._window, self._limits = window, limits
        self._begin = begin
        self._fleet = fleet(window.instances)
        self.relating = relating.Correlating()
        self.alone: list[np.ndarray] = []
        self.raised: list[np.ndarray] = []

    def improve(
        self, step: int, found: forecast_module.Forecast
    ) -> forecast_module.Forecast:
        past = fields.between(self._window, step - WINDOW + 1, step + 1)
        self.relating.learn(self._fleet, past, self._limits)
        raised = self.relating.raised(found, past, self._limits)
        if step >= self._begin:
            self.alone.append(found.quantiles[:, _CPU].copy())
            self.raised.append(raised.quantiles[:, _CPU].copy())
        return raised


def fleet(instances: tuple[str, ...]) -> fleet_module.Fleet:
    """Nobody is kin of anybody."""
    flavor = fleet_module.Flavor(
        id='f', name='f', vcpus=1, memory_mib=1, disk_gib=1
    )
    return fleet_module.Fleet(
        instances=tuple(
            fleet_module.Instance(
                id=name, name=name, project_id='', flavor=flavor, node=''
            )
            for name in instances
        ),
        nodes=(),
        flavors=(),
        groups=(),
        scope=frozenset(instances),
    )


def follow(
    model: remembering.Model,
    made: surges.Led,
    begin: int,
    seed: int,
) -> dict[str, Any]:
    """What raising brought from step ``begin`` on, and who was found."""
    window, limits = made.window, made.limits
    end = window.usage.shape[1] - replay.AHEAD
    raising = _Raising(window, limits, begin)
    replay.recurrent(
        model, window, limits, np.arange(begin, end), accuracy.CEILING,
        begin, calibrated=True, improve=raising.improve,
    )  # fmt: skip
    known = raising.relating.known
    assert known is not None
    cpu = window.usage[:, :, _CPU]
    came = np.stack(
        [cpu[:, begin + k : end + k] for k in range(1, replay.AHEAD + 1)],
        axis=-1,
    )
    came = np.concatenate([came, came.max(axis=-1, keepdims=True)], axis=-1)
    losses = [
        _losses(np.stack(said, axis=1), came)
        for said in (raising.raised, raising.alone)
    ]
    followers = np.unique(made.follower)
    coming = _coming(made, begin, end)
    rows = followers if len(followers) else np.arange(len(window.instances))
    rng = np.random.default_rng(seed)
    found = {
        'followers' if len(followers) else 'instances': len(rows),
        'origins': end - begin,
        'ratio': _ratios(losses, rows, None, rng),
        'found': _found(known, made),
    }
    if len(followers):
        found['ratio_at_surges'] = _ratios(losses, rows, coming, rng)
        found['surges_share'] = round(float(coming[rows].mean()), 4)
    return found


def _losses(said: np.ndarray, came: np.ndarray) -> np.ndarray:
    """(instances, origins, targets); NaN where it is not known."""
    loss = accuracy.pinball(came, said)
    return np.where(np.isfinite(came), loss, np.nan)


def _coming(made: surges.Led, begin: int, end: int) -> np.ndarray:
    """Where a surge that was planted is to rise within 15 minutes, bool
    (instances, origins).
    """
    found = np.zeros((len(made.window.instances), end - begin), bool)
    for row, added in zip(made.follower, made.surges, strict=True):
        ahead = np.stack([added[begin + k : end + k] for k in range(1, 4)])
        found[row] |= ahead.max(axis=0) > added[begin:end] + 1e-6
    return found


def _ratios(
    losses: list[np.ndarray],
    rows: np.ndarray,
    where: np.ndarray | None,
    rng: np.random.Generator,
) -> dict[str, list[float]]:
    """With and without, by target: the ratio and its interval."""
    drawn = comparison.draw(rng, len(rows), comparison.DRAWS)
    told = {}
    for name, target in _TARGETS.items():
        mine, other = (part[rows, :, target] for part in losses)
        known = np.isfinite(mine) & np.isfinite(other)
        if where is not None:
            known &= where[rows]
        ratio = comparison.ratio(
            np.where(known, mine, 0).sum(axis=1),
            np.where(known, other, 0).sum(axis=1),
            drawn,
        )
        values = (ratio.value, ratio.low, ratio.high)
        told[name] = [round(float(v), 4) for v in values]
    return told


def _found(
    known: correlation.Correlation, made: surges.Led
) -> dict[str, int]:
    """How many groups and pairs there are at the end, and of those that
    were planted.
    """
    row_of = {name: k for k, name in enumerate(made.window.instances)}
    rows = np.array([row_of[name] for name in known.instances])
    leads = known.leads
    true = set(zip(made.leader.tolist(), made.follower.tolist(), strict=True))
    mine = [
        (int(rows[a]), int(rows[b]))
        for a, b in zip(
            leads.leader[leads.proven], leads.follower[leads.proven],
            strict=True,
        )
    ]  # fmt: skip
    grouped = known.group[known.group != together.NOBODY]
    return {
        'groups': len(np.unique(grouped)),
        'grouped': len(grouped),
        'pairs': int(known.pairs.active.sum()),
        'leads': len(leads.leader),
        'proven': int(leads.proven.sum()),
        'proven_followers': len({b for _, b in mine}),
        'proven_planted': len(true.intersection(mine)),
        'planted': len(true),
    }
