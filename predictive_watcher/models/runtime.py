"""Score a model with onnxruntime."""

from concurrent import futures
import os
import pathlib
import threading
from typing import Any

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import following
from predictive_watcher.core import forecast as forecast_module
from predictive_watcher.core import inputs
from predictive_watcher.core import usage as usage_module
from predictive_watcher.models import card as card_module


CHUNK = 1024  # instances scored at once by one thread
_HEADS = 4  # outputs before the state: quantiles, weight, mean, spread


class OnnxForecaster:
    """A model of a folder, as a `forecast.Forecaster`.

    Making one reads nothing but the card.  The model file is read, verified
    and given to onnxruntime on first use in each process: sessions do not
    survive a fork, and Watcher forks its workers.
    """

    def __init__(self, directory: pathlib.Path, threads: int = 2) -> None:
        self._directory = directory
        self.threads = threads
        self._opening = threading.Lock()
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
    def identity(self) -> str:
        """The sha256 of the model file."""
        return self._card.sha256

    @property
    def hidden(self) -> int:
        """The width of its state."""
        return self._card.hidden

    @property
    def card(self) -> card_module.Card:
        """What the model needs and promises."""
        return self._card

    def describe(self) -> dict[str, Any]:
        """The card as plain data."""
        return dict(self._card.facts)

    def content(self) -> bytes:
        """The model file, proven to be the one on the card.

        :raises ModelNotFound: where it is not there.
        :raises ModelRefused: where it is not the one on its card.
        """
        return card_module.model_bytes(self._directory, self._card)

    def forecast(
        self, window: usage_module.UsageWindow, limits: np.ndarray
    ) -> forecast_module.Forecast:
        """Look ahead from the window's end.

        A resource whose newest sample is older than `forecast.MAX_AGE` steps
        has no forecast: NaN.

        :raises ModelRefused: where the window's step is not the model's, or
            the model file is not the one on its card.
        """
        self.check_step(window.step_s)
        limits = following.usable(limits)
        x, state = following.context(window, limits, self._card.context)
        empty = np.zeros((1, x.shape[1], self.hidden), np.float32)
        heads, _, _ = self.recur(x, empty, empty)
        return following.in_units(
            heads, state, window.instances, window.end, self.name
        )

    def prepare(self) -> None:
        """Read, verify and load the model file now.

        :raises ModelNotFound: where it is not there.
        :raises ModelRefused: where it is not the one on its card, or
            onnxruntime does not load it.
        """
        self._loaded()

    def check_step(self, step_s: int) -> None:
        """Nothing, if the model forecasts steps of ``step_s`` seconds.

        :raises ModelRefused: where it does not.
        """
        if step_s != self._card.step_s:
            raise exceptions.ModelRefused(
                f'{self._directory / card_module.CARD}: the model forecasts '
                f'steps of {self._card.step_s} s, the usage has steps of '
                f'{step_s} s; read usage at a granularity of '
                f'{self._card.step_s} s or train a model for {step_s} s'
            )

    def recur(
        self, x: np.ndarray, h: np.ndarray, c: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Heads after the last step of ``x``, and the state there.

        As `following.Recurrent` says; bit for bit the same however steps and
        instances are parted.  Without any step the heads are NaN.

        :raises ModelRefused: where the file is not the one on its card.
        """
        session = self._loaded()
        if not x.size:
            shapes = [o.shape[1:] for o in session.get_outputs()[:_HEADS]]
            lead = (x.shape[1],)
            none = [np.full((*lead, *s), np.nan, np.float32) for s in shapes]
            return none, h, c

        def run(i: int) -> list[np.ndarray]:
            feed = {
                name: np.ascontiguousarray(array[:, i : i + CHUNK])
                for name, array in (('x', x), ('h', h), ('c', c))
            }
            return list(session.run(None, feed))

        if x.shape[1] <= CHUNK:
            *heads, h, c = run(0)
            return heads, h, c
        with futures.ThreadPoolExecutor(self.threads) as pool:
            parts = list(pool.map(run, range(0, x.shape[1], CHUNK)))
        heads = [
            np.concatenate([part[k] for part in parts]) for k in range(_HEADS)
        ]
        h, c = (
            np.concatenate([part[k] for part in parts], axis=1)
            for k in (_HEADS, _HEADS + 1)
        )
        return heads, h, c

    def _loaded(self) -> Any:
        with self._opening:
            if self._session is None or self._process != os.getpid():
                self._session = self._open()
                self._process = os.getpid()
            return self._session

    def _open(self) -> Any:
        import onnxruntime  # heavy: only where something is scored

        data = self.content()
        options = onnxruntime.SessionOptions()
        # with more, the last bit of an instance's forecast would depend on
        # how many others there are; chunks are scored beside each other
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
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
