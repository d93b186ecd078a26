"""What keeps plans from acting: windows, age, anomalies."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from predictive_watcher.core import anomaly
from predictive_watcher.core import resolving
from predictive_watcher.core.adjustment import Hold
from predictive_watcher.core.adjustment import Reason
from predictive_watcher.core.assessment import Assessment
from predictive_watcher.core.policy import FLEET
from predictive_watcher.core.policy import NODE
from predictive_watcher.core.policy import Reaction


# What comes over so many at once has one cause, which is not that each of
# them needs a larger flavor; below so many it may well be chance.
_SHARES = {FLEET: (10, 0.3), NODE: (5, 0.5)}
_SILENT = 0.5
# For so long what is shared stops resizes: time for a person to look, and no
# longer, or half a node would wait for help as long as its load is odd.
HOLD_S = 1800
#: By row and kind, `FLEET` or `NODE`, a text for the verdict.
Shared = Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbreak:
    """What too many instances had in common at once, and until when (Unix
    seconds) that stops resizes.

    ``kind`` is `FLEET` or `NODE`, ``subject`` the name of the node, '' for
    the fleet.
    """

    kind: str
    subject: str
    until: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What audits saw of late, within some steps before this one.

    ``risk`` maps the ids of the instances that had a forecast to the highest
    risk that they had; ``outbreaks`` are those that may still stop resizes.
    """

    risk: Mapping[str, float]
    outbreaks: tuple[Outbreak, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """Why nothing is done about an instance, whatever its risk.

    ``anomalies`` maps instance ids to the kind of what is odd about them,
    ``words`` to what that was compared with, ``shared`` rows to what most of
    the fleet or of their node has in common: a text for each of both kinds,
    since a policy may allow one of them.
    """

    seen: Assessment
    own: resolving.Own
    anomalies: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    shared: Shared = field(default_factory=dict)

    def hold(self, row: int, *, restarts: bool) -> Hold | None:
        """The brake that holds for a row.

        :param restarts: what would be done is a resize: a shared anomaly
            stops no live migration.
        """
        policy = self.own.of(row)
        one = self.seen.fleet.instances[row]
        if policy.closed:
            return Hold(reason=Reason.NOT_NOW, text=policy.closed)
        age_s = self.seen.now - one.created_at
        if age_s < policy.observation_s:
            return Hold(
                reason=Reason.OBSERVING,
                text=f'the instance is {age_s} s old; it is observed for '
                f'observation_time = {policy.observation_s} s',
            )
        kind = self.anomalies.get(one.id)
        if kind and policy.reaction(kind) is Reaction.HOLD:
            return Hold(
                reason=Reason.ANOMALY,
                text=f'it behaves oddly ({kind}), and its policy says hold'
                + self._words(one.id),
            )
        return self._of_many(row) if restarts else None

    def _of_many(self, row: int) -> Hold | None:
        texts = self.shared.get(row, {})
        for kind in (FLEET, NODE):
            allowed = self.own.of(row).reaction(kind) is not Reaction.HOLD
            if kind in texts and not allowed:
                return Hold(reason=Reason.ANOMALY, text=texts[kind])
        return None

    def note(self, row: int) -> str:
        """What a verdict tells of anomalies that are only to be told."""
        kind = self.anomalies.get(self.seen.fleet.instances[row].id, '')
        if kind and self.own.of(row).reaction(kind) is not Reaction.ALLOW:
            return f'it behaves oddly: {kind}' + self._words(
                self.seen.fleet.instances[row].id
            )
        return ''

    def _words(self, instance: str) -> str:
        words = self.words.get(instance)
        return f': {words}' if words else ''


def of_findings(seen: Assessment, findings: anomaly.Findings) -> Shared:
    """What many instances have in common, a text by row and kind.

    All instances of a node, or of the fleet, that shows it since less than
    `HOLD_S`.
    """
    found: dict[int, dict[str, str]] = {}
    for wide in reversed(findings.wide):
        if seen.now - wide.began >= HOLD_S:
            continue
        everywhere = wide.kind is anomaly.Kind.FLEET
        rows = [
            row
            for row, one in enumerate(seen.fleet.instances)
            if everywhere or one.node == wide.subject
        ]
        least, share = _SHARES[wide.kind.value]
        concerned = len(findings.among[wide.subject])
        if concerned < max(least, share * len(rows)):
            continue  # told, and no reason to stop everybody
        text = f'its {wide.kind} behaves oddly: {wide.compared}'
        _tell(found, rows, wide.kind.value, text)
    return found


def _tell(
    found: dict[int, dict[str, str]],
    rows: Iterable[int],
    kind: str,
    text: str,
) -> None:
    for row in rows:
        found.setdefault(row, {})[kind] = text


def merged(*some: Shared) -> Shared:
    """All of it; of one kind, what comes later is told.

    >>> merged({1: {'node': 'a', 'fleet': 'b'}}, {1: {'node': 'c'}})
    {1: {'node': 'c', 'fleet': 'b'}}
    """
    found: dict[int, dict[str, str]] = {}
    for shared in some:
        for row, texts in shared.items():
            found.setdefault(row, {}).update(texts)
    return found


def sudden(
    seen: Assessment,
    begins_at: np.ndarray,
    rows: Sequence[int],
    earlier: Earlier | None,
) -> tuple[Outbreak, ...]:
    """Nodes, or the fleet, of which many were not at risk and now are.

    Nothing is said where it is not known what audits saw before.

    :param begins_at: the risk at which a lease of each would begin.
    """
    if earlier is None:
        return ()
    risk = np.nan_to_num(seen.risk.risk, nan=0.0).max(axis=1)
    judged = np.isfinite(seen.risk.risk).any(axis=1)
    before = _before(seen, earlier)
    new = (risk >= begins_at) & (before < begins_at)
    places = [(NODE, node, members) for node, members in _by_node(seen, rows)]
    found = []
    for kind, subject, members in (*places, (FLEET, '', list(rows))):
        least, share = _SHARES[kind]
        count, of = int(new[members].sum()), int(judged[members].sum())
        if count < least or count <= share * of:
            continue
        where = f'node {subject}' if subject else 'the fleet'
        found.append(
            Outbreak(
                kind=kind,
                subject=subject,
                until=seen.now + HOLD_S,
                text=f'{count} of {of} instances of {where} came to be at '
                'risk at once: they are not resized one by one',
            )
        )
    return tuple(found)


def shared_anomalies(
    seen: Assessment,
    rows: Sequence[int],
    earlier: Earlier | None,
    outbreaks: Sequence[Outbreak],
) -> Shared:
    """What too many instances have in common, a text by row and kind.

    Outbreaks, those before and those of now, and a fleet most of which has
    no forecast though it had one.

    :param outbreaks: those of this audit, see `sudden`.
    """
    if earlier is None:
        return {}
    members = dict(_by_node(seen, rows))
    found: dict[int, dict[str, str]] = {}
    for one in (*earlier.outbreaks, *outbreaks):
        left_s = one.until - seen.now
        if left_s <= 0:
            continue
        text = f'{one.text}, for {left_s} s more'
        mine = members.get(one.subject, []) if one.subject else rows
        _tell(found, mine, one.kind, text)
    judged = np.isfinite(seen.risk.risk).any(axis=1)
    before = _before(seen, earlier)
    known = [r for r in rows if np.isfinite(before[r])]
    silent = sum(not judged[r] for r in known)
    if len(known) >= _SHARES[FLEET][0] and silent > _SILENT * len(known):
        text = (
            f'{silent} of {len(known)} instances that had a forecast have '
            'none now: telemetry is failing'
        )
        _tell(found, rows, FLEET, text)
    return found


def _before(seen: Assessment, earlier: Earlier) -> np.ndarray:
    """The risk that each instance had; NaN where nobody looked."""
    return np.array(
        [earlier.risk.get(i.id, np.nan) for i in seen.fleet.instances], float
    )


def _by_node(
    seen: Assessment, rows: Sequence[int]
) -> list[tuple[str, list[int]]]:
    members: dict[str, list[int]] = {}
    for row in rows:
        members.setdefault(seen.fleet.instances[row].node, []).append(row)
    return sorted(members.items())
