"""Ours against each rival, on the same cells of one or more fields."""

from collections.abc import Callable
from dataclasses import dataclass
import time
from typing import Any
from typing import TypeVar

import numpy as np

from benchmarks import fields as fields_module
from predictive_watcher.core import accuracy
from predictive_watcher.core import comparison
from predictive_watcher.core import replay


Tell = Callable[[str, float], None]
_SEED = 0  # of the bootstrap
_TOLD = 'cpu.onset_ap'
_QUANTILES = 'quantiles'
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A forecaster and how it is asked; None: it has no forecasts there."""

    name: str
    ask: Callable[
        [fields_module.Field, Callable[[float], None]], replay.Replayed | None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``figures`` as of `accuracy.scores`, by name; ``ratios`` as of
    `comparison.compare`, by rival; ``origins`` and ``seconds`` by name;
    ``risks``: which risk of a rival was compared, by name.
    """

    ours: str
    ceiling: float
    figures: dict[str, dict[str, float | None]]
    ratios: dict[str, dict[str, comparison.Ratio]]
    origins: dict[str, int]
    seconds: dict[str, float]
    risks: dict[str, str]

    def table(self) -> str:
        """For people."""
        lines = [accuracy.table(self.figures, self.ceiling)]
        if self.ratios:
            lines += ['', comparison.table(self.ratios, self.ours)]
        asked = (f'{n} {count}' for n, count in self.origins.items())
        lines += ['', f'origins: {", ".join(asked)}']
        read_off = [n for n, kind in self.risks.items() if kind == _QUANTILES]
        if read_off:
            lines.append(f'risk off the quantiles: {", ".join(read_off)}')
        return '\n'.join(lines)

    def plain(self) -> dict[str, Any]:
        """The same for JSON; a ratio is [value, low, high]."""
        ratios = {
            rival: {
                key: [_number(r.value), _number(r.low), _number(r.high)]
                for key, r in found.items()
            }
            for rival, found in self.ratios.items()
        }
        return {
            'ours': self.ours,
            'ceiling': self.ceiling,
            'figures': self.figures,
            'ratios': ratios,
            'origins': self.origins,
            'risks': self.risks,
            'seconds': {n: round(s, 1) for n, s in self.seconds.items()},
        }


def _number(value: float) -> float | None:
    return round(value, 5) if np.isfinite(value) else None


def run(
    found: list[fields_module.Field],
    ours: Contender,
    rivals: list[Contender],
    resources: list[str],
    ceiling: float,
    draws: int,
    tell: Tell = lambda _, __: None,
) -> Result:
    """Ask everyone, and compare.

    :param resources: those whose figures are wanted.
    """
    result = Result(
        ours=ours.name, ceiling=ceiling, figures={}, ratios={}, origins={},
        seconds={}, risks={},
    )  # fmt: skip
    asked = _asked(found, ours, result, tell)
    mine = [
        replayed.outcome(field.window, field.limits)
        for field, replayed in asked
    ]
    result.figures[ours.name] = _only(accuracy.scores(mine), resources)
    del mine
    for rival in rivals:
        theirs = _asked(found, rival, result, tell)
        pairs = [
            fields_module.paired(field, replayed, other)
            for field, replayed in asked
            for at, other in theirs
            if at is field
        ]
        if not pairs:
            continue
        tell(f'comparing with {rival.name}', 0.0)
        a = accuracy.joined([pair[0] for pair in pairs])
        b = accuracy.joined([pair[1] for pair in pairs])
        scores, b, result.risks[rival.name] = _better(b)
        result.figures[rival.name] = _only(scores, resources)
        rng = np.random.default_rng(_SEED)  # the same draws for all rivals
        ratios = comparison.compare(a, b, rng, draws)
        result.ratios[rival.name] = _only(ratios, resources)
    return result


def _better(
    outcome: accuracy.Outcome,
) -> tuple[dict[str, float | None], accuracy.Outcome, str]:
    """A rival with its own risk or with that off its quantiles, whichever
    tells onsets better; with its figures.
    """
    own = accuracy.scores([outcome])
    other = accuracy.by_quantiles(outcome)
    found = accuracy.scores([other])
    if (found.get(_TOLD) or 0) > (own.get(_TOLD) or 0):
        return found, other, _QUANTILES
    return own, outcome, 'own'


def _only(found: dict[str, _Value], resources: list[str]) -> dict[str, _Value]:
    return {k: v for k, v in found.items() if k.split('.')[0] in resources}


def _asked(
    found: list[fields_module.Field],
    contender: Contender,
    result: Result,
    tell: Tell,
) -> list[tuple[fields_module.Field, replay.Replayed]]:
    began = time.monotonic()
    stage = f'asking {contender.name}'
    kept = []
    for k, field in enumerate(found):

        def told(done: float, k: int = k) -> None:
            tell(stage, (k + done) / len(found))

        replayed = contender.ask(field, told)
        if replayed is not None:
            kept.append((field, replayed))
    if kept:
        result.origins[contender.name] = sum(len(r.origins) for _, r in kept)
        result.seconds[contender.name] = time.monotonic() - began
    return kept
