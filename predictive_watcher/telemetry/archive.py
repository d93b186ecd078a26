"""Which metrics cannot be read because of their archive policy.

One metric without the aggregation makes Gnocchi refuse a request for a
thousand.  This happens in every cloud whose archive policies were changed:
metrics keep the policy they were created with.  So the culprits are looked
up, once per reading, and left out.
"""

from collections.abc import Sequence
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


class Unfit:
    """Looks up the metrics that lack an aggregation or the granularity."""

    def __init__(
        self, requests: gnocchi_http.Requests, granularity: int
    ) -> None:
        self._requests = requests
        self._granularity = granularity
        self._policies: list[dict[str, Any]] | None = None
        self._resources: dict[tuple[str, str], dict[str, str]] = {}

    def owners(
        self, measure: measures.Measure, page: Sequence[str]
    ) -> dict[str, set[str]]:
        """Instances of ``page`` that have unfit metrics, by reason.

        :raises TelemetryError: where Gnocchi does not answer as it should.
        """
        found: dict[str, set[str]] = {}
        try:
            for metric in measure.metrics:
                why = self._of(metric, measure.aggregation)
                owners = self._owners(measure, list(why), page)
                for resource, owner in owners.items():
                    found.setdefault(why[resource], set()).add(owner)
        except (TypeError, ValueError, KeyError) as error:
            raise exceptions.TelemetryError(
                'Gnocchi listed its archive policies or metrics in a form '
                f'that is not known ({error!r}); is it Gnocchi 4.3 or later?'
            ) from error
        return found

    def _of(self, metric: str, aggregation: str) -> dict[str, str]:
        """Resource → why its ``metric`` is unfit; looked up once."""
        key = (metric, aggregation)
        if key not in self._resources:
            self._resources[key] = {
                resource: (
                    f'archive policy {policy} of metric {metric} lacks '
                    f'{aggregation} at granularity {self._granularity} s; '
                    'metrics keep their policy: delete the metric, and the '
                    'next sample creates it with the right one'
                )
                for policy in self._unfit_policies(aggregation)
                for resource in self._with_policy(metric, policy)
            }
        return self._resources[key]

    def _unfit_policies(self, aggregation: str) -> list[str]:
        if self._policies is None:
            self._policies = self._requests.get('/v1/archive_policy')
        return [
            str(policy['name'])
            for policy in self._policies
            if aggregation not in policy['aggregation_methods']
            or self._granularity
            not in [seconds(d['granularity']) for d in policy['definition']]
        ]

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
