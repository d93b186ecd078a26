"""Which metrics cannot be read because of their archive policy.

One metric without the aggregation makes Gnocchi refuse a request for a
thousand.  This happens in every cloud whose archive policies were changed:
metrics keep the policy they were created with.  So the culprits are looked
up, once per reading, and read as far as their policy allows.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from dataclasses import dataclass
import re
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.telemetry import gnocchi_http
from predictive_watcher.telemetry import measures


PAGE = 1000  # Gnocchi's default max_limit
MAX_PAGES = 20  # more culprits than this are not told apart


def seconds(granularity: str | float) -> float:
    """Gnocchi's spelling of a time span, in seconds.

    >>> seconds('0:05:00'), seconds('1 day, 0:00:00'), seconds(60.0)
    (300.0, 86400.0, 60.0)
    """
    match = re.fullmatch(
        r'(?:(\d+) days?, )?(\d+):(\d+):(\d+(?:\.\d+)?)', str(granularity)
    )
    if match is None:
        return float(granularity)
    days, hours, minutes, rest = match.groups(default='0')
    return (
        float(days) * 86400 + int(hours) * 3600 + int(minutes) * 60
    ) + float(rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a metric can be read whose archive policy is not as it should be.

    ``aggregation`` is None where it cannot; ``granularity`` in seconds.
    """

    aggregation: str | None
    granularity: int
    text: str


def way(
    policy: Mapping[str, Any], metric: str, aggregation: str, granularity: int
) -> Way | None:
    """How to read a metric with this policy; None: as any other.

    Of a counter without a rate the mean is taken, to be differenced; of
    finer steps the longest that make up a step.

    :raises TypeError, ValueError, KeyError: where it is no policy.
    """
    name, methods = policy['name'], policy['aggregation_methods']
    steps = [seconds(entry['granularity']) for entry in policy['definition']]
    if aggregation in methods and granularity in steps:
        return None
    said = (
        f'archive policy {name} of metric {metric} lacks {aggregation} at '
        f'granularity {granularity} s'
    )
    found = aggregation
    if aggregation not in methods and aggregation == measures.RATE:
        found = measures.MEAN
    finer = [int(s) for s in steps if s >= 1 and granularity % s == 0]
    if found not in methods or not finer:
        coarser = min(steps, default=0)
        why = f'; it has {coarser:g} s at best' if not finer else ''
        return Way(
            aggregation=None,
            granularity=granularity,
            text=f'{said}{why}; metrics keep their policy: delete the '
            'metric, and the next sample creates it with the right one',
        )
    instead = 'the growth of its mean' if found != aggregation else ''
    if max(finer) != granularity:
        instead += f'{" " if instead else ""}at {max(finer)} s, averaged'
    return Way(
        aggregation=found,
        granularity=max(finer),
        text=f'{said}: {instead} is read instead',
    )


def _worse(one: Way, other: Way) -> Way:
    """What does for both: two metrics of one instance."""
    if one.aggregation is None or other.aggregation is None:
        return one if one.aggregation is None else other
    rated = one.aggregation == other.aggregation
    return dataclasses.replace(
        one,
        aggregation=one.aggregation if rated else measures.MEAN,
        granularity=min(one.granularity, other.granularity),
    )


class Unfit:
    """Looks up the metrics that lack an aggregation or the granularity."""

    def __init__(
        self, requests: gnocchi_http.Requests, granularity: int
    ) -> None:
        self._requests = requests
        self._granularity = granularity
        self._policies: list[dict[str, Any]] | None = None
        self._resources: dict[tuple[str, str], dict[str, Way]] = {}

    def owners(
        self, measure: measures.Measure, page: Sequence[str]
    ) -> dict[Way, set[str]]:
        """Instances of ``page`` with unfit metrics, by how to read them.

        :raises TelemetryError: where Gnocchi does not answer as it should.
        """
        ways: dict[str, Way] = {}
        try:
            for metric in measure.metrics:
                found = self._of(metric, measure.aggregation)
                owners = self._owners(measure, list(found), page)
                for resource, owner in owners.items():
                    own = found[resource]
                    ways[owner] = _worse(ways.get(owner, own), own)
        except (TypeError, ValueError, KeyError) as error:
            raise exceptions.TelemetryError(
                'Gnocchi listed its archive policies or metrics in a form '
                f'that is not known ({error!r}); is it Gnocchi 4.3 or later?'
            ) from error
        by_way: dict[Way, set[str]] = {}
        for owner, own in ways.items():
            by_way.setdefault(own, set()).add(owner)
        return by_way

    def _of(self, metric: str, aggregation: str) -> dict[str, Way]:
        """Resource → how its ``metric`` can be read; looked up once."""
        key = (metric, aggregation)
        if key not in self._resources:
            if self._policies is None:
                self._policies = self._requests.get('/v1/archive_policy')
            found: dict[str, Way] = {}
            for policy in self._policies:
                other = way(policy, metric, aggregation, self._granularity)
                if other is not None:
                    for resource in self._with_policy(
                        metric, str(policy['name'])
                    ):
                        found[resource] = other
            self._resources[key] = found
        return self._resources[key]

    def _with_policy(self, metric: str, policy: str) -> list[str]:
        found: list[str] = []
        query: dict[str, Any] = {
            'name': metric,
            'archive_policy_name': policy,
            'limit': PAGE,
        }
        for _ in range(MAX_PAGES):
            page = self._requests.get('/v1/metric', **query)
            found += [str(m['resource_id']) for m in page if m['resource_id']]
            # The server may allow less than PAGE: only an empty page is
            # surely the last one, but a first page that is nearly empty
            # need not be asked for again.
            if len(page) < min(PAGE, 100):
                break
            query['marker'] = page[-1]['id']
        return found

    def _owners(
        self,
        measure: measures.Measure,
        resources: list[str],
        page: Sequence[str],
    ) -> dict[str, str]:
        """Resource → its instance, for those of the page."""
        if measure.owner == 'id':
            wanted = set(page)
            return {name: name for name in resources if name in wanted}
        owners: dict[str, str] = {}
        for i in range(0, len(resources), PAGE):
            found = self._requests.post(
                f'/v1/search/resource/{measure.resource_type}',
                {
                    'and': [
                        {'in': {measure.owner: list(page)}},
                        {'in': {'id': resources[i : i + PAGE]}},
                    ]
                },
                limit=PAGE,
            )
            for resource in found:
                owners[str(resource['id'])] = str(resource[measure.owner])
        return owners
