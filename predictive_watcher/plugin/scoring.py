"""Our models as Watcher's scoring engines.

The strategy scores a whole cloud at once and does not come here; the engines
are for looking at (``openstack optimize scoringengine list``) and for other
strategies.  One engine that cannot be made would take all engines of Watcher
away, so nothing here raises before a score is asked for.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import functools
import json
import math
import pathlib
from typing import Any

import numpy as np
from oslo_config import cfg
from watcher.decision_engine.scoring import base

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import risk as risk_module
from predictive_watcher.core import usage
from predictive_watcher.models import registry
from predictive_watcher.models import runtime


class PredictiveModels(base.ScoringEngineContainer):
    """The models of this site: the shipped one and the configured one."""

    @classmethod
    def get_scoring_engine_list(cls) -> list['ModelEngine']:
        own = wiring.options(cfg.CONF)
        engines = [ModelEngine('shipped', None, own.inference_threads)]
        if own.model_directory:
            engines.append(
                ModelEngine(
                    'configured',
                    pathlib.Path(own.model_directory),
                    own.inference_threads,
                )
            )
        return engines


class ModelEngine(base.ScoringEngine):
    """One model; it is read when somebody asks for more than its name."""

    def __init__(
        self, role: str, directory: pathlib.Path | None, threads: int
    ) -> None:
        super().__init__(config={})
        self._role = role
        self._directory = directory
        self._threads = threads

    @functools.cached_property
    def model(self) -> runtime.OnnxForecaster:
        """The model, with a card that has been checked.

        :raises ModelError: where there is none, or its card does not fit.
        """
        return registry.load(self._directory, self._threads)

    def get_name(self) -> str:
        """Stays the same when a model is trained again in its place."""
        return f'predictive_{self._role}'

    def get_description(self) -> str:
        folder = self._directory or 'the package'
        return (
            'Quantiles of the CPU, memory, disk and network use of an '
            'instance over the next 15 minutes, and the risk that it passes '
            f'a limit; the {self._role} model, from {folder}.'
        )

    def get_metainfo(self) -> str:
        """The model's card as JSON, or what is wrong with it."""
        try:
            facts = self.model.describe()
        except exceptions.ModelError as error:
            facts = {'error': str(error)}
        return json.dumps(facts, sort_keys=True)

    def calculate_score(self, features: str) -> str:
        """Quantiles and risk of one instance.

        :param features: JSON, an object with ``usage`` (by resource, a list
            of numbers or null for no sample, one for each ``step_s``
            seconds, the newest last), ``end`` (Unix seconds of the newest),
            ``limits`` (by resource), and if wanted ``ceiling`` (0.9) and
            ``step_s`` (300).
        :returns: JSON: ``quantiles[resource][target][level]`` and
            ``risk[resource]``, null where unknown.
        :raises InvalidInput: where ``features`` is not of this form.
        :raises ModelError: where the model cannot be used.
        """
        window, limits, ceiling = _read(features)
        found = self.model.forecast(window, limits)
        risk = risk_module.with_limits(found, limits, ceiling=ceiling)
        return json.dumps(
            {
                'model': found.model,
                'quantiles': {
                    resource.value: {
                        target.value: _named(
                            forecast_module.LEVELS, found.quantiles[0, r, t]
                        )
                        for t, target in enumerate(forecast_module.TARGETS)
                    }
                    for r, resource in enumerate(fleet.RESOURCES)
                },
                'risk': _named(fleet.RESOURCES, risk[0]),
            }
        )


def _read(features: str) -> tuple[usage.UsageWindow, np.ndarray, float]:
    """The features as the pipeline has them, for one instance."""
    try:
        given = json.loads(features)
        series = [_series(given['usage'], r) for r in fleet.RESOURCES]
        limits = [_number(given['limits'].get(r)) for r in fleet.RESOURCES]
        ceiling = float(given.get('ceiling', 0.9))
        step_s = int(given.get('step_s', 300))
        end = int(given['end'])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise exceptions.InvalidInput(
            f'these features cannot be read ({error!r}); give a JSON object '
            'with "usage": {"cpu": [numbers], ...}, "end": Unix seconds '
            'and "limits": {"cpu": number, ...}'
        ) from error
    longest = max(map(len, series))
    if longest == 0:
        raise exceptions.InvalidInput(
            '"usage" holds no value; give at least one for one of '
            f'{", ".join(fleet.RESOURCES)}'
        )
    table = np.full((1, longest, len(series)), np.nan, np.float32)
    for column, values in enumerate(series):
        if values:
            table[0, -len(values) :, column] = values
    window = usage.UsageWindow(
        instances=('-',),
        start=end - (longest - 1) * step_s,
        step_s=step_s,
        usage=table,
    )
    return window, np.array([limits]), ceiling


def _series(given: Mapping[str, Any], resource: fleet.Resource) -> list[float]:
    return [_number(value) for value in given.get(resource, [])]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _named(
    names: Iterable[object], values: np.ndarray
) -> dict[str, float | None]:
    """JSON has no NaN: unknown is null."""
    return {
        str(name): round(float(value), 6) if np.isfinite(value) else None
        for name, value in zip(names, values, strict=True)
    }
