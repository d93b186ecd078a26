"""How published traces ask to be cited."""

_BITBRAINS = (
    'Bitbrains GWA-T-12 {part}: S. Shen, V. van Beek, A. Iosup, "Statistical '
    'Characterization of Business-Critical Workloads Hosted in Cloud '
    'Datacenters", CCGRID 2015; The Grid Workloads Archive, TU Delft'
)
_PLANETLAB = (
    'PlanetLab CoMon {part}, as published with CloudSim: A. Beloglazov, '
    'R. Buyya, "Optimal Online Deterministic Algorithms and Adaptive '
    'Heuristics for Energy and Performance Efficient Dynamic Consolidation '
    'of Virtual Machines in Cloud Data Centers", CCPE 2012'
)


def of(name: str) -> str:
    """The citation for a trace file's name, or the name itself.

    >>> of('my-cloud')
    'my-cloud'
    """
    known = {'bitbrains': _BITBRAINS, 'planetlab': _PLANETLAB}
    family, _, part = name.partition('-')
    return known[family].format(part=part) if family in known else name
