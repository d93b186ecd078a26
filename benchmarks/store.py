"""Trained boosters of earlier runs, so that a run can go on."""

from collections.abc import Mapping
import hashlib
import json
import pathlib
from typing import Any

from predictive_watcher.models import card


class Store:
    """A folder with a file for each booster, named by what it learned from.

    Data, features or parameters of another kind have another key, so that
    nothing of them is ever taken; a file that does not hold what its name
    says is reported and made anew.
    """

    def __init__(self, directory: pathlib.Path | None) -> None:
        """``None``: nothing is kept."""
        self._directory = directory
        self.taken = 0
        self.refused: list[str] = []
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    def find(self, name: str, made_of: Mapping[str, Any]) -> str | None:
        """The text of a booster; None: it has to be trained."""
        path = self._path(name, made_of)
        if path is None or not path.exists():
            return None
        try:
            kept = json.loads(path.read_text(encoding='utf-8'))
            text = str(kept['booster'])
            good = kept['made_of'] == dict(made_of)
            good &= kept['sha256'] == _sha256(text)
        except (OSError, ValueError, KeyError, TypeError):
            good = False
        if not good:
            self.refused.append(f'{path}: not what its name says')
            return None
        self.taken += 1
        return text

    def keep(self, name: str, made_of: Mapping[str, Any], text: str) -> None:
        """Write a booster, whole or not at all."""
        path = self._path(name, made_of)
        if path is None:
            return
        kept = {
            'made_of': dict(made_of),
            'sha256': _sha256(text),
            'booster': text,
        }
        card.replace(path, json.dumps(kept).encode())

    def _path(
        self, name: str, made_of: Mapping[str, Any]
    ) -> pathlib.Path | None:
        if self._directory is None:
            return None
        key = _sha256(json.dumps({**made_of, 'name': name}, sort_keys=True))
        return self._directory / f'{name}-{key[:16]}.json'


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
