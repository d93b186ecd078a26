"""The load goes on after the demonstration, as a test wants it."""

from demo import fleet
from demo import samples
from demo.gnocchi import Gnocchi
from demo.openstack import Clients
from demo.workload import STEP_S
import numpy as np


class Load:
    """Writes the samples of one step after another."""

    def __init__(self, settings, result):
        clients = Clients(settings)
        self._ids = {s.name: s.id for s in clients.servers().values()}
        self._gnocchi = Gnocchi(clients.connection)
        self._meters = [samples.Meter() for _ in fleet.SERVERS]
        last = result['steps'][-1]
        self._end = last['end']
        self._usage = np.array(last['usage'])

    def step(self, **vcpus):
        """One step; the servers named use so many vCPUs, others as before."""
        self._end += STEP_S
        measures = {}
        for row, server in enumerate(fleet.SERVERS):
            if server.name in vcpus:
                self._usage[row, fleet.CPU] = vcpus[server.name]
            measures[self._ids[server.name]] = self._meters[row].read(
                self._usage[row : row + 1], [self._end], server.flavor
            )
        self._gnocchi.write(measures)
        self._gnocchi.wait()
