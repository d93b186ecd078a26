"""Where models are found, and which of them is in use.

A folder of models holds one folder for each, named after its name and
version, and ``champion.json``: which one is in use, the sha256 that it must
have, and which ones were before it.  Where a model's folder may be named, a
folder of models may be named as well: its champion is meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import pathlib
import re
import shutil
import tempfile
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.models import card
from predictive_watcher.models import runtime


SHIPPED = pathlib.Path(__file__).with_name('default')
CHAMPION = 'champion.json'


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The model in use; ``history`` are the promotions, oldest first, as
    ``model``, ``sha256``, ``at`` (ISO 8601) and ``why``.
    """

    name: str
    sha256: str
    history: tuple[Mapping[str, str], ...]


def load(
    directory: pathlib.Path | None = None, threads: int = 2
) -> runtime.OnnxForecaster:
    """The model in ``directory``; None: the one that comes with the package.

    Cheap: reads the card, leaves the model file to the first forecast.

    :raises ModelNotFound: where there is no card.
    :raises ModelRefused: where the card does not fit, or where a folder of
        models has another model than the one that was promoted.
    """
    directory = SHIPPED if directory is None else directory
    crowned = champion(directory)
    if crowned is None:
        return runtime.OnnxForecaster(directory, threads)
    place = directory / crowned.name
    model = runtime.OnnxForecaster(place, threads)
    if model.card.sha256 != crowned.sha256:
        raise exceptions.ModelRefused(
            f'{place / card.CARD}: it names a model of sha256 '
            f'{model.card.sha256}, promoted was {crowned.sha256}; restore '
            'the model, or promote another one'
        )
    return model


def changed_at(directory: pathlib.Path) -> int:
    """When the model was put into its folder or another one was promoted,
    in nanoseconds; 0: never.

    The card is written last, so that a new one means a new model.
    """
    times = [0]
    for path in (directory / card.CARD, directory / CHAMPION):
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            continue
    return max(times)


def champion(directory: pathlib.Path) -> Champion | None:
    """Which model of a folder of models is in use; None: not said.

    :raises ModelRefused: where the file that says it cannot be read.
    """
    path = directory / CHAMPION
    try:
        facts = json.loads(path.read_text(encoding='utf-8'))
        return Champion(
            name=_name(facts['model']),
            sha256=str(facts['sha256']),
            history=tuple(facts['history']),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise exceptions.ModelRefused(
            f'{path}: cannot be read ({error}); promote a model again'
        ) from error


def _name(text: Any) -> str:
    """A folder's name that leads nowhere else."""
    if not isinstance(text, str) or not re.fullmatch(r'[\w+-][\w.+-]*', text):
        raise ValueError(f'{text!r} is no name of a model')
    return text


def names(directory: pathlib.Path) -> list[str]:
    """The models in a folder of models, whether they can be used or not."""
    if not directory.is_dir():
        return []
    cards = directory.glob(f'*/{card.CARD}')
    return sorted(path.parent.name for path in cards)


def verify(directory: pathlib.Path) -> runtime.OnnxForecaster:
    """A model that was read whole, checked against its card, and loaded.

    :raises ModelNotFound: where card or model are missing.
    :raises ModelRefused: where they do not belong together or to this
        release, or onnxruntime does not load the model.
    """
    model = runtime.OnnxForecaster(directory, threads=1)
    model.prepare()
    return model


def add(directory: pathlib.Path, source: pathlib.Path) -> str:
    """Copy a model into a folder of models, under its name and version.

    :returns: the name of its folder.
    :raises ModelRefused: where it cannot be used, or another model of that
        name and version is there.
    """
    model = verify(source)
    try:
        name = _name(model.name)
    except ValueError as error:
        raise exceptions.ModelRefused(
            f'{source / card.CARD}: {error}; give it another name'
        ) from None
    place = directory / name
    if place.exists():
        if card.read(place).sha256 != model.card.sha256:
            raise exceptions.ModelRefused(
                f'{place}: another model has this name and version already; '
                'give the new one another version'
            )
        return name
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix='.adding-') as room:
        copy = pathlib.Path(room) / name
        shutil.copytree(source, copy)
        copy.rename(place)
    return name


def promote(directory: pathlib.Path, name: str, at: str, why: str) -> None:
    """Make a model of a folder of models the one in use.

    :param at: when, ISO 8601.
    :param why: for those who read the history.
    :raises ModelRefused: where it cannot be used.
    """
    model = verify(directory / name)
    try:
        before = champion(directory)
    except exceptions.ModelRefused:
        before = None  # what cannot be read is replaced
    entry = {
        'model': name,
        'sha256': model.card.sha256,
        'at': at,
        'why': why,
    }
    history = [*(before.history if before else ()), entry]
    facts = {'model': name, 'sha256': model.card.sha256, 'history': history}
    text = json.dumps(facts, indent=1, ensure_ascii=False) + '\n'
    card.replace(directory / CHAMPION, text.encode())
