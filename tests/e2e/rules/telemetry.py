"""What Ceilometer would have measured of the servers, step by step."""

from collections.abc import Mapping

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
_CLIMB = 8
_CALM, _BUSY, _TOP = 0.3, 0.8, 0.97


class Telemetry:
    """Writes measures; the time is that of the newest one.

    :param ends_at: Unix seconds of the end of the history.
    """

    def __init__(self, gnocchi: Gnocchi, ends_at: int) -> None:
        self._gnocchi = gnocchi
        self._end = ends_at
        self._meters: dict[str, samples.Meter] = {}
        self._rng = np.random.default_rng(5)

    def begin(self, described: Mapping[str, Described]) -> None:
        """A day of all servers, at the end of which some climb."""
        ends = [self._end - STEP_S * i for i in range(STEPS)][::-1]
        measures = {}
        for name, about in described.items():
            self._gnocchi.create(about)
            self._meters[name] = samples.Meter()
            server = servers.BY_NAME[name]
            if server.use != servers.SILENT:
                measures[about.id] = self._meters[name].read(
                    self._use(server, self._share(server.use)),
                    ends,
                    _flavor(server),
                )
        self._gnocchi.write(measures)
        self._gnocchi.wait()

    def go_on(
        self, ids: Mapping[str, str], share: Mapping[str, float], steps: int
    ) -> None:
        """Some steps more; who is not named is calm.

        :param share: of its own flavor's vCPUs, that a server uses.
        """
        ends = [self._end + STEP_S * (i + 1) for i in range(steps)]
        self._end = ends[-1]
        measures = {}
        for name, identity in ids.items():
            server = servers.BY_NAME[name]
            if server.use == servers.SILENT:
                continue
            level = np.full(steps, share.get(name, _CALM))
            noise = 1 + 0.02 * self._rng.standard_normal(steps)
            measures[identity] = self._meters[name].read(
                self._use(server, level * noise), ends, _flavor(server)
            )
        self._gnocchi.write(measures)
        self._gnocchi.wait()

    def _share(self, use: str) -> np.ndarray:
        level = _BUSY if use == servers.BUSY else _CALM
        share = level * (1 + 0.02 * self._rng.standard_normal(STEPS))
        if use == servers.CLIMBS:
            share[-_CLIMB:] = np.linspace(level, _TOP, _CLIMB)
        return share

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
