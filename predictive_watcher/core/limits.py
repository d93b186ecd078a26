"""What limits instances, and what they weigh, as their flavors say."""

from collections.abc import Hashable
from collections.abc import Sequence

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import fleet


def read(
    instances: Sequence[fleet.Instance],
) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Limits and weights, (instances, resources) each, and by row what is
    wrong with a flavor copy that cannot be read.

    What cannot be read is NaN, of weights 1.
    """
    limits = np.full((len(instances), len(fleet.RESOURCES)), np.nan)
    weights = np.full_like(limits, fleet.DEFAULT_WEIGHT)
    bad: dict[int, str] = {}
    # many servers have copies of few flavors
    known: dict[Hashable, tuple[np.ndarray, np.ndarray, str]] = {}
    for row, instance in enumerate(instances):
        flavor = instance.flavor
        specs = frozenset(flavor.extra_specs.items())
        key = flavor.name, flavor.vcpus, flavor.memory_mib, specs
        if key not in known:
            known[key] = _read(flavor)
        limits[row], weights[row], why = known[key]
        if why:
            bad[row] = why
    return limits, weights, bad


def _read(flavor: fleet.Flavor) -> tuple[np.ndarray, np.ndarray, str]:
    """Limits and weights, and why one of them cannot be read."""
    limits = np.full(len(fleet.RESOURCES), np.nan)
    weights = np.full_like(limits, fleet.DEFAULT_WEIGHT)
    try:
        limits = flavor.limits()
        weights = flavor.weights()
    except exceptions.InvalidExtraSpec as error:
        return limits, weights, str(error)
    return limits, weights, ''
