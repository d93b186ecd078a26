"""Install the checkout's package into the cloud's environment.

It is built from a copy of the package's own files, so that nothing is left
behind in the checkout and nothing old gets into the build.
"""

from collections.abc import Iterator
import hashlib
from pathlib import Path
import shutil
import subprocess

from minicloud.environment import pip
from minicloud.errors import MiniCloudError
from minicloud.progress import say
from minicloud.settings import CHECKOUT
from minicloud.settings import Settings


#: What the package is made of.
PARTS = (
    'LICENSE',
    'README.rst',
    'etc',
    'predictive_watcher',
    'pyproject.toml',
    'requirements.txt',
    'setup.cfg',
    'setup.py',
)
_REQUIREMENTS = ('requirements.txt', 'setup.cfg')
_VERSION = '0.0.0.dev0'


def install(s: Settings) -> bool:
    """Install the package if its files changed; say whether it was needed."""
    files = sorted(_files())
    if CHECKOUT / 'setup.cfg' not in files:
        raise MiniCloudError(f'{CHECKOUT} holds no package to install')
    content = _digest(files)
    needs = _digest(CHECKOUT / name for name in _REQUIREMENTS)
    if _stamp(s, 'content').exists() and _read(s, 'content') == content:
        return False
    say('installing predictive-watcher from this checkout')
    source = _copy(s, files)
    _pip(s, '--force-reinstall', '--no-deps', str(source))
    if _read(s, 'needs') != needs:
        _pip(s, str(source))
        _stamp(s, 'needs').write_text(needs)
    _stamp(s, 'content').write_text(content)
    return True


def _pip(s: Settings, *arguments: str) -> None:
    pip(
        s,
        ['install', '--no-build-isolation', *arguments],
        'installing predictive-watcher',
        {'PBR_VERSION': _VERSION},
    )


def _stamp(s: Settings, name: str) -> Path:
    return s.venv / f'predictive-watcher.{name}'


def _read(s: Settings, name: str) -> str:
    stamp = _stamp(s, name)
    return stamp.read_text() if stamp.exists() else ''


def _files() -> Iterator[Path]:
    for part in PARTS:
        path = CHECKOUT / part
        if path.is_dir():
            for file in path.rglob('*'):
                if file.is_file() and '__pycache__' not in file.parts:
                    yield file
        elif path.exists():
            yield path


def _digest(files: Iterator[Path] | list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(CHECKOUT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _copy(s: Settings, files: list[Path]) -> Path:
    target = s.home / 'build'
    shutil.rmtree(target, ignore_errors=True)
    for file in files:
        copy = target / file.relative_to(CHECKOUT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    # pbr takes the list of files from git's index.
    for command in (['init', '-q'], ['add', '-A', '-f']):
        subprocess.run(  # noqa: S603
            ['git', *command],  # noqa: S607
            cwd=target,
            check=True,
            capture_output=True,
        )
    return target
