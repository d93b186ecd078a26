"""Files that commands write: whole, or not at all."""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import os
import pathlib
import tempfile
from typing import BinaryIO

import numpy as np

from predictive_watcher import exceptions


def check(option: str, path: pathlib.Path | None) -> None:
    """Better before a long replay than after it.

    :param option: the one that names the file, without dashes.
    :raises InvalidInput: where no file can be written there.
    """
    if path is None:
        return
    folder = path.resolve().parent
    if path.is_dir() or not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise exceptions.InvalidInput(
            f'--{option} {path}: a file cannot be written there; name one in '
            'a folder that exists and can be written to'
        )


def text(option: str, path: pathlib.Path, content: str) -> None:
    """Write text, as UTF-8.

    :raises InvalidInput: where the file cannot be written.
    """
    _whole(option, path, lambda file: file.write(content.encode()))


def arrays(
    option: str,
    path: pathlib.Path,
    found: Mapping[str, np.ndarray],
    *,
    compressed: bool = False,
) -> None:
    """Write arrays, as npz.

    :raises InvalidInput: where the file cannot be written.
    """
    save = np.savez_compressed if compressed else np.savez
    _whole(option, path, lambda file: save(file, **found))  # type: ignore[arg-type]


def _whole(
    option: str, path: pathlib.Path, fill: Callable[[BinaryIO], object]
) -> None:
    handle, name = tempfile.mkstemp(dir=path.resolve().parent, prefix='.pw-')
    try:
        with os.fdopen(handle, 'wb') as file:
            fill(file)
        pathlib.Path(name).chmod(0o644)
        pathlib.Path(name).replace(path)
    except OSError as error:
        raise exceptions.InvalidInput(
            f'--{option} {path}: cannot be written ({error.strerror}); '
            'choose another place'
        ) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            pathlib.Path(name).unlink()
