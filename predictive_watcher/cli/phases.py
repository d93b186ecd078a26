"""Origins of a trace whose steps are shorter than those of the model.

An origin has to be the end of one of the model's steps.  Where origins are
not whole steps of the model apart, the trace is averaged several times: once
for each *phase*, and each origin belongs to one of them.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from predictive_watcher.core import accuracy
from predictive_watcher.core import replay
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A trace in the steps of the model.

    ``at`` are origins as steps of ``trace``, ``place`` their indices among
    all origins.
    """

    trace: traces.Trace
    at: np.ndarray
    place: np.ndarray

    def only(self, some: np.ndarray) -> 'Phase':
        """The same with those origins only whose indices are in ``some``."""
        keep = np.isin(self.place, some)
        return dataclasses.replace(
            self, at=self.at[keep], place=self.place[keep]
        )


def of(trace: traces.Trace, step_s: int, at: np.ndarray) -> list[Phase]:
    """The phases that the origins ``at``, steps of ``trace``, belong to.

    :raises InvalidTrace: as `resample.to_step`.
    """
    count = resample.factor(trace, step_s)
    found = []
    for shift in np.unique(at % count):
        place = np.flatnonzero(at % count == shift)
        end = trace.window.start + int(shift) * trace.window.step_s
        found.append(
            Phase(
                trace=resample.to_step(trace, step_s, end),
                at=(at[place] - shift) // count,
                place=place,
            )
        )
    return found


def joined(
    found: list[replay.Replayed], phases: list[Phase], at: np.ndarray
) -> replay.Replayed:
    """The forecasts of all phases, in the order of the origins ``at``."""
    order = np.argsort(np.concatenate([phase.place for phase in phases]))
    quantiles, risk = found[0].quantiles, found[0].risk
    if len(found) > 1:  # else nothing is copied: forecasts may be large
        quantiles = np.concatenate([f.quantiles for f in found], 1)[:, order]
        risk = np.concatenate([f.risk for f in found], 1)[:, order]
    return replay.Replayed(
        origins=at, quantiles=quantiles, risk=risk, ceiling=found[0].ceiling
    )


def outcome(
    found: list[replay.Replayed],
    phases: list[Phase],
    some: np.ndarray | None = None,
) -> accuracy.Outcome:
    """The forecasts of all phases beside what came.

    :param some: indices among all origins; None: all of them.
    """
    parts = []
    for one, phase in zip(found, phases, strict=True):
        trace = phase.trace
        pick = some
        if some is not None:
            pick = np.flatnonzero(np.isin(phase.place, some))
        parts.append(one.outcome(trace.window, trace.limits, pick))
    if len(parts) == 1:
        return parts[0]
    return accuracy.Outcome(
        quantiles=np.concatenate([p.quantiles for p in parts], axis=1),
        came=np.concatenate([p.came for p in parts], axis=1),
        now=np.concatenate([p.now for p in parts], axis=1),
        risk=np.concatenate([p.risk for p in parts], axis=1),
        limits=parts[0].limits,
        ceiling=parts[0].ceiling,
    )
