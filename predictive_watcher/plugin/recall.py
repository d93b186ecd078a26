"""What an audit remembers of instances from one run to the next."""

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
import pathlib
from typing import Any
from typing import TypeVar

import numpy as np
from oslo_config import cfg
from oslo_log import log

from predictive_watcher import applications as applications_module
from predictive_watcher import exceptions
from predictive_watcher import subjects
from predictive_watcher import wiring
from predictive_watcher.core import anomaly
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import leases as leases_module
from predictive_watcher.core import profile
from predictive_watcher.core import profiling as profiling_module
from predictive_watcher.core import remembering
from predictive_watcher.core import several
from predictive_watcher.core import usage
from predictive_watcher.core import vigil as vigil_module
from predictive_watcher.plugin import own_models
from predictive_watcher.state import cache


LOG = log.getLogger(__name__)
Learner = (
    remembering.Remembering | profiling_module.Profiling | vigil_module.Vigil
)
Found = TypeVar('Found')
_FORGOTTEN_S = 7 * 86400  # states of audits that are no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """The models in use, with what an audit remembers.

    ``kept`` are the models, ``profiling`` and ``vigil``, by the names under
    which their memories are kept.
    """

    forecaster: several.Several
    profiling: profiling_module.Profiling
    vigil: vigil_module.Vigil
    kept: Mapping[str, Learner]


def _or_anew(
    learner: Learner, work: Callable[..., Found], *given: Any
) -> Found:
    """What ``work`` returns; where it cannot go on from what was remembered,
    from the history alone.

    A file may be whole and still not what this release expects.  An audit
    that failed of it would never write a better one, and never plan again.
    """
    try:
        return work(*given)
    except exceptions.PredictiveWatcherError:
        raise
    except Exception as error:
        if learner.memory is None:
            raise
        LOG.error(
            '%s: what was remembered cannot be gone on with, the history '
            'stands in for it; please report this',
            learner.memory.model,
            exc_info=error,
        )
    learner.memory, learner.resumed = None, 0
    return work(*given)


class _Remembering(remembering.Remembering):
    def forecast(
        self, window: usage.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        return _or_anew(self, super().forecast, window, limits)


class _Profiling(profiling_module.Profiling):
    def learn(  # type: ignore[override]
        self, window: usage.UsageWindow
    ) -> profiling_module.Known | None:
        """None, where it cannot be learned: a plan does without."""
        try:
            return _or_anew(self, super().learn, window)
        except Exception as error:
            LOG.error('there are no profiles', exc_info=error)
            self.memory = None
            return None


class _Vigil(vigil_module.Vigil):
    def look(
        self, window: usage.UsageWindow, *given: Any
    ) -> anomaly.Findings:
        """Nothing, where it cannot be judged: a plan does without."""
        try:
            return _or_anew(self, super().look, window, *given)
        except Exception as error:
            LOG.error('nobody watches for anomalies', exc_info=error)
            self.memory = None
            nothing = np.full(len(window.instances), np.nan, np.float32)
            return anomaly.Findings(score=nothing)


def recall(
    conf: cfg.ConfigOpts,
    audit: str,
    instances: Iterable[fleet.Instance] = (),
    leases: Iterable[leases_module.Lease] = (),
    now: int = 0,
    applications: Mapping[str, str] | None = None,
) -> Recalled:
    """Each instance's model, with what this audit remembers of it.

    What cannot be used is told, and made again from the history; a model of
    some instances' own that cannot be used leaves them to the default one.

    :param now: Unix seconds, for time zones.
    :param applications: of `applications.of`; None: what metadata say.
    :raises ModelError: where the default model cannot be used.
    """
    instances = tuple(instances)
    if applications is None:
        applications = applications_module.of_metadata(conf, instances)
    behaved = cache.profile_name(audit)
    memory = _memory(conf, audit, behaved, profile.IDENTITY)
    default, own = wiring.forecaster(conf), wiring.own_forecasters(conf)
    found, refused = own_models.parts(
        default,
        own,
        own_models.choices(
            own,
            applications,
            own_models.regimes_of(memory),
            instances,
            leases,
        ),
    )
    usual = _remembering(conf, audit, audit, default)
    followed = frozenset(found.pop(default.identity).followed)
    kept: dict[str, Learner]
    kept = {audit: usual}
    parts = []
    for identity, part in found.items():
        # without the default's name, which has no part of its own
        name = f'{audit}-{identity[:16]}'
        one = kept[name] = _remembering(conf, audit, name, part.model)
        parts.append(
            several.Own(
                forecaster=one,
                instances=frozenset(part.instances),
                followed=frozenset(part.followed),
            )
        )
    profiling = kept[behaved] = _Profiling(
        memory, subjects.of(conf, instances, leases, now, applications)
    )
    name = cache.anomalies_name(audit)
    vigil = kept[name] = _Vigil(
        _memory(conf, audit, name, vigil_module.IDENTITY)
    )
    return Recalled(
        forecaster=several.Several(usual, parts, refused, followed),
        profiling=profiling,
        vigil=vigil,
        kept=kept,
    )


def _remembering(
    conf: cfg.ConfigOpts, audit: str, name: str, model: remembering.Model
) -> remembering.Remembering:
    memory = _memory(conf, audit, name, model.identity)
    return _Remembering(model, memory)


def _memory(
    conf: cfg.ConfigOpts, audit: str, name: str, identity: str
) -> remembering.Memory | None:
    """What can be used of what was kept under a name."""
    directory = _directory(conf)
    if directory is None:
        return None
    try:
        return cache.begin_with(directory, audit, name, identity)
    except exceptions.StateError as error:
        LOG.warning(
            'audit %s: every instance is scored from its history: %s',
            name,
            error,
        )
    return None


def remembered_until(recalled: Recalled) -> int | None:
    """Unix seconds of the last step that is remembered; None: nothing is."""
    times = [
        learner.memory.time
        for learner in recalled.kept.values()
        if learner.memory is not None
    ]
    return max(times, default=None)


def keep(
    conf: cfg.ConfigOpts, audit: str, recalled: Recalled, wall: int
) -> None:
    """Keep what the audit knows now, and tell which models were refused.

    A decision does not wait for its cache: where it cannot be written, the
    next audit takes longer.

    :param wall: Unix seconds of this machine.
    """
    refused = Counter(recalled.forecaster.refused.values())
    for why, count in refused.items():
        LOG.warning(
            'audit %s: %s forecasts %d instances whose own model is '
            'refused: %s',
            audit,
            recalled.forecaster.default.name,
            count,
            why,
        )
    directory = _directory(conf)
    for name, learner in recalled.kept.items():
        memory = learner.memory
        if directory is None or memory is None:
            continue
        LOG.info(
            'audit %s: %d of %d instances of %s went on from the last audit',
            audit,
            learner.resumed,
            len(memory.instances),
            memory.model,
        )
        try:
            cache.write(directory, name, memory)
            cache.purge(directory, wall - _FORGOTTEN_S)
        except exceptions.StateError as error:
            LOG.warning(
                'audit %s: what it knows is not kept: %s', audit, error
            )


def _directory(conf: cfg.ConfigOpts) -> pathlib.Path | None:
    given = wiring.options(conf).state_directory
    return pathlib.Path(given) if given else None
