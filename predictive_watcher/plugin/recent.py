"""Usage that an audit keeps for the next one, so that it reads only news."""

from oslo_config import cfg
from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.core import remembering
from predictive_watcher.plugin import recall
from predictive_watcher.state import cache
from predictive_watcher.state import usage_book
from predictive_watcher.telemetry import base
from predictive_watcher.telemetry import only_new


LOG = log.getLogger(__name__)


def source_of(
    conf: cfg.ConfigOpts, audit: str, source: base.TelemetrySource
) -> only_new.OnlyNew:
    """The source, beside what the audit before has kept of it."""
    directory = wiring.state_directory(conf)
    kept = None
    if directory is not None:
        try:
            memory = cache.begin_with(
                directory, audit, cache.usage_name(audit), source.identity
            )
            kept = usage_book.recent_of(memory) if memory else None
        except (exceptions.StateError, KeyError, ValueError) as error:
            LOG.warning(
                'audit %s: the usage of all instances is read again: %s',
                audit,
                error,
            )
    return only_new.OnlyNew(source, kept)


def keep(
    conf: cfg.ConfigOpts,
    audit: str,
    source: only_new.OnlyNew,
    recalled: recall.Recalled,
) -> None:
    """Keep what was read.

    What was not asked for is not known to be missing: models forget these
    instances, and begin with their history when it has been read.  A profile
    knows more than that history: once there is one, it stays.
    """
    unread = source.health.unread()
    for learner in recalled.kept.values():
        if learner.memory is not None and unread:
            stay = learner is recalled.profiling
            gone = unread - recalled.profiling.known if stay else unread
            learner.memory = remembering.without(learner.memory, gone)
    directory = wiring.state_directory(conf)
    if directory is None or source.recent is None:
        return
    try:
        cache.write(
            directory,
            cache.usage_name(audit),
            usage_book.memory_of(source.recent),
        )
    except exceptions.StateError as error:
        LOG.warning('audit %s: usage is not kept: %s', audit, error)
