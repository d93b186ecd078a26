"""What a model needs and promises, and proof that the file is the one meant.

A model is a folder with ``model.onnx`` and ``card.json``.  Before a model is
used, its card must be complete, fit this version of the product (inputs,
resources, targets, levels), and name the sha256 of the file beside it.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import json
import os
import pathlib
import tempfile
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.core import fleet
from predictive_watcher.core import forecast
from predictive_watcher.core import inputs


CARD = 'card.json'
MODEL = 'model.onnx'
_AGAIN = 'train it again with "predictive-watcher train", or restore it'
_NUMBERS = ('step_s', 'context', 'history_s', 'hidden')
_KEYS: Mapping[str, type] = {
    'name': str,
    'version': str,
    'created': str,
    'inputs': list,
    'resources': list,
    'units': dict,
    'targets': list,
    'levels': list,
    **dict.fromkeys(_NUMBERS, int),
    'training': dict,
    'scores': dict,
    'software': dict,
    'file': dict,
}
_KINDS = {
    str: 'a text',
    list: 'a list',
    dict: 'an object',
    int: 'a whole number',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card that was read and found to fit.

    ``context`` is how many steps are scored, ``history_s`` how much usage
    the features like to see; ``facts`` is the whole card as plain data.
    """

    name: str
    version: str
    step_s: int
    context: int
    history_s: int
    hidden: int
    sha256: str
    size: int
    facts: Mapping[str, Any]


def contract() -> dict[str, Any]:
    """What every card of this version of the product must say."""
    return {
        'inputs': list(inputs.NAMES),
        'resources': [str(r) for r in fleet.RESOURCES],
        'units': {str(r): unit for r, unit in fleet.UNITS.items()},
        'targets': [str(t) for t in forecast.TARGETS],
        'levels': list(forecast.LEVELS),
    }


def read(directory: pathlib.Path) -> Card:
    """The card in ``directory``, checked against this version.

    :raises ModelNotFound: where the folder has no card.
    :raises ModelRefused: where it is damaged, incomplete, or of another kind.
    """
    path = directory / CARD
    try:
        text = path.read_text(encoding='utf-8')
    except (FileNotFoundError, NotADirectoryError):
        raise exceptions.ModelNotFound(
            f'{path}: there is no such file; point model_directory at a '
            f'folder with {MODEL} and {CARD}'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise exceptions.ModelRefused(
            f'{path}: cannot be read ({error}); {_AGAIN}'
        ) from error
    try:
        facts = json.loads(text)
    except json.JSONDecodeError as error:
        raise exceptions.ModelRefused(
            f'{path}: not JSON ({error}); {_AGAIN}'
        ) from None
    _check(path, facts)
    return Card(
        name=facts['name'],
        version=facts['version'],
        step_s=facts['step_s'],
        context=facts['context'],
        history_s=facts['history_s'],
        hidden=facts['hidden'],
        sha256=facts['file']['sha256'],
        size=facts['file']['size'],
        facts=facts,
    )


def _check(path: pathlib.Path, facts: Any) -> None:
    wrong = next(_faults(facts), None)
    if wrong is not None:
        key, found, expected = wrong
        raise exceptions.ModelRefused(
            f'{path}: {key} is {found}, expected {expected}; {_AGAIN}'
        )


def _faults(facts: Any) -> Iterator[tuple[str, str, str]]:
    """Key, found and expected value of all that is wrong with a card."""
    if not isinstance(facts, dict):
        yield 'the card', type(facts).__name__, 'an object'
        return
    yield from _of_kind('', facts, _KEYS)
    yield from _of_kind('file.', facts['file'], {'sha256': str, 'size': int})
    for key in _NUMBERS:
        if facts[key] <= 0:
            yield key, repr(facts[key]), 'a number above 0'
    for key, expected in contract().items():
        if facts[key] != expected:
            yield _difference(key, facts[key], expected)


def _of_kind(
    prefix: str, facts: dict[str, Any], kinds: Mapping[str, type]
) -> Iterator[tuple[str, str, str]]:
    for key, kind in kinds.items():
        found = facts.get(key)
        if type(found) is not kind:
            text = repr(found) if key in facts else 'missing'
            yield f'{prefix}{key}', text, _KINDS[kind]


def _difference(key: str, found: Any, expected: Any) -> tuple[str, str, str]:
    """The first place where two lists differ, or the whole."""
    if isinstance(expected, list):
        if len(found) != len(expected):
            return f'the length of {key}', str(len(found)), str(len(expected))
        pairs = enumerate(zip(found, expected, strict=True))
        i, (a, b) = next((i, p) for i, p in pairs if p[0] != p[1])
        return f'{key}[{i}]', repr(a), repr(b)
    return key, repr(found), repr(expected)


def model_bytes(directory: pathlib.Path, card: Card) -> bytes:
    """The model file's content, proven to be the one on the card.

    :raises ModelNotFound: where it is not there.
    :raises ModelRefused: where size or sha256 differ.
    """
    path = directory / MODEL
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise exceptions.ModelNotFound(
            f'{path}: there is no such file, but its card is there; {_AGAIN}'
        ) from None
    except OSError as error:
        raise exceptions.ModelRefused(
            f'{path}: cannot be read ({error}); {_AGAIN}'
        ) from error
    if len(data) != card.size:
        raise exceptions.ModelRefused(
            f'{path}: it has {len(data)} bytes, its card says {card.size}; '
            f'{_AGAIN}'
        )
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise exceptions.ModelRefused(
            f'{path}: its sha256 is {found}, its card says {card.sha256}; '
            f'{_AGAIN}'
        )
    return data


def write(
    directory: pathlib.Path, data: bytes, facts: Mapping[str, Any]
) -> None:
    """Write model and card, each whole or not at all.

    The card goes last: should writing be cut short, the old card no longer
    fits and the folder is refused instead of half believed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = {
        'name': MODEL,
        'sha256': hashlib.sha256(data).hexdigest(),
        'size': len(data),
    }
    card = {**facts, **contract(), 'file': file}
    text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False)
    for name, content in (
        (MODEL, data),
        (CARD, (text + '\n').encode()),
    ):
        replace(directory / name, content)


def replace(path: pathlib.Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix='.writing-')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        pathlib.Path(name).chmod(0o644)
        pathlib.Path(name).replace(path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise
