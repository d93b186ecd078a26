"""Which metrics instances have in Gnocchi, looked up once in a process.

Asked by a search, Gnocchi's API loads all resources with all their metrics,
some twenty each, before it reads one; grouped by instance it even aggregates
each by itself, with threads of its own.  So metrics are asked for by their
ids.  Who a disk belongs to, and the id of a metric, never change; what is new
or gone is noticed: devices that began since the last look are looked for at
each reading, and so is an instance that lacks a metric, the more rarely the
longer it does: after as long as it has lacked it, an hour at most.  A guest
without the balloon driver never has `memory.usage`, and a new one soon.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import datetime
import math
import threading
import time
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import measures


PAGE = 1000  # Gnocchi's default max_limit
_AGAIN_S = 6 * 3600.0  # all is looked up again, whatever was missed
_RARELY_S = 3600.0  # between two looks for a metric that an instance lacks
# Clocks of several API hosts differ, and a search takes a while.
_EARLIER = datetime.timedelta(seconds=60)

# by device, then by name: the id of a metric
Devices = Mapping[str, Mapping[str, str]]
_Found = dict[str, dict[str, dict[str, str]]]  # by instance
_Time = datetime.datetime


@dataclass(frozen=True, slots=True)
class _Lack:
    """Since when an instance lacks a metric, and when it is looked for again,
    in seconds of the clock.
    """

    since: float
    again: float


@dataclass(slots=True)
class _Known:
    """What is known of one resource type, by instance.

    ``until`` is the start of the newest resource, of anybody, that there was
    when an instance was looked for: its own that began later are not known.
    ``lacks`` has instances, with metrics that were looked for in vain.
    """

    since: float
    devices: _Found = field(default_factory=dict)
    until: dict[str, _Time] = field(default_factory=dict)
    lacks: dict[tuple[str, tuple[str, ...]], _Lack] = field(
        default_factory=dict
    )
    newest: _Time | None = None


class Catalogue:
    """Devices of instances and the ids of their metrics.

    Audits share it, each in a thread of its own: what one of them looks up,
    or finds gone, does not change what another one has begun to read.

    :param clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._types: dict[str, _Known] = {}
        self._clock = clock
        self._lock = threading.Lock()

    def of(
        self,
        requests: gnocchi_http.Requests,
        measure: measures.Measure,
        page: Sequence[str],
    ) -> dict[str, Devices]:
        """By instance, what Gnocchi has of it; who is not there has nothing.

        :raises TelemetryError: where Gnocchi does not answer as it should.
        :raises NoResourceType: where it does not know the type.
        """
        known = self._known(measure.resource_type)
        with self._lock:
            found: _Found = {
                name: dict(known.devices[name])
                for name in page
                if name in known.devices
            }
            until = [known.until[n] for n in page if n in known.until]
            newest = known.newest
            lacking = self._sought(known, page, measure)
        for name in lacking:
            found.pop(name, None)
        if lacking:
            among = {'in': {measure.owner: lacking}}
            newest = _look(requests, measure, among, found, newest)
        rest = sorted(set(page) - set(lacking))
        if rest and measure.owner != 'id' and until:
            since = (min(until) - _EARLIER).isoformat()
            new = {
                'and': [
                    {'in': {measure.owner: rest}},
                    {'>=': {'started_at': since}},
                ]
            }
            newest = _look(requests, measure, new, found, newest)
        self._keep(known, page, found, newest)
        self._note(known, lacking, measure)
        return {name: found[name] for name in page if name in found}

    def _keep(
        self,
        known: _Known,
        page: Sequence[str],
        found: _Found,
        newest: _Time | None,
    ) -> None:
        with self._lock:
            for name in page:
                known.devices.pop(name, None)
                known.until.pop(name, None)
                if name in found:
                    known.devices[name] = dict(found[name])
                if name in found and newest is not None:
                    known.until[name] = newest
            if newest is not None:
                known.newest = max(known.newest or newest, newest)

    def _sought(
        self, known: _Known, page: Sequence[str], measure: measures.Measure
    ) -> list[str]:
        """Who has to be looked for: is new, or lacks a metric, and not looked
        for in vain of late.
        """
        now, never = self._clock(), _Lack(since=0.0, again=-math.inf)
        return [
            name
            for name in page
            if not _is_complete(known.devices.get(name), measure)
            and now >= known.lacks.get((name, measure.metrics), never).again
        ]

    def _note(
        self, known: _Known, sought: Sequence[str], measure: measures.Measure
    ) -> None:
        """Remember who was looked for in vain."""
        now = self._clock()
        with self._lock:
            for name in sought:
                key = name, measure.metrics
                if _is_complete(known.devices.get(name), measure):
                    known.lacks.pop(key, None)
                    continue
                lack = known.lacks.get(key)
                since = now if lack is None else lack.since
                wait_s = min(now - since, _RARELY_S)
                known.lacks[key] = _Lack(since=since, again=now + wait_s)

    def forget(self, measure: measures.Measure, page: Sequence[str]) -> None:
        """Some metric of these instances is gone: look again."""
        known = self._known(measure.resource_type)
        self._keep(known, page, {}, None)
        with self._lock:
            for name in page:
                known.lacks.pop((name, measure.metrics), None)

    def _known(self, resource_type: str) -> _Known:
        now = self._clock()
        with self._lock:
            known = self._types.get(resource_type)
            if known is None or now - known.since > _AGAIN_S:
                known = self._types[resource_type] = _Known(since=now)
            return known


def _look(
    requests: gnocchi_http.Requests,
    measure: measures.Measure,
    among: Mapping[str, Any],
    found: _Found,
    newest: _Time | None,
) -> _Time | None:
    """Put what a search finds into ``found``.

    :returns: the start of the newest resource, of those and ``newest``.
    """
    try:
        for resource in _pages(requests, measure.resource_type, among):
            devices = found.setdefault(str(resource[measure.owner]), {})
            devices[str(resource['id'])] = {
                str(name): str(metric)
                for name, metric in resource['metrics'].items()
            }
            began = _Time.fromisoformat(resource['started_at'])
            newest = max(newest or began, began)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise exceptions.TelemetryError(
            f'Gnocchi listed resources of {measure.resource_type} in a form '
            f'that is not known ({error!r}); is it Gnocchi 4.3 or later?'
        ) from error
    return newest


def _is_complete(
    devices: Devices | None, measure: measures.Measure
) -> bool:
    return bool(devices) and all(
        name in metrics
        for metrics in (devices or {}).values()
        for name in measure.metrics
    )


def _pages(
    requests: gnocchi_http.Requests,
    resource_type: str,
    among: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """All resources that a search finds."""
    query: dict[str, Any] = {'limit': PAGE, 'sort': 'id:asc'}
    while True:
        page = requests.post(
            f'/v1/search/resource/{resource_type}', among, **query
        )
        yield from page
        # the server may allow less than PAGE: only an empty page is surely
        # the last one, but one that is nearly empty is no part of more
        if len(page) < min(PAGE, 100):
            return
        query['marker'] = page[-1]['id']
