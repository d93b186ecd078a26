"""Anomalies of many instances: when they begin, what they are, when they end.

Four watchers look at each sample: the surprise of all resources together, runs
that last longer than ever, memory that rises without end, and how long all
this goes on.  An instance has at most one event under way; it gets the kind
that says most, and ends after an hour without anything odd.

An instance that is often odd is told of less: after each alarm its tolerance
rises to what was told and more, and falls slowly, so that alarms come at a
bounded rate whatever its load is like.
"""

import copy

import numpy as np

from predictive_watcher.core import anomaly
from predictive_watcher.core import detector as detector_module
from predictive_watcher.core import fleet
from predictive_watcher.core import leak as leak_module
from predictive_watcher.core import runs as runs_module
from predictive_watcher.core import wording
from predictive_watcher.core.anomaly import Kind
from predictive_watcher.core.anomaly import KINDS
from predictive_watcher.core.surprise import View


_MEMORY = fleet.RESOURCES.index(fleet.Resource.MEMORY)
_KNOWN = 288  # samples that have to be seen before anything is told
_TOLERANCE = 9.0  # of -ln p, for a new instance: one sample in 8,000
_LEAST_TOLERANCE = 6.0
_RAISED = 4.0  # by an alarm
_LOWERED = _RAISED * 0.3 / 8640  # by a sample: 0.3 alarms in 30 days of 300 s
_CALM_S = 3600  # after which an event is over
_GOES_ON = 4.0  # of -ln p: still odd
_LASTING = 3  # odd samples in a row that make a spike a shift
_FLAT = 0.02  # share of the limit within which cpu at its limit is flat
_CODE = {kind: code for code, kind in enumerate(KINDS, 1)}
_OF_VIEW = np.array(
    [
        _CODE[Kind.LEVEL_SHIFT if view is View.SHIFT else Kind.SPIKE]
        if view not in (View.DAILY, View.DAILY_LOG)
        else _CODE[Kind.REGIME]
        for view in View
    ],
    np.uint8,
)
# The view that has the same in the units of usage.
_UNITS_OF = np.arange(len(View))
_UNITS_OF[View.SHIFT] = View.LEVEL
_UNITS_OF[View.DAILY_LOG] = View.DAILY


class Watch:
    """All that is known of what is usual, and the events under way.

    Of each instance: ``kind`` (0: no event, else one more than its place in
    `KINDS`), ``began`` and ``last`` (Unix seconds, first and newest odd
    sample), ``score`` (-ln p when it was told), ``main`` and ``others``
    (resource, and bits of all that were odd), ``view``, ``value`` and
    ``usual`` (what was compared), ``lasting`` (odd samples in a row),
    ``tolerance`` and ``now`` (-ln p of the newest sample).
    """

    def __init__(self, instances: int, resources: int) -> None:
        """Begin with nothing seen."""
        self.detector = detector_module.Detector(instances, resources)
        self.runs = runs_module.Runs(instances, resources)
        self.leak = leak_module.Leak(instances)
        self.events: dict[str, np.ndarray] = {
            'kind': np.zeros(instances, np.uint8),
            'began': np.zeros(instances, np.int64),
            'last': np.zeros(instances, np.int64),
            'score': np.zeros(instances, np.float32),
            'main': np.zeros(instances, np.uint8),
            'others': np.zeros(instances, np.uint8),
            'view': np.zeros(instances, np.uint8),
            'value': np.zeros(instances, np.float32),
            'usual': np.zeros(instances, np.float32),
            'lasting': np.zeros(instances, np.uint8),
            'tolerance': np.full(instances, _TOLERANCE, np.float32),
            'now': np.full(instances, np.nan, np.float32),
        }

    def parts(self) -> dict[str, np.ndarray]:
        """All that is remembered, as views with the instances first."""
        own = {f'event_{name}': a for name, a in self.events.items()}
        return {
            **self.detector.parts(),
            **self.runs.parts(),
            **self.leak.parts(),
            **own,
        }

    def among(self, rows: slice) -> 'Watch':
        """That of some instances: what it learns, this one knows."""
        some = copy.copy(self)
        some.detector = self.detector.among(rows)
        some.runs = self.runs.among(rows)
        some.leak = self.leak.among(rows)
        some.events = {n: a[rows] for n, a in self.events.items()}
        return some

    def advance(
        self,
        sample: np.ndarray,
        time: int | np.ndarray,
        limits: np.ndarray,
        expected: np.ndarray | None = None,
    ) -> np.ndarray:
        """Take the sample of the step that ends at ``time``.

        :param sample: (instances, resources); NaN where there is none.
        :param time: Unix seconds, one or (instances,).
        :param limits: like ``sample``; NaN where nothing limits.
        :param expected: see `surprise.Surprise.advance`.
        :returns: whose event begins now, or says more than it did; bool
            (instances,).
        """
        x = np.asarray(sample, np.float32)
        at = np.broadcast_to(np.asarray(time, np.int64), len(x))
        event = self.events
        event['kind'][at - event['last'] > _CALM_S] = 0
        before = event['kind'].copy()
        seen = self.detector.look(x, at, expected)
        runs = self.runs.advance(x, limits)
        leak = self.leak.advance(x[:, _MEMORY], at, limits[:, _MEMORY])
        known = np.asarray(np.isfinite(x).any(axis=1))
        np.copyto(event['now'], np.where(known, seen.found, np.nan))
        self._surprised(x, seen, at, known)
        if expected is not None:
            self._usual_is_forecast(expected, at)
        self._lasting(seen, known)
        self._special(runs, leak, at)
        return np.asarray(event['kind'] > before)

    def _surprised(
        self,
        x: np.ndarray,
        seen: detector_module.Seen,
        time: np.ndarray,
        known: np.ndarray,
    ) -> None:
        event = self.events
        told = (
            seen.news
            & (seen.found >= event['tolerance'])
            & (self.runs.seen >= _KNOWN)
        )
        event['tolerance'] -= np.float32(_LOWERED) * known
        least = np.float32(_LEAST_TOLERANCE)
        np.maximum(event['tolerance'], least, out=event['tolerance'])
        raised = np.maximum(event['tolerance'] + _RAISED, seen.found)
        np.copyto(event['tolerance'], raised, where=told)
        going = (event['kind'] > 0) & known & (seen.found >= _GOES_ON)
        event['last'][going] = time[going]
        rows = np.flatnonzero(told)
        if not len(rows):
            return
        main = seen.by_resource[rows].argmax(axis=1)
        view = seen.views[rows, main].argmax(axis=1)
        odd = seen.by_resource[rows] >= _GOES_ON
        odd[np.arange(len(rows)), main] = True
        bits = (odd << np.arange(odd.shape[1])).sum(axis=1)
        value = x[rows, main]
        new = rows[event['kind'][rows] == 0]
        event['began'][new] = time[new]
        event['lasting'][new] = 0
        event['last'][rows] = time[rows]
        better = _OF_VIEW[view] > event['kind'][rows]
        told_now: dict[str, np.ndarray] = {
            'kind': _OF_VIEW[view],
            'score': seen.found[rows],
            'main': main,
            'others': bits,
            'view': view,
            'value': value,
            'usual': value - seen.away[rows, main, _UNITS_OF[view]],
        }
        for name, found in told_now.items():
            event[name][rows[better]] = found[better]

    def _usual_is_forecast(
        self, expected: np.ndarray, time: np.ndarray
    ) -> None:
        event = self.events
        rows = np.flatnonzero(
            (event['last'] == time) & (event['view'] == View.FORECAST)
        )
        event['usual'][rows] = expected[rows, event['main'][rows], 1]

    def _lasting(self, seen: detector_module.Seen, known: np.ndarray) -> None:
        """A spike that does not go away is a shift of the level; or, where
        the level is one that other hours have, another regime.
        """
        event = self.events
        rows = np.arange(len(known))
        views = seen.views[rows, event['main']] >= _GOES_ON
        level = views[:, [View.LEVEL, View.SHIFT]].any(axis=1)
        daily = views[:, [View.DAILY, View.DAILY_LOG]].any(axis=1)
        odd = (event['kind'] > 0) & (level | daily)
        more = np.minimum(event['lasting'], _LASTING) + 1
        np.copyto(event['lasting'], np.where(odd, more, 0), where=known)
        code = np.where(level, _CODE[Kind.LEVEL_SHIFT], _CODE[Kind.REGIME])
        more_said = (
            (event['lasting'] >= _LASTING)
            & (event['kind'] > 0)
            & (event['kind'] < code)
        )
        np.copyto(event['kind'], code.astype(np.uint8), where=more_said)

    def _special(
        self, runs: np.ndarray, leak: np.ndarray, time: np.ndarray
    ) -> None:
        flat = self.runs.most - self.runs.least <= _FLAT * self.runs.most
        full = runs[:, runs_module.Run.FULL]
        stuck = runs[:, runs_module.Run.STUCK :]
        cpu = runs_module.CPU
        silent = runs[:, runs_module.Run.SILENCE]
        self._told(Kind.STUCK, stuck.max(axis=1), stuck.argmax(axis=1), time)
        self._told(Kind.SILENCE, silent, None, time)
        self._told(Kind.LEAK, leak, _MEMORY, time)
        self._told(Kind.RUNAWAY, np.where(flat, 0, full), cpu, time)
        self._told(Kind.FLAT_AT_LIMIT, np.where(flat, full, 0), cpu, time)

    def _told(
        self,
        kind: Kind,
        found: np.ndarray,
        main: np.ndarray | int | None,
        time: np.ndarray,
    ) -> None:
        event = self.events
        rows = np.flatnonzero(found > 0)
        if not len(rows):
            return
        new = rows[event['kind'][rows] == 0]
        event['began'][new] = time[new]
        event['last'][rows] = time[rows]
        code = _CODE[kind]
        better = rows[event['kind'][rows] < code]
        event['kind'][better] = code
        event['score'][better] = found[better]
        everything = (1 << len(fleet.RESOURCES)) - 1
        if main is None:
            event['others'][better] = everything
            return
        of = np.broadcast_to(np.asarray(main), found.shape)[better]
        event['main'][better] = of
        event['others'][better] = 1 << of

    def findings(self, instances: tuple[str, ...]) -> anomaly.Findings:
        """What is out of the ordinary at the newest step."""
        rows = np.flatnonzero(self.events['kind']).tolist()
        return anomaly.Findings(
            score=self.events['now'] / np.float32(np.log(10)),
            found={
                instances[r]: wording.told(
                    instances[r],
                    r,
                    {name: array[r] for name, array in self.events.items()},
                    self.runs,
                    self.leak,
                )
                for r in rows
            },
        )
