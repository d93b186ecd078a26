"""What keeps an instance from being judged at all."""

from collections.abc import Container
from collections.abc import Mapping

import numpy as np

from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.assessment import Assessment


def unknown(
    seen: Assessment,
    row: int,
    *,
    nodes: Container[str],
    stale_after_s: int,
    missing: Mapping[str, str],
) -> Hold | None:
    """Why an instance cannot be judged; None where it can.

    :param nodes: names of those that Nova lists.
    :param missing: by instance id, why usage of it is missing.
    """
    instance = seen.fleet.instances[row]
    if row in seen.bad_specs:
        return Hold(reason=Reason.BAD_EXTRA_SPEC, text=seen.bad_specs[row])
    node = instance.node
    if node not in nodes:
        return Hold(
            reason=Reason.NO_NODE,
            text=f'its node {node!r} is not among the hypervisors that '
            'Nova lists',
        )
    newest = int(seen.newest[row])
    if newest < 0:
        return Hold(
            reason=Reason.NO_SAMPLES,
            text='telemetry has no sample of this instance: '
            + missing.get(instance.id, 'check that Ceilometer polls it'),
        )
    if seen.now - newest > stale_after_s:
        return Hold(
            reason=Reason.STALE_SAMPLES,
            text=f'the newest sample is {seen.now - newest} s old, more '
            f'than stale_after = {stale_after_s} s',
        )
    if not np.isfinite(seen.risk.risk[row]).any():
        return Hold(
            reason=Reason.NO_FORECAST,
            text='too few samples yet for a forecast',
        )
    return None
