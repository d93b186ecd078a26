"""What is remembered of instances, in a file for each audit.

A cache: whoever deletes it makes the next audit take longer, no more.  So a
file that is damaged, of another release, or of another model is not used,
and the reason is told.

The file: a line with name and version, 32 bytes of SHA-256 over all that
follows, and numpy's npz.
"""

import hashlib
import io
import itertools
import json
import os
import pathlib
import re
import tempfile
import zipfile

import numpy as np

from predictive_watcher import exceptions
from predictive_watcher.core import remembering


VERSION = 4
OPTION = '[predictive_watcher] state_directory'
# Under this name stands what was learned before any audit: those that know
# nothing begin with it.
BOOTSTRAP = 'bootstrap'
_HEAD = f'predictive-watcher state {VERSION}\n'.encode()
_DIGEST = hashlib.sha256().digest_size
_SUFFIX = '.state'
_WRITING = '.writing-'  # what a process that was killed left half-written
_PROFILE = '-profile'
_RELATIONS = '-relations'
_ABOUT = 'about'  # name of the array with the facts, beside the parts


def _path(directory: pathlib.Path, audit: str) -> pathlib.Path:
    return directory / (re.sub(r'[^\w-]', '_', audit) + _SUFFIX)


def profile_name(audit: str) -> str:
    """Under which name the behavioural profiles of an audit are kept."""
    return f'{audit}{_PROFILE}'


def profiles(directory: pathlib.Path) -> list[str]:
    """The audits whose profiles are kept there."""
    end = _PROFILE + _SUFFIX
    return sorted(p.name[: -len(end)] for p in directory.glob(f'*{end}'))


def relations_name(audit: str) -> str:
    """Under which name is kept who moves together, of an audit."""
    return f'{audit}{_RELATIONS}'


def relations(directory: pathlib.Path) -> list[str]:
    """The audits of which that is kept."""
    end = _RELATIONS + _SUFFIX
    return sorted(p.name[: -len(end)] for p in directory.glob(f'*{end}'))


def usage_name(name: str) -> str:
    """Under which name the usage is kept that belongs to a memory."""
    return f'{name}-usage'


def begin_with(
    directory: pathlib.Path, audit: str, name: str, model: str
) -> remembering.Memory | None:
    """What the audit remembered under a name; where that is nothing, what was
    learned before any audit.

    :raises StateError: where the file cannot be used, with the reason.
    """
    own = read(directory, name, model)
    if own is not None:
        return own
    return read(directory, BOOTSTRAP + name.removeprefix(audit), model)


def anomalies_name(audit: str) -> str:
    """Under which name the anomalies of an audit are kept."""
    return f'{audit}-anomalies'


def read(
    directory: pathlib.Path, audit: str, model: str | None
) -> remembering.Memory | None:
    """What the audit remembered; None where there was nothing yet.

    :param model: the identity of the model in use; None: any.
    :raises StateError: where the file cannot be used, with the reason.
    """
    path = _path(directory, audit)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise exceptions.StateError(
            f'{path}: cannot be read ({error.strerror}); check its '
            f'permissions or {OPTION}'
        ) from error
    head, digest = len(_HEAD), len(_HEAD) + _DIGEST
    if data[:head] != _HEAD:
        raise exceptions.StateError(
            f'{path}: not a state of version {VERSION} of this product'
        )
    if hashlib.sha256(data[digest:]).digest() != data[head:digest]:
        raise exceptions.StateError(f'{path}: it is damaged')
    try:
        with np.load(io.BytesIO(data[digest:]), allow_pickle=False) as file:
            parts = {name: file[name] for name in file.files}
        facts = json.loads(str(parts.pop(_ABOUT)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise exceptions.StateError(
            f'{path}: cannot be read ({error})'
        ) from error
    if model is not None and facts['model'] != model:
        raise exceptions.StateError(f'{path}: it is of another model')
    return remembering.Memory(
        model=facts['model'],
        instances=tuple(facts['instances']),
        time=facts['time'],
        step_s=facts['step_s'],
        parts=parts,
        labels=facts.get('labels', {}),
    )


def write(
    directory: pathlib.Path, audit: str, memory: remembering.Memory
) -> None:
    """Keep a memory, whole or not at all.

    :raises StateError: where that is not possible.
    """
    path = _path(directory, audit)
    facts = {
        'model': memory.model,
        'instances': memory.instances,
        'time': memory.time,
        'step_s': memory.step_s,
        'labels': memory.labels,
    }
    room = io.BytesIO()
    about = np.array(json.dumps(facts))
    np.savez(room, **{_ABOUT: about}, **memory.parts)  # type: ignore[arg-type]
    content = room.getbuffer()
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=directory, prefix=_WRITING)
        try:
            with os.fdopen(handle, 'wb') as file:
                file.write(_HEAD)
                file.write(hashlib.sha256(content).digest())
                file.write(content)
            pathlib.Path(name).replace(path)
        except BaseException:
            pathlib.Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise exceptions.StateError(
            f'{path}: cannot be written ({error.strerror}); check its '
            f'permissions or {OPTION}'
        ) from error


def purge(directory: pathlib.Path, before: float) -> int:
    """Delete what was not written since ``before`` (Unix seconds); how many
    files there were.
    """
    found = 0
    kept, left = (directory.glob(p) for p in (f'*{_SUFFIX}', f'{_WRITING}*'))
    for path in itertools.chain(kept, left):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
                found += 1
        except OSError:
            continue  # another audit was faster, or it is not ours to delete
    return found
