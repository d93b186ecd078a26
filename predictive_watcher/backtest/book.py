"""Leases and attempts of a simulated cloud, as the ledger would have them."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses

import numpy as np

from predictive_watcher.core import budgets
from predictive_watcher.core import outcomes
from predictive_watcher.core import saturation
from predictive_watcher.core import usage as usage_module
from predictive_watcher.core import weights
from predictive_watcher.core.leases import Attempt
from predictive_watcher.core.leases import Lease


_FACTOR_S = 30 * 86400  # actions so old tell nothing of today


@dataclasses.dataclass(slots=True)
class Book:
    """The leases in force, the last attempt by instance, and what ended.

    ``tried`` are the attempts of the last day; ``ended`` are leases with the
    Unix second at which each one ended.  ``expected`` is what actions are to
    bring, ``settled`` what became of it: decided at, seconds expected, and
    seconds averted.
    """

    leases: dict[str, Lease] = dataclasses.field(default_factory=dict)
    attempts: dict[str, Attempt] = dataclasses.field(default_factory=dict)
    tried: list[Attempt] = dataclasses.field(default_factory=list)
    growths: dict[tuple[str, int, str], saturation.Growth] = dataclasses.field(
        default_factory=dict
    )
    ended: list[tuple[Lease, int]] = dataclasses.field(default_factory=list)
    begun: dict[str, int] = dataclasses.field(default_factory=dict)
    strains: dict[str, weights.Strain] = dataclasses.field(
        default_factory=dict
    )
    expected: list[outcomes.Expected] = dataclasses.field(default_factory=list)
    settled: list[tuple[int, float, float]] = dataclasses.field(
        default_factory=list
    )

    def begin(self, lease: Lease) -> None:
        """A resize is ordered: the lease is pending."""
        held = self.leases.get(lease.instance_id)
        if held is None:
            self.leases[lease.instance_id] = lease
            self.begun[lease.instance_id] = lease.since
            return
        self.leases[lease.instance_id] = dataclasses.replace(
            held,
            pending_flavor_name=lease.pending_flavor_name,
            reason=lease.reason,
            expires_at=lease.expires_at,
        )

    def release(self, instance: str) -> None:
        """The way back is ordered."""
        held = self.leases[instance]
        self.leases[instance] = dataclasses.replace(
            held, pending_flavor_name=held.origin_flavor_name
        )

    def arrive(self, instance: str, now: int) -> None:
        """What was ordered has come."""
        held = self.leases[instance]
        if held.pending_flavor_name is None:
            return
        if held.pending_flavor_name == held.origin_flavor_name:
            self._end(instance, now)
            return
        self.leases[instance] = dataclasses.replace(
            held,
            flavor_name=held.pending_flavor_name,
            pending_flavor_name=None,
            since=now,
        )

    def fail(self, instance: str, now: int) -> None:
        """What was ordered will not come."""
        held = self.leases[instance]
        if held.flavor_name == held.origin_flavor_name:
            self._end(instance, now, counted=False)
            return
        self.leases[instance] = dataclasses.replace(
            held, pending_flavor_name=None
        )

    def _end(self, instance: str, now: int, *, counted: bool = True) -> None:
        lease = self.leases.pop(instance)
        begun = self.begun.pop(instance)
        if counted:
            self.ended.append((dataclasses.replace(lease, since=begun), now))

    def close(self, now: int) -> None:
        """The replay is over: whoever has a lease had it until now."""
        for instance in list(self.leases):
            held = self.leases[instance]
            had = held.flavor_name != held.origin_flavor_name
            self._end(instance, now, counted=had)

    def renew(self, renewals: Mapping[str, int]) -> None:
        """Leases that are needed for longer."""
        for instance, expires_at in renewals.items():
            self.leases[instance] = dataclasses.replace(
                self.leases[instance], expires_at=expires_at
            )

    def learn(
        self,
        growths: Iterable[saturation.Growth],
        strains: Iterable[weights.Strain],
    ) -> None:
        """What leases of saturated instances have shown, each once, and how
        weights have fallen.
        """
        for one in growths:
            key = (one.instance_id, one.since, one.resource)
            self.growths.setdefault(key, one)
        self.strains |= {strain.instance_id: strain for strain in strains}

    def expect(self, expected: Iterable[outcomes.Expected]) -> None:
        """What actions are to bring, until it is settled; of an instance of
        which something is expected already it is the same excess.
        """
        for one in expected:
            waits = any(
                other.instance_id == one.instance_id
                and other.until > one.decided_at
                for other in self.expected
            )
            if not waits:
                self.expected.append(one)

    def settle(self, window: usage_module.UsageWindow, now: int) -> None:
        """What they brought, of those whose time has come.

        One that telemetry does not show counts in nothing.
        """
        over = [one for one in self.expected if one.until <= window.end]
        for one, came in zip(
            over, outcomes.settle(over, window), strict=True
        ):
            self.expected.remove(one)
            if came is not None:
                told = (one.decided_at, one.expected_s, came.averted_s)
                self.settled.append(told)
        since = now - _FACTOR_S
        self.settled = [told for told in self.settled if told[0] >= since]

    def benefit_factor(self, now: int) -> float:
        """By how much the benefit of actions is corrected now."""
        told = np.array(self.settled, float).reshape(-1, 3)
        told = told[told[:, 0] >= now - _FACTOR_S]
        return outcomes.benefit_factor(told[:, 1], told[:, 2])

    def attempt(self, attempt: Attempt) -> None:
        """Something was tried."""
        self.attempts[attempt.instance_id] = attempt
        day = attempt.at - budgets.DAY_S
        self.tried = [one for one in self.tried if one.at > day]
        self.tried.append(attempt)

    def recent(self, since: int) -> dict[str, Attempt]:
        """What was tried since then, by instance id."""
        return {i: a for i, a in self.attempts.items() if a.at >= since}
