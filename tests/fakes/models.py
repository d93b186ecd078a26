"""Models that can be told apart, made of the shipped one."""

import json
import pathlib
import shutil
from typing import Any

from predictive_watcher.core import selection
from predictive_watcher.models import card
from predictive_watcher.models import registry


def rewrite(place: pathlib.Path, **other: Any) -> None:
    """Another card, and a file of another sha256 that scores the same."""
    facts = json.loads((place / card.CARD).read_text(encoding='utf-8'))
    facts |= other
    data = (place / card.MODEL).read_bytes()
    extra = f'{facts["name"]}-{facts["version"]}'.encode()
    # an unknown field of the ONNX message, which every reader leaves alone
    data += b'\xfa\x3e' + bytes([len(extra)]) + extra
    card.write(place, data, facts)


def add(folder: pathlib.Path, name: str, **other: Any) -> str:
    """Put the shipped model into a folder of models, by another name."""
    source = folder / f'.source-{name}'
    shutil.copytree(registry.SHIPPED, source)
    rewrite(source, **{'name': name, 'version': '1', **other})
    added = registry.add(folder, source)
    shutil.rmtree(source)
    return added


def promote(folder: pathlib.Path, name: str, selector: str = '') -> None:
    """Make a model the one in use, of all or of a selector."""
    chosen = selection.parse(selector) if selector else None
    at = '2026-01-01T00:00:00+00:00'
    registry.promote(folder, name, at, 'for a test', chosen)
