"""Who moves together, as an audit remembers it, in a file beside others."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import pathlib

import numpy as np
from oslo_config import cfg
from oslo_log import log

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.core import correlation
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leading
from predictive_watcher.core import relating
from predictive_watcher.core import usage as usage_module
from predictive_watcher.state import cache


LOG = log.getLogger(__name__)


class _Correlating(relating.Correlating):
    def learn(
        self,
        fleet: fleet_module.Fleet,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
    ) -> correlation.Correlation | None:
        """None, where it cannot be learned: a plan does without.

        What was kept may be whole and still not what this release expects:
        it is learned anew, or the next audit would fail of the same file.
        """
        for _ in range(1 if self.known is None else 2):
            try:
                return super().learn(fleet, window, limits)
            except Exception as error:
                LOG.error('who moves together is learned anew; please report '
                          'this', exc_info=error)  # fmt: skip
                self.known = None
        return None

    def raised(
        self,
        forecast: forecast_module.Forecast,
        window: usage_module.UsageWindow,
        limits: np.ndarray,
    ) -> forecast_module.Forecast:
        """As it was, where that cannot be done; who leads whom is then
        learned anew.
        """
        try:
            return super().raised(forecast, window, limits)
        except Exception as error:
            LOG.error('no forecast is raised; please report this',
                      exc_info=error)  # fmt: skip
            if self.known is not None:
                self.known = dataclasses.replace(
                    self.known, leads=leading.nobody()
                )
            return forecast


def recalled(
    conf: cfg.ConfigOpts,
    audit: str,
    applications: Mapping[str, str],
) -> relating.Correlating:
    """What the audit before knew, to go on with.

    :param applications: of `applications.of`.
    """
    return _Correlating(_known(conf, audit), applications)


def _known(
    conf: cfg.ConfigOpts, audit: str
) -> correlation.Correlation | None:
    directory = wiring.options(conf).state_directory
    if not directory:
        return None
    try:
        memory = cache.read(
            pathlib.Path(directory),
            cache.relations_name(audit),
            correlation.IDENTITY,
        )
    except exceptions.StateError as error:
        LOG.warning(
            'audit %s: who moves together is learned anew: %s', audit, error
        )
        return None
    if memory is None:
        return None
    try:
        known = correlation.of_memory(memory)
    except (IndexError, KeyError, ValueError) as error:
        LOG.error('audit %s: what was kept of who moves together does not '
                  'fit together; please report this', audit,
                  exc_info=error)  # fmt: skip
        return None
    if known is None:
        LOG.warning('audit %s: who moves together is learned anew: what was '
                    'kept of it is of another make', audit)  # fmt: skip
    return known


def keep(
    conf: cfg.ConfigOpts,
    audit: str,
    correlating: relating.Correlating,
    instances: Iterable[fleet_module.Instance],
) -> None:
    """Keep it for the next audit; a decision does not wait for that."""
    directory = wiring.options(conf).state_directory
    if not directory or correlating.known is None:
        return
    here = tuple(instances)
    memory = correlating.known.memory(
        {
            correlation.NAME: {one.id: one.name for one in here},
            correlation.PROJECT: {one.id: one.project_id for one in here},
        }
    )
    try:
        cache.write(
            pathlib.Path(directory), cache.relations_name(audit), memory
        )
    except exceptions.StateError as error:
        LOG.warning(
            'audit %s: who moves together is not kept: %s', audit, error
        )
