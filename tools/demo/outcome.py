"""What the plans achieved, computed from the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
import enum
from typing import Any

import numpy as np

from demo.fleet import CEILING
from demo.fleet import CPU
from demo.fleet import NODE_VCPUS
from demo.fleet import RESOURCES
from demo.fleet import Server
from demo.journal import Action
from demo.journal import Journal
from demo.physics import members
from demo.physics import violated
from demo.workload import STEP_S


class Verdict(enum.StrEnum):
    """What became of a violation."""

    NONE = 'none was to come'
    AVERTED = 'averted'
    SHORTENED = 'shortened'
    SUFFERED = 'not averted'
    CAUSED = 'caused'


def judge(without: int, with_plans: int) -> Verdict:
    """Compare the steps in violation without the plans and with them."""
    if not without:
        return Verdict.CAUSED if with_plans else Verdict.NONE
    if not with_plans:
        return Verdict.AVERTED
    return Verdict.SHORTENED if with_plans < without else Verdict.SUFFERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An action that succeeded, in the story's time."""

    word: str
    step: int
    at: int
    before: str
    after: str
    reason: str
    #: Minutes before the first step in violation; None if there was none.
    lead_min: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """A server's line in the table; amounts are of its ``resource``."""

    name: str
    weight: int
    resource: str
    risk: float | None
    predicted_peak: float | None
    actual_peak: float
    limit_before: float
    limit_after: float
    actions: tuple[Done, ...]
    #: How often Nova restarted the guest for it.
    restarts: int
    minutes_without: float
    minutes_with: float
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """A node's line: vCPUs wanted by its first servers, and those in use."""

    name: str
    vcpus: float
    peak_without: float
    peak_with: float
    minutes_without: float
    minutes_with: float
    verdict: Verdict


class Outcome:
    """Arrays over the story, and what follows from them."""

    def __init__(self, servers: Sequence[Server], journal: Journal) -> None:
        steps = journal.steps
        self._servers = servers
        self._journal = journal
        self._demand = np.array([step.demand for step in steps])
        self._limits = np.array([step.limits for step in steps])
        self._own = np.array([server.flavor.limits for server in servers])
        self._without = violated(self._demand, self._own)
        self._with = violated(self._demand, self._limits)

    def servers(self) -> list[ServerRow]:
        """A row for each server."""
        return [self._row(row) for row in range(len(self._servers))]

    def _row(self, row: int) -> ServerRow:
        server = self._servers[row]
        actions = [
            (step, action)
            for step, action in self._journal.actions()
            if action.server == server.name and action.done
        ]
        first = next((a for _, a in actions if not a.is_release), None)
        resource = self._resource(row, first)
        told = _told(first, RESOURCES[resource])
        without = int(self._without[:, row].any(axis=1).sum())
        with_plans = int(self._with[:, row].any(axis=1).sum())
        return ServerRow(
            name=server.name,
            weight=server.flavor.weight,
            resource=RESOURCES[resource],
            risk=_risk(first, told),
            predicted_peak=told.get('predicted'),
            actual_peak=_peak(self._demand[:, row, resource]),
            limit_before=float(self._own[row, resource]),
            limit_after=float(self._limits[:, row, resource].max()),
            actions=tuple(self._done(row, s, a) for s, a in actions),
            restarts=sum(not action.is_migration for _, action in actions),
            minutes_without=without * STEP_S / 60,
            minutes_with=with_plans * STEP_S / 60,
            verdict=judge(without, with_plans),
        )

    def _resource(self, row: int, action: Action | None) -> int:
        """The resource that a row is about.

        The one with the highest risk where something was done, otherwise the
        one whose demand came nearest to its limit.
        """
        if action is not None and action.is_migration:
            return CPU
        risks = [_told(action, name).get('risk') for name in RESOURCES]
        known = [-1.0 if risk is None else float(risk) for risk in risks]
        if action is not None and max(known) > 0:
            return int(np.argmax(known))
        share = np.nan_to_num(self._demand[:, row] / self._own[row])
        return int(np.argmax(share.max(axis=0)))

    def _done(self, row: int, step: int, action: Action) -> Done:
        told = action.parameters
        if action.is_migration:
            word, names = 'migrate', ('source_node', 'destination_node')
            home = self._servers[row].node
            wanted, _ = self._node_load(home)
            bad = np.asarray(wanted > CEILING * NODE_VCPUS)
        else:
            word = 'release' if action.is_release else 'resize'
            names = ('source_flavor', 'flavor_name')
            bad = np.asarray(self._without[:, row].any(axis=1))
        return Done(
            word=word,
            step=step,
            at=self._journal.steps[step].end,
            before=str(told.get(names[0], '')),
            after=str(told.get(names[1], '')),
            reason=str(told.get('reason', '')),
            lead_min=None if action.is_release else _lead(bad, step),
        )

    def nodes(self) -> list[NodeRow]:
        """A row for each node that had servers at the beginning."""
        rows = []
        for name in members([server.node for server in self._servers]):
            wanted, used = self._node_load(name)
            limit = CEILING * NODE_VCPUS
            without, with_plans = (
                int((load > limit).sum()) for load in (wanted, used)
            )
            rows.append(
                NodeRow(
                    name=name,
                    vcpus=NODE_VCPUS,
                    peak_without=_peak(wanted),
                    peak_with=_peak(used),
                    minutes_without=without * STEP_S / 60,
                    minutes_with=with_plans * STEP_S / 60,
                    verdict=judge(without, with_plans),
                )
            )
        return rows

    def _node_load(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """vCPUs wanted on a node at each step: as it began, as it went."""
        granted = np.minimum(self._demand, self._own)[:, :, CPU]
        home = [server.node == name for server in self._servers]
        wanted = np.nansum(granted[:, home], axis=1)
        went = np.minimum(self._demand, self._limits)[:, :, CPU]
        there = np.array(
            [
                [node == name for node in step.nodes]
                for step in self._journal.steps
            ]
        )
        return wanted, np.nansum(np.where(there, went, 0.0), axis=1)


def _told(action: Action | None, resource: str) -> dict[str, Any]:
    """What the plugin wrote into the action about a resource."""
    if action is None:
        return {}
    explanation = action.parameters.get('explanation') or {}
    resources = explanation.get('resources') or {}
    told: dict[str, Any] = resources.get(resource) or {}
    return told


def _risk(action: Action | None, told: dict[str, Any]) -> float | None:
    """The risk that the action was taken for: of the node, where the server
    moves for the sake of others.
    """
    if action is not None and action.is_migration:
        explanation = action.parameters.get('explanation') or {}
        risk: float | None = explanation.get('node_risk')
        return risk
    return told.get('risk')


def _peak(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else float('nan')


def _lead(bad: np.ndarray, step: int) -> float | None:
    """Minutes from the end of a step to the first one in violation."""
    if not bad.any():
        return None
    return float(int(np.argmax(bad)) - 1 - step) * STEP_S / 60


def shortcomings(rows: Sequence[ServerRow]) -> list[str]:
    """What a demonstration has to show and this one did not."""
    done = [action for row in rows for action in row.actions]
    missing = [
        f'no {word} came before its violation'
        for word in ('resize', 'migrate')
        if not any(
            action.word == word
            and action.lead_min is not None
            and action.lead_min >= 0
            for action in done
        )
    ]
    if not any(action.word == 'release' for action in done):
        missing.append('no lease was released')
    return missing
