"""What keeps an instance from being judged, in part or at all."""

from collections.abc import Container
from collections.abc import Mapping

import numpy as np

from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.assessment import Assessment
from predictive_watcher.core.fleet import RESOURCES


class Gaps:
    """What is not known of the instances of a fleet.

    :param nodes: names of those that Nova lists.
    :param missing: by instance id, why usage of it is missing.
    """

    def __init__(
        self,
        seen: Assessment,
        *,
        nodes: Container[str],
        stale_after_s: int,
        missing: Mapping[str, str],
    ) -> None:
        self._seen = seen
        self._nodes = nodes
        self._stale_after_s = stale_after_s
        self._missing = missing
        risk = seen.risk.risk
        self._judged = np.isfinite(risk).any(axis=1).tolist()
        # limited, and at risk for all that is known
        self._blind = np.isfinite(seen.limits) & np.isnan(risk)
        self._in_part = self._blind.any(axis=1).tolist()
        self._newest = seen.newest.tolist()

    def unknown(self, row: int) -> Hold | None:
        """Why an instance cannot be judged at all; None where it can."""
        seen = self._seen
        instance = seen.fleet.instances[row]
        if row in seen.bad_specs:
            return Hold(
                reason=Reason.BAD_EXTRA_SPEC, text=seen.bad_specs[row]
            )
        if instance.node not in self._nodes:
            return Hold(
                reason=Reason.NO_NODE,
                text=f'its node {instance.node!r} is not among the '
                'hypervisors that Nova lists',
            )
        newest = self._newest[row]
        if newest < 0:
            return Hold(
                reason=Reason.NO_SAMPLES,
                text='telemetry has no sample of this instance: '
                + self._missing.get(
                    instance.id, 'check that Ceilometer polls it'
                ),
            )
        if seen.now - newest > self._stale_after_s:
            return Hold(
                reason=Reason.STALE_SAMPLES,
                text=f'the newest sample is {seen.now - newest} s old, more '
                f'than stale_after = {self._stale_after_s} s',
            )
        if not self._judged[row]:
            return Hold(
                reason=Reason.NO_FORECAST,
                text='too few samples yet for a forecast',
            )
        return None

    def incomplete(self, row: int) -> Hold | None:
        """Why an instance cannot be judged in part: a limited resource has
        no forecast.
        """
        if not self._in_part[row]:
            return None
        names = ', '.join(
            resource
            for resource, unknown in zip(
                RESOURCES, self._blind[row], strict=True
            )
            if unknown
        )
        why = self._missing.get(self._seen.fleet.instances[row].id)
        return Hold(
            reason=Reason.INCOMPLETE,
            text=f'there is no forecast of {names}'
            + (f': {why}' if why else ''),
        )
