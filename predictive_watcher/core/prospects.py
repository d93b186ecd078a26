"""The risk that instances would have with other flavors.

A plan asks for it again and again: of each instance at risk with each flavor
that it may have, of each lease with the flavor to go back to.  Asked one by
one, arrays of a single row would take most of its time; so those that are
sure to be asked for are worked out together, and all are remembered.
"""

from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import fleet
from predictive_watcher.core.assessment import Assessment


_AT_ONCE = 4096  # of them a forecast takes a few MiB


class Prospects:
    """Risks by instance and flavor.  Mutable: it lives while one plan is
    made.

    :param flavors: all that may be asked for, each name once.
    """

    def __init__(
        self, seen: Assessment, flavors: Sequence[fleet.Flavor]
    ) -> None:
        self._seen = seen
        self._limits = {flavor.name: flavor.limits() for flavor in flavors}
        self._known: dict[tuple[int, str], np.ndarray] = {}

    def look(self, wanted: Iterable[tuple[int, fleet.Flavor]]) -> None:
        """Work out what will be asked for, by row."""
        keys = {(row, flavor.name): None for row, flavor in wanted}
        new = [key for key in keys if key not in self._known]
        for begin in range(0, len(new), _AT_ONCE):
            some = new[begin : begin + _AT_ONCE]
            rows = np.array([row for row, _ in some])
            limits = np.array([self._limits[name] for _, name in some])
            found = self._seen.risk_of(rows, limits)
            self._known.update(zip(some, found, strict=True))

    def risk(self, row: int, flavor: fleet.Flavor) -> np.ndarray:
        """The risk by resource, see `Assessment.risk_of`."""
        key = row, flavor.name
        if key not in self._known:
            self.look([(row, flavor)])
        return self._known[key]

    def highest(self, row: int, flavor: fleet.Flavor) -> float:
        """The largest of `risk`; what is unknown does not count."""
        return float(np.nan_to_num(self.risk(row, flavor)).max())
