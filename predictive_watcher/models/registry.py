"""Where models are found, and which of them is in use.

A folder of models holds one folder for each, named after its name and
version, and ``champion.json``: which one is in use, the sha256 that it must
have, which instances have one of their own, and which ones were before.
Where a model's folder may be named, a folder of models may be named as well:
its champion is meant.
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
from predictive_watcher.core import selection
from predictive_watcher.models import card
from predictive_watcher.models import runtime


SHIPPED = pathlib.Path(__file__).with_name('default')
CHAMPION = 'champion.json'


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """A model in use: its folder's name, and the sha256 of its file."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Champions:
    """The models in use.

    ``default`` is that of all instances that no selector of ``own`` fits;
    None: the model of the package.  ``history`` are the promotions, oldest
    first, as ``model``, ``sha256``, ``at`` (ISO 8601), ``why``, and ``for``
    (a selector) where it was not the default one.
    """

    default: Champion | None
    own: Mapping[selection.Selector, Champion]
    history: tuple[Mapping[str, str], ...]

    def of(self, selector: selection.Selector | None) -> Champion | None:
        """The model that instances of a selector have; None: of the package.

        Without one of their own it is the default one.
        """
        if selector is None:
            return self.default
        return self.own.get(selector, self.default)


NOBODY = Champions(default=None, own={}, history=())


def load(
    directory: pathlib.Path | None = None, threads: int = 2
) -> runtime.OnnxForecaster:
    """The model in ``directory``; None: the one that comes with the package.

    Of a folder of models: its default champion.  Cheap: reads the card,
    leaves the model file to the first forecast.

    :raises ModelNotFound: where there is no card.
    :raises ModelRefused: where the card does not fit, or where a folder of
        models has another model than the one that was promoted.
    """
    directory = SHIPPED if directory is None else directory
    found = champions(directory)
    if found is None:
        return runtime.OnnxForecaster(directory, threads)
    return load_champion(directory, found.default, threads)


def load_champion(
    directory: pathlib.Path, champion: Champion | None, threads: int = 2
) -> runtime.OnnxForecaster:
    """A champion of a folder of models; None: the model of the package.

    :raises ModelError: as `load`.
    """
    if champion is None:
        return runtime.OnnxForecaster(SHIPPED, threads)
    place = directory / champion.name
    model = runtime.OnnxForecaster(place, threads)
    if model.card.sha256 != champion.sha256:
        raise exceptions.ModelRefused(
            f'{place / card.CARD}: it names a model of sha256 '
            f'{model.card.sha256}, promoted was {champion.sha256}; restore '
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


def champions(directory: pathlib.Path) -> Champions | None:
    """Which models of a folder of models are in use; None: not said.

    :raises ModelRefused: where the file that says it cannot be read.
    """
    path = directory / CHAMPION
    try:
        facts = json.loads(path.read_text(encoding='utf-8'))
        own = {
            selection.parse(text): _champion(chosen)
            for text, chosen in facts.get('own', {}).items()
        }
        return Champions(
            default=None if facts['model'] is None else _champion(facts),
            own=own,
            history=tuple(dict(entry) for entry in facts['history']),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise exceptions.ModelRefused(
            f'{path}: cannot be read ({error}); promote a model again'
        ) from error


def _champion(facts: Mapping[str, Any]) -> Champion:
    return Champion(name=_name(facts['model']), sha256=str(facts['sha256']))


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


def promote(
    directory: pathlib.Path,
    name: str,
    at: str,
    why: str,
    selector: selection.Selector | None = None,
) -> None:
    """Make a model of a folder of models the one in use.

    :param at: when, ISO 8601.
    :param why: for those who read the history.
    :param selector: whose model it is to be; None: all others'.
    :raises ModelRefused: where it cannot be used.
    """
    model = verify(directory / name)
    try:
        before = champions(directory) or NOBODY
    except exceptions.ModelRefused:
        before = NOBODY  # what cannot be read is replaced
    champion = Champion(name=name, sha256=model.card.sha256)
    entry = {'model': name, 'sha256': champion.sha256, 'at': at, 'why': why}
    default, own = before.default, dict(before.own)
    if selector is None:
        default = champion
    else:
        own[selector] = champion
        entry['for'] = str(selector)
    _write(
        directory,
        Champions(default=default, own=own, history=(*before.history, entry)),
    )


def retire(
    directory: pathlib.Path, selector: selection.Selector, at: str
) -> None:
    """Let the instances of a selector have the default model again.

    :param at: when, ISO 8601.
    :raises ModelNotFound: where they have none of their own.
    """
    before = champions(directory) or NOBODY
    if selector not in before.own:
        known = ', '.join(map(str, before.own)) or 'none'
        raise exceptions.ModelNotFound(
            f'{selector}: has no model of its own in {directory}; those that '
            f'have one: {known}'
        )
    own = dict(before.own)
    champion = own.pop(selector)
    entry = {
        'model': champion.name,
        'sha256': champion.sha256,
        'at': at,
        'why': 'retired',
        'for': str(selector),
    }
    _write(
        directory,
        Champions(
            default=before.default, own=own, history=(*before.history, entry)
        ),
    )


def _write(directory: pathlib.Path, found: Champions) -> None:
    default = found.default
    facts = {
        'model': default and default.name,
        'sha256': default and default.sha256,
        'own': {
            str(selector): {'model': own.name, 'sha256': own.sha256}
            for selector, own in found.own.items()
        },
        'history': list(found.history),
    }
    text = json.dumps(facts, indent=1, ensure_ascii=False) + '\n'
    card.replace(directory / CHAMPION, text.encode())
