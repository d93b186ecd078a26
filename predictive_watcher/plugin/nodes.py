"""What an audit remembers of its nodes, in a file beside the others."""

import pathlib

from oslo_config import cfg
from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import joint
from predictive_watcher.core import load as load_module
from predictive_watcher.core import remembering
from predictive_watcher.core import usage
from predictive_watcher.state import cache


LOG = log.getLogger(__name__)
_MAKE = 'nodes-2'  # what a memory of another make is not mistaken for


class _Joints(joint.Joints):
    def judged(
        self,
        fleet: fleet_module.Fleet,
        load: load_module.NodeLoad,
        window: usage.UsageWindow,
    ) -> load_module.NodeLoad:
        """As they are, where nothing can be learned: a plan does without.

        What was kept may be whole and still not fit together: it is learned
        anew, or each audit would fail of the same file.
        """
        for _ in range(2 if self.joint.nodes else 1):
            try:
                return super().judged(fleet, load, window)
            except Exception as error:
                LOG.error('nodes are judged anew; please report this',
                          exc_info=error)  # fmt: skip
                self.joint = joint.nothing(())
        return load


def recalled(conf: cfg.ConfigOpts, audit: str) -> joint.Joints:
    """The sums of nodes, as the audit before left them."""
    directory = wiring.options(conf).state_directory
    if not directory:
        return _Joints()
    try:
        memory = cache.read(pathlib.Path(directory), f'{audit}-nodes', _MAKE)
    except exceptions.StateError as error:
        LOG.warning('audit %s: nodes are judged anew: %s', audit, error)
        return _Joints()
    if memory is None:
        return _Joints()
    if not remembering.fits(memory, joint.nothing(()).parts()):
        LOG.warning('audit %s: nodes are judged anew: what was kept of them '
                    'is of another make', audit)  # fmt: skip
        return _Joints()
    return _Joints(joint.Joint(nodes=memory.instances, **memory.parts))


def keep(
    conf: cfg.ConfigOpts,
    audit: str,
    joints: joint.Joints,
    window: usage.UsageWindow,
) -> None:
    """Keep them for the next audit; a decision does not wait for that."""
    directory = wiring.options(conf).state_directory
    if not directory:
        return
    memory = remembering.Memory(
        model=_MAKE,
        instances=joints.joint.nodes,
        time=window.end,
        step_s=window.step_s,
        parts=joints.joint.parts(),
    )
    try:
        cache.write(pathlib.Path(directory), f'{audit}-nodes', memory)
    except exceptions.StateError as error:
        LOG.warning('audit %s: its nodes are not kept: %s', audit, error)
