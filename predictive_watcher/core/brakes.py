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


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What audits saw of late, within some steps before this one.

    ``risk`` maps the ids of the instances that had a forecast to the highest
    risk that they had.
    """

    risk: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """Why nothing is done about an instance, whatever its risk.

    ``anomalies`` maps instance ids to the kind of what is odd about them,
    ``words`` to what that was compared with, ``shared`` rows to (kind, text)
    of what most of their node or of the fleet has in common.
    """

    seen: Assessment
    own: resolving.Own
    anomalies: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[int, tuple[str, str]] = field(default_factory=dict)

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
        kind, text = self.shared.get(row, ('', ''))
        if restarts and kind and policy.reaction(kind) is Reaction.HOLD:
            return Hold(reason=Reason.ANOMALY, text=text)
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


def of_findings(
    seen: Assessment, findings: anomaly.Findings
) -> dict[int, tuple[str, str]]:
    """What many instances have in common, by row: (kind, text).

    All instances of a node, or of the fleet, that shows it.
    """
    found: dict[int, tuple[str, str]] = {}
    for wide in reversed(findings.wide):
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
        found.update(dict.fromkeys(rows, (wide.kind.value, text)))
    return found


def shared_anomalies(
    seen: Assessment,
    own: resolving.Own,
    rows: Sequence[int],
    earlier: Earlier | None,
) -> dict[int, tuple[str, str]]:
    """What too many instances have in common, by row: (kind, text).

    Many that were not at risk and now are; or most of the fleet without a
    forecast, of which there was one.  Nothing is said where it is not known
    what audits saw before.
    """
    if earlier is None:
        return {}
    risk = np.nan_to_num(seen.risk.risk, nan=0.0).max(axis=1)
    threshold = own.values('risk_threshold')
    judged = np.isfinite(seen.risk.risk).any(axis=1)
    before = np.array(
        [earlier.risk.get(i.id, np.nan) for i in seen.fleet.instances], float
    )
    sudden = (risk >= threshold) & (before < threshold)
    found: dict[int, tuple[str, str]] = {}
    for node, members in _by_node(seen, rows).items():
        _add(found, NODE, f'node {node}', members, judged, sudden)
    _add(found, FLEET, 'the fleet', rows, judged, sudden)
    known = [r for r in rows if np.isfinite(before[r])]
    silent = sum(not judged[r] for r in known)
    if len(known) >= _SHARES[FLEET][0] and silent > _SILENT * len(known):
        text = (
            f'{silent} of {len(known)} instances that had a forecast have '
            'none now: telemetry is failing'
        )
        found.update(dict.fromkeys(rows, (FLEET, text)))
    return found


def _add(
    found: dict[int, tuple[str, str]],
    kind: str,
    where: str,
    rows: Iterable[int],
    judged: np.ndarray,
    sudden: np.ndarray,
) -> None:
    rows = list(rows)
    least, share = _SHARES[kind]
    new, of = int(sudden[rows].sum()), int(judged[rows].sum())
    if new >= least and new > share * of:
        text = (
            f'{new} of {of} instances of {where} came to be at risk at once: '
            'they are not resized one by one'
        )
        found.update(dict.fromkeys(rows, (kind, text)))


def _by_node(seen: Assessment, rows: Sequence[int]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for row in rows:
        members.setdefault(seen.fleet.instances[row].node, []).append(row)
    return members
