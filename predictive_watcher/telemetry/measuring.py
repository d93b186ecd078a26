"""What audits find, written to Gnocchi as metrics of the instances.

One request for `PAGE` instances; Gnocchi makes the metrics that are not there
yet.  It refuses a request that names an instance which it does not know:
those are left out, and the rest is sent once more.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import datetime
import time
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ks_exceptions

from predictive_watcher import exceptions
from predictive_watcher.telemetry import http


PATH = '/v1/batch/resources/metrics/measures?create_metrics=true'
PAGE = 500
_UNKNOWN = 'Unknown resources'


class Measuring:
    """Writes measures through ``client``, a keystoneauth1 adapter.

    :param archive_policy: of the metrics that are made; '': that of
        Gnocchi's own rules.
    :param timeout_s: of one `write`: a plan waits for it.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        client: adapter.Adapter,
        archive_policy: str = '',
        timeout_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._policy = archive_policy
        self._timeout_s = timeout_s
        self._clock = clock

    def write(
        self, at: int, values: Mapping[str, Mapping[str, float]]
    ) -> tuple[int, int]:
        """How many instances were written, and how many are not known.

        :param at: Unix seconds of all measures.
        :param values: by instance id, then by name of the metric; of what is
            not known there is none.
        :raises TelemetryError: where Gnocchi cannot be reached, refuses, or
            takes too long; what was written up to then stays.
        """
        stamp = datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()
        end = self._clock() + self._timeout_s
        written = unknown = 0
        known = [item for item in values.items() if item[1]]
        for begin in range(0, len(known), PAGE):
            page = known[begin : begin + PAGE]
            left_out = self._send(stamp, page, end)
            if left_out:
                rest = [item for item in page if item[0] not in left_out]
                if rest and self._send(stamp, rest, end):
                    raise exceptions.TelemetryError(
                        'Gnocchi does not know instances that it knew a '
                        'moment ago; the next audit will try again'
                    )
            unknown += len(left_out)
            written += len(page) - len(left_out)
        return written, unknown

    def _send(
        self,
        stamp: str,
        page: Sequence[tuple[str, Mapping[str, float]]],
        end: float,
    ) -> frozenset[str]:
        """The ids that Gnocchi does not know; then nothing was written."""
        left_s = end - self._clock()
        if left_s <= 0:
            raise exceptions.TelemetryError(
                f'metrics were not all written within {self._timeout_s:g} s; '
                'give Gnocchi more workers'
            )
        body = {
            instance: {
                name: self._measure(stamp, value)
                for name, value in metrics.items()
            }
            for instance, metrics in page
        }
        try:
            response = self._client.request(
                PATH,
                'POST',
                json=body,
                timeout=left_s,
                raise_exc=False,
            )
        except ks_exceptions.ClientException as error:
            raise exceptions.TelemetryError(
                f'metrics were not written: Gnocchi cannot be reached: {error}'
            ) from error
        if response.status_code < 300:
            return frozenset()
        found = _unknown(response)
        if not found:
            raise exceptions.TelemetryError(
                f'metrics were not written: Gnocchi answered '
                f'{response.status_code}: {http.plain(response.text)};'
                ' the user needs the right to create metrics'
            )
        return found

    def _measure(self, stamp: str, value: float) -> dict[str, Any]:
        made: dict[str, Any] = {
            'measures': [{'timestamp': stamp, 'value': value}]
        }
        if self._policy:
            made['archive_policy_name'] = self._policy
        return made


def _unknown(response: Any) -> frozenset[str]:
    """The instances that a refusal names."""
    try:
        words = response.json()['description']
        if words['cause'] != _UNKNOWN:
            return frozenset()
        return frozenset(
            str(one['original_resource_id']) for one in words['detail']
        )
    except (ValueError, KeyError, TypeError):
        return frozenset()
