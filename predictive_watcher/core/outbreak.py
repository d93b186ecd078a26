"""Many instances at once: an anomaly of their node, or of the whole fleet.

A broken source of telemetry, a node that fails or a noisy neighbour shows as
events of several instances that begin within a quarter of an hour.  They are
told as one.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from predictive_watcher.core.anomaly import Anomaly
from predictive_watcher.core.anomaly import Findings
from predictive_watcher.core.anomaly import Kind


TOGETHER_S = 900
FLEET = (5, 0.1)  # at least so many instances, and this share of all
NODE = (3, 0.25)


def cluster(
    began: np.ndarray, reach: tuple[int, float], among: int
) -> np.ndarray:
    """Those of the largest group that began together, where it is large.

    >>> cluster(np.array([0, 300, 5000, 600]), (3, 0.25), 10).tolist()
    [True, True, False, True]
    >>> cluster(np.array([0, 5000]), (3, 0.25), 10).tolist()
    [False, False]

    :param began: Unix seconds, (events,).
    :param among: of how many instances these are the events.
    :returns: bool (events,).
    """
    count, share = reach
    order = np.sort(began)
    ends = np.searchsorted(order, order + TOGETHER_S, side='right')
    sizes = ends - np.arange(len(order))
    if not len(sizes) or sizes.max() < max(count, share * among):
        return np.zeros(len(began), bool)
    first = order[int(sizes.argmax())]
    return np.asarray((began >= first) & (began <= first + TOGETHER_S))


def spread(findings: Findings, nodes: Mapping[str, Sequence[str]]) -> Findings:
    """The same, with what is of nodes or of the fleet told as such.

    :param nodes: by name, the ids of the instances on each.
    """
    found, shared = dict(findings.found), {}
    node_of = {i: node for node, ids in nodes.items() for i in ids}
    wide: list[Anomaly] = []
    among_whom: dict[str, frozenset[str]] = {}
    everybody = sum(len(members) for members in nodes.values())
    groups = [(Kind.FLEET, '', FLEET, list(found), everybody)]
    groups += [
        (Kind.NODE, node, NODE, list(members), len(members))
        for node, members in sorted(nodes.items())
    ]
    for kind, subject, reach, members, among in groups:
        events = [found[i] for i in members if i in found]
        began = np.array([event.began for event in events], np.int64)
        mine = cluster(began, reach, among)
        together = [e for e, one in zip(events, mine, strict=True) if one]
        where = {node_of.get(event.subject) for event in together}
        if kind is Kind.FLEET and len(where) == 1:
            continue  # of a single node: told of it
        if together:
            wide.append(_one(kind, subject, together, among))
            among_whom[subject] = frozenset(e.subject for e in together)
        for event in together:
            shared[event.subject] = found.pop(event.subject)
    return replace(
        findings,
        found=found,
        wide=tuple(wide),
        among=among_whom,
        shared=shared,
    )


def _one(
    kind: Kind, subject: str, events: Sequence[Anomaly], among: int
) -> Anomaly:
    counts: dict[str, int] = {}
    for event in events:
        counts[event.kind] = counts.get(event.kind, 0) + 1
    kinds = ', '.join(f'{n} {name}' for name, n in sorted(counts.items()))
    resources = sorted({r for event in events for r in event.resources})
    return Anomaly(
        subject=subject,
        kind=kind,
        resources=tuple(resources),
        score=max(event.score for event in events),
        began=min(event.began for event in events),
        compared=f'{len(events)} of {among} instances within '
        f'{TOGETHER_S // 60} min: {kinds}; such as {events[0].subject}: '
        f'{events[0].compared}',
    )
