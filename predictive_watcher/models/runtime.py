"""Score a model with onnxruntime."""

import os
import pathlib
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import features
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import inputs
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import card as card_module


CHUNK = 1024  # instances scored at once


class OnnxForecaster:
    """A model of a folder, as a `forecast.Forecaster`.

    Making one reads nothing but the card.  The model file is read, verified
    and given to onnxruntime on first use in each process: sessions do not
    survive a fork, and Watcher forks its workers.
    """

    def __init__(self, directory: pathlib.Path, threads: int = 2) -> None:
        self._directory = directory
        self._threads = threads
        self._card = card_module.read(directory)
        self._session: Any = None
        self._process = -1

    @property
    def name(self) -> str:
        """The card's name and version."""
        return f'{self._card.name}-{self._card.version}'

    @property
    def history_s(self) -> int:
        """How many seconds of usage it likes to see."""
        return self._card.history_s

    @property
    def card(self) -> card_module.Card:
        """What the model needs and promises."""
        return self._card

    def describe(self) -> dict[str, Any]:
        """The card as plain data."""
        return dict(self._card.facts)

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """Look ahead from the window's end.

        A resource whose newest sample is older than `forecast.MAX_AGE` steps
        has no forecast: NaN.

        :raises ModelRefused: where the window's step is not the model's, or
            the model file is not the one on its card.
        """
        if window.step_s != self._card.step_s:
            raise exceptions.ModelRefused(
                f'{self._directory / card_module.CARD}: the model forecasts '
                f'steps of {self._card.step_s} s, the usage has steps of '
                f'{window.step_s} s; read usage at a granularity of '
                f'{self._card.step_s} s or train a model for '
                f'{window.step_s} s'
            )
        # whatever is not a positive number limits nothing
        limits = np.where(np.isfinite(limits) & (limits > 0), limits, np.nan)
        x, state = features.context(window, limits, self._card.context)
        heads = self._score(x)
        return _in_units(window, self.name, state, heads)

    def _score(self, x: np.ndarray) -> list[np.ndarray]:
        session = self._loaded()
        shapes = [o.shape[1:] for o in session.get_outputs()[:4]]
        parts: list[list[np.ndarray]] = []
        for i in range(0, x.shape[1] if len(x) else 0, CHUNK):
            part = np.ascontiguousarray(x[:, i : i + CHUNK])
            empty = np.zeros((1, part.shape[1], self._card.hidden), np.float32)
            feed = {'x': part, 'h': empty, 'c': empty}
            parts.append(session.run(None, feed)[:4])
        if not parts:
            shape = (x.shape[1],)
            return [np.full((*shape, *s), np.nan, np.float32) for s in shapes]
        return [np.concatenate(p) for p in zip(*parts, strict=True)]

    def _loaded(self) -> Any:
        if self._session is None or self._process != os.getpid():
            self._session = self._open()
            self._process = os.getpid()
        return self._session

    def _open(self) -> Any:
        import onnxruntime  # heavy: only where something is scored

        data = card_module.model_bytes(self._directory, self._card)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # threads that spin between audits would cost a core of the
        # decision engine
        options.add_session_config_entry(
            'session.intra_op.allow_spinning', '0'
        )
        try:
            session = onnxruntime.InferenceSession(
                data, options, providers=['CPUExecutionProvider']
            )
        except Exception as error:  # its errors have no common base
            raise exceptions.ModelRefused(
                f'{self._directory / card_module.MODEL}: onnxruntime does '
                f'not load it ({error}); train it again with '
                '"predictive-watcher train"'
            ) from error
        self._check_graph(session)
        return session

    def _check_graph(self, session: Any) -> None:
        """Inputs must be as the card says: names, features, state."""
        found = {i.name: i.shape[-1] for i in session.get_inputs()}
        hidden = self._card.hidden
        expected = {'x': len(inputs.NAMES), 'h': hidden, 'c': hidden}
        if found != expected:
            raise exceptions.ModelRefused(
                f'{self._directory / card_module.MODEL}: its inputs are '
                f'{found}, expected {expected}; train it again with '
                '"predictive-watcher train"'
            )


def _in_units(
    window: usage_module.UsageWindow,
    model: str,
    state: features.FeatureState,
    heads: list[np.ndarray],
) -> forecast_module.Forecast:
    quantiles, *mixture = heads
    last = np.where(state.known, state.last, np.nan)
    weight, mean, spread = (part.astype(np.float64) for part in mixture)
    return forecast_module.Forecast(
        instances=window.instances,
        origin=window.end,
        model=model,
        quantiles=forecast_module.in_units(
            quantiles, last, state.scale, state.limits
        ),
        exceedance=forecast_module.Exceedance(
            weight=weight,
            mean=mean,
            spread=spread,
            last=last.astype(np.float64),
            scale=state.scale.astype(np.float64),
        ),
    )
