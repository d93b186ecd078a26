"""What an audit remembers of instances from one run to the next."""

import pathlib

from oslo_config import cfg
from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.core import remembering
from predictive_watcher.state import cache


LOG = log.getLogger(__name__)
_FORGOTTEN_S = 7 * 86400  # states of audits that are no more


def remembering_of(
    conf: cfg.ConfigOpts, audit: str
) -> remembering.Remembering:
    """The model in use, with what this audit remembers.

    What cannot be used is told, and made again from the history.
    """
    model = wiring.forecaster(conf)
    memory = None
    directory = _directory(conf)
    if directory is not None:
        try:
            memory = cache.read(directory, audit, model.identity)
        except exceptions.StateError as error:
            LOG.warning(
                'audit %s: every instance is scored from its history: %s',
                audit,
                error,
            )
    return remembering.Remembering(model, memory)


def keep(
    conf: cfg.ConfigOpts,
    audit: str,
    forecaster: remembering.Remembering,
    wall: int,
) -> None:
    """Keep what the audit knows now.

    A decision does not wait for its cache: where it cannot be written, the
    next audit takes longer.

    :param wall: Unix seconds of this machine.
    """
    directory, memory = _directory(conf), forecaster.memory
    if directory is None or memory is None:
        return
    LOG.info(
        'audit %s: %d of %d instances went on from the last audit',
        audit,
        forecaster.resumed,
        len(memory.instances),
    )
    try:
        cache.write(directory, audit, memory)
        cache.purge(directory, wall - _FORGOTTEN_S)
    except exceptions.StateError as error:
        LOG.warning('audit %s: what it knows is not kept: %s', audit, error)


def _directory(conf: cfg.ConfigOpts) -> pathlib.Path | None:
    given = wiring.options(conf).state_directory
    return pathlib.Path(given) if given else None
