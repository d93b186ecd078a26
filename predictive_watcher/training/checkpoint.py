"""Where a training stands, in a file: so that it can go on another day.

Plain arrays and JSON (npz without pickle): reading one runs nothing that is
in it.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
import io
import json
import os
import pathlib
import tempfile
import time
from typing import Any
import zipfile
import zlib

import numpy as np

from predictive_watcher import exceptions


FILE = 'checkpoint.npz'
EVERY_S = 60.0
_KIND = 'predictive-watcher checkpoint 1'
_FACTS = 'facts'
_ANEW = 'begin anew without --resume'


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """All that learning needs to go on after ``step``.

    ``seconds`` is the time that learning took, ``loss`` its running mean,
    ``random`` the state of numpy's generator, ``arrays`` weights, their
    running mean and what the optimizer knows, by name.
    """

    step: int
    seconds: float
    loss: float
    random: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]


class Interrupted(KeyboardInterrupt):
    """Learning was told to stop, and kept where it stands."""


def write(
    path: pathlib.Path, found: Checkpoint, made_with: Mapping[str, Any]
) -> None:
    """Write a checkpoint, whole or not at all.

    :param made_with: traces, options and so on, as plain values.
    :raises InvalidInput: where the file cannot be written.
    """
    facts = {
        'kind': _KIND,
        'made_with': dict(made_with),
        'step': found.step,
        'seconds': found.seconds,
        'loss': found.loss,
        'random': dict(found.random),
    }
    buffer = io.BytesIO()
    arrays = {**found.arrays, _FACTS: np.array(json.dumps(facts))}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    try:
        _replace(path, buffer.getvalue())
    except OSError as error:
        raise exceptions.InvalidInput(
            f'{path}: the checkpoint cannot be written ({error.strerror}); '
            'make room for it'
        ) from error


def _replace(path: pathlib.Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix='.writing-')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        pathlib.Path(name).replace(path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise


def read(path: pathlib.Path, made_with: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint in a file.

    :param made_with: what the training is made with that goes on.
    :raises InvalidInput: where there is none, it is damaged, or it is of a
        training that was made with something else, by name and value.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(str(arrays.pop(_FACTS)))
        if facts['kind'] != _KIND:
            raise ValueError(f'it is a {facts["kind"]!r}')
        found = Checkpoint(
            step=int(facts['step']),
            seconds=float(facts['seconds']),
            loss=float(facts['loss']),
            random=facts['random'],
            arrays=arrays,
        )
        before = dict(facts['made_with'])
    except FileNotFoundError:
        raise exceptions.InvalidInput(
            f'{path}: there is no such file, so there is nothing to resume; '
            f'{_ANEW}'
        ) from None
    except (
        *(OSError, EOFError, ValueError, KeyError, TypeError),
        *(zipfile.BadZipFile, zlib.error, NotImplementedError),
    ) as error:
        raise exceptions.InvalidInput(
            f'{path}: it is no checkpoint that can be read ({error}); {_ANEW}'
        ) from error
    for name, then, now in _differences(before, dict(made_with)):
        raise exceptions.InvalidInput(
            f'{path}: it is of a training with {name} = {then}, this one has '
            f'{name} = {now}; give what was given then, or {_ANEW}'
        )
    return found


def _differences(
    before: dict[str, Any], now: dict[str, Any]
) -> Iterator[tuple[str, str, str]]:
    # as JSON gives it back, a tuple is a list
    now = json.loads(json.dumps(now))
    for name in {**before, **now}:
        then, today = before.get(name, 'none'), now.get(name, 'none')
        if then != today:
            yield name, str(then), str(today)


class Keeper:
    """Keeps a training's checkpoint in a file.

    :param begun: where to go on; None: at the beginning.
    :param stopped: whether somebody wants learning to stop.
    """

    def __init__(
        self,
        path: pathlib.Path,
        made_with: Mapping[str, Any],
        begun: Checkpoint | None = None,
        stopped: Callable[[], bool] = lambda: False,
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.begun = begun
        self._path = path
        self._made_with = made_with
        self._stopped = stopped
        self._every_s = every_s
        self._clock = clock
        self._next = clock() + every_s

    def after_step(self, now: Callable[[], Checkpoint]) -> None:
        """Write one if it is time to.

        :param now: tells where learning stands.
        :raises Interrupted: where it is to stop; it was kept before that.
        """
        stopped = self._stopped()
        if not stopped and self._clock() < self._next:
            return
        found = now()
        self.keep(found)
        if stopped:
            raise Interrupted(f'after step {found.step}')

    def keep(self, found: Checkpoint) -> None:
        """Write one in any case."""
        write(self._path, found, self._made_with)
        self._next = self._clock() + self._every_s
