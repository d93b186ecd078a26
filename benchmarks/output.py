"""What both commands share: JSON, facts about the machine, and the end."""

from collections.abc import Callable
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
from typing import Any

from predictive_watcher import exceptions
from predictive_watcher.models import card


_PACKAGES = (
    *('numpy', 'onnxruntime', 'torch', 'lightgbm', 'statsforecast'),
    'predictive-watcher',
)


def facts() -> dict[str, Any]:
    """Machine and versions, without which a figure says little."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        'machine': {
            'processor': _processor(),
            'cores': os.cpu_count(),
            'load': round(os.getloadavg()[0], 2),
            'python': platform.python_version(),
        },
        'versions': versions,
    }


def _processor() -> str:
    try:
        lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(':', 1)[1] for line in lines if 'model name' in line]
    return names[0].strip() if names else platform.processor()


def check(path: pathlib.Path) -> None:
    """Better before the work than after it.

    :raises InvalidInput: where no file can be written there.
    """
    folder = path.resolve().parent
    if path.is_dir() or not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise exceptions.InvalidInput(
            f'--json {path}: a file cannot be written there; name one in a '
            'folder that exists and can be written to'
        )


def command(
    name: str,
    run: Callable[[], dict[str, Any]],
    json_to: pathlib.Path | None,
) -> int:
    """Run a benchmark, and keep its figures.

    :returns: 0: done; 1: an error, said in one line; 130: interrupted.
    """
    try:
        found = run()
        if json_to is not None:
            text = json.dumps(found, indent=1, allow_nan=False)
            card.replace(json_to, (text + '\n').encode())
            print(f'\nwritten: {json_to}')
    except exceptions.PredictiveWatcherError as error:
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'\n{name}: interrupted', file=sys.stderr)
        return 130
    return 0
