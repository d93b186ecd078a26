"""Host aggregates that a flavor asks for, by the rules of Nova's scheduler.

The extra spec ``aggregate_instance_extra_specs:KEY`` of a flavor has to fit
the metadata KEY of an aggregate of the host (AggregateInstanceExtraSpecs-
Filter).  Where that filter is not in use nobody has such extra specs; those
without the scope mean other things to other filters and are not looked at.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from predictive_watcher.core import fleet


SCOPE = 'aggregate_instance_extra_specs:'
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    '=': lambda there, asked: there >= asked,  # Nova means at least
    '==': lambda there, asked: there == asked,
    '!=': lambda there, asked: there != asked,
    '>=': lambda there, asked: there >= asked,
    '<=': lambda there, asked: there <= asked,
}
_COMPARE_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    's==': lambda there, asked: there == asked,
    's!=': lambda there, asked: there != asked,
    's<': lambda there, asked: there < asked,
    's<=': lambda there, asked: there <= asked,
    's>': lambda there, asked: there > asked,
    's>=': lambda there, asked: there >= asked,
    '<in>': lambda there, asked: asked in there,
}


def asked(flavor: fleet.Flavor) -> tuple[tuple[str, str], ...]:
    """What a flavor asks of the metadata of aggregates: key and value."""
    return tuple(
        sorted(
            (key.removeprefix(SCOPE), value)
            for key, value in flavor.extra_specs.items()
            if key.startswith(SCOPE)
        )
    )


class Offers:
    """Which nodes have what a flavor asks for; each question once."""

    def __init__(self, nodes: Sequence[fleet.Node]) -> None:
        self._nodes = nodes
        self._known: dict[tuple[tuple[str, str], ...], np.ndarray] = {}

    def able(self, flavor: fleet.Flavor) -> np.ndarray:
        """The nodes without a `refusal`, (nodes,)."""
        wanted = asked(flavor)
        if wanted not in self._known:
            self._known[wanted] = np.array(
                [refusal(node, flavor) is None for node in self._nodes], bool
            )
        return self._known[wanted]


def refusal(node: fleet.Node, flavor: fleet.Flavor) -> str | None:
    """What the aggregates of a node do not have; None where they have all."""
    for key, value in asked(flavor):
        there = node.aggregate_metadata.get(key, frozenset())
        if not any(fits(one, value) for one in there):
            return f'is in no aggregate with {key}={value}'
    return None


def fits(there: str, wanted: str) -> bool:
    """Whether a value of an aggregate's metadata is what is asked for.

    >>> fits('ssd', 'ssd'), fits('ssd', '<or> hdd <or> ssd')
    (True, True)
    >>> fits('12', '>= 8'), fits('12', 's== 8'), fits('many', '>= 8')
    (True, False, False)
    """
    first, _, rest = wanted.strip().partition(' ')
    rest = rest.strip()
    if first == '<or>':
        return there in [one.strip() for one in rest.split('<or>')]
    if first == '<all-in>':
        return all(word in there for word in rest.split())
    if first in _COMPARE_TEXT:
        return _COMPARE_TEXT[first](there, rest)
    if first in _COMPARE:
        try:
            return _COMPARE[first](float(there), float(rest))
        except ValueError:
            return False
    return there == wanted
