"""What Ceilometer would have measured of the servers, step by step."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from demo import samples
from demo.fleet import CPU
from demo.fleet import Flavor
from demo.fleet import MEMORY
from demo.fleet import RESOURCES
from demo.gnocchi import Described
from demo.gnocchi import Gnocchi
from demo.workload import STEP_S
import numpy as np

from tests.e2e.rules import servers


STEPS = 300
DAY = 288
#: Kept beside what Ceilometer measures: for how long a server waited.
STEAL = 'cpu.steal'
_CLIMB, _FLAT = 8, 4  # steps of the rise, and of what follows it
_CALM, _BUSY, _TOP = 0.3, 0.8, 0.97
_WORKS = 0.75  # of what it wants, where it waits for the rest
_SURGE, _EVERY, _LASTS = 0.3, 24, 3  # share, and steps
_NS = 1_000_000_000


class Telemetry:
    """Writes measures; the time is that of the newest one.

    :param ends_at: Unix seconds of the end of the history.
    """

    def __init__(self, gnocchi: Gnocchi, ends_at: int) -> None:
        self._gnocchi = gnocchi
        self._end = ends_at
        self._meters: dict[str, samples.Meter] = {}
        self._waited_ns = 0.0
        self._rng = np.random.default_rng(5)

    def begin(self, described: Mapping[str, Described]) -> None:
        """A day of all servers, at the end of which some climb."""
        ends = self._ends_before()
        ids = {}
        for name, about in described.items():
            self._gnocchi.create(about)
            self._meters[name] = samples.Meter()
            ids[name] = about.id
            if servers.BY_NAME[name].use == servers.WAITS:
                self._gnocchi.add_counter(about.id, STEAL)
        shares = {name: self._share(servers.BY_NAME[name]) for name in ids}
        self._write(ids, shares, ends)

    def go_on(
        self, ids: Mapping[str, str], share: Mapping[str, float], steps: int
    ) -> None:
        """Some steps more; who is not named is calm.

        :param share: of its own flavor's vCPUs, that a server uses; at 1 it
            is at its limit and does not waver.
        """
        shares = {
            name: self._wavering(np.full(steps, share.get(name, _CALM)))
            for name in ids
        }
        self._write(ids, shares, self._ends_after(steps))

    def go_on_surging(self, ids: Mapping[str, str]) -> None:
        """A day more of those who surge together, and of nobody else."""
        ends = self._ends_after(DAY)
        some = {name: ids[name] for name in servers.BEHIND}
        shares = {name: self._surging(name, DAY) for name in some}
        self._write(some, shares, ends)

    def _ends_before(self) -> list[int]:
        return [self._end - STEP_S * i for i in range(STEPS)][::-1]

    def _ends_after(self, steps: int) -> list[int]:
        ends = [self._end + STEP_S * (i + 1) for i in range(steps)]
        self._end = ends[-1]
        return ends

    def _write(
        self,
        ids: Mapping[str, str],
        shares: Mapping[str, np.ndarray],
        ends: Sequence[int],
    ) -> None:
        """What each server used of its own flavor's vCPUs, step by step."""
        measures = {}
        for name, share in shares.items():
            server = servers.BY_NAME[name]
            if server.use == servers.SILENT:
                continue
            works = share * (_WORKS if server.use == servers.WAITS else 1)
            measures[ids[name]] = self._meters[name].read(
                self._use(server, works), ends, _flavor(server)
            )
            if server.use == servers.WAITS:
                measures[ids[name]][STEAL] = self._steal(share - works, ends)
        self._gnocchi.write(measures)
        self._gnocchi.wait()

    def _steal(
        self, waited: np.ndarray, ends: Sequence[int]
    ) -> list[dict[str, Any]]:
        """A counter of nanoseconds, as cpu is, of the one that waits."""
        totals = self._waited_ns + np.cumsum(waited) * STEP_S * _NS
        self._waited_ns = float(totals[-1])
        return [
            {'timestamp': samples.polled(end), 'value': round(total)}
            for end, total in zip(ends, totals, strict=True)
        ]

    def _share(self, server: servers.Server) -> np.ndarray:
        """A day's share of the own flavor's vCPUs that a server wants."""
        if server.use == servers.SURGES:
            return self._surging(server.name, STEPS)
        level = _BUSY if server.use == servers.BUSY else _CALM
        share = self._wavering(np.full(STEPS, level))
        if server.use == servers.CLIMBS:
            share[-_CLIMB:] = np.linspace(level, _TOP, _CLIMB)
        if server.use in (servers.FULL, servers.WAITS):
            share[-_CLIMB - _FLAT : -_FLAT] = np.linspace(level, 1, _CLIMB)
            share[-_FLAT:] = 1
        return share

    def _wavering(self, share: np.ndarray) -> np.ndarray:
        noise = 1 + 0.02 * self._rng.standard_normal(len(share))
        return np.where(share < 1, share * noise, share)

    def _surging(self, name: str, steps: int) -> np.ndarray:
        """For a quarter of an hour, every two hours."""
        at = (np.arange(steps) - servers.BEHIND[name]) % _EVERY
        return self._wavering(_CALM + _SURGE * (at < _LASTS))

    def _use(self, server: servers.Server, share: np.ndarray) -> np.ndarray:
        """(time, resource) of cpu and memory; the rest is not measured."""
        found = np.full((len(share), len(RESOURCES)), np.nan)
        found[:, CPU] = share * server.vcpus
        found[:, MEMORY] = 0.3 * 512 * server.vcpus
        return found


def _flavor(server: servers.Server) -> Flavor:
    return Flavor(
        name=server.flavor,
        vcpus=server.vcpus,
        memory_mib=512 * server.vcpus,
        weight=1,
    )
