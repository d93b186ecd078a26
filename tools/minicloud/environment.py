"""The private virtual environment of the cloud's services."""

from collections.abc import Mapping
from collections.abc import Sequence
import hashlib
import os
from pathlib import Path
import shutil
import subprocess
import sys

from minicloud.errors import CommandFailedError
from minicloud.errors import MiniCloudError
from minicloud.progress import Heartbeat
from minicloud.progress import say
from minicloud.settings import Settings


HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / 'requirements.txt'
CONSTRAINTS = HERE / 'constraints.txt'
OLDEST_PYTHON = (3, 11)
NEEDED_MIB = 2048
_POLL_S = 0.5
#: How pip begins the lines that tell how far it is.
_STEPS = ('Collecting', 'Building', 'Installing', 'Successfully installed')
_OFFLINE = (
    'Temporary failure in name resolution',
    'NewConnectionError',
    'Network is unreachable',
    'Connection refused',
    'ConnectTimeoutError',
    'ProxyError',
)


def install(s: Settings) -> None:
    """Create the environment, unless this very one is there already."""
    stamp = s.venv / 'installed'
    wanted = _fingerprint(s)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    check_python(sys.version_info[:2])
    check_disk(s.home)
    say(f'installing OpenStack into {s.venv} (a few minutes, once)')
    if s.venv.exists():
        shutil.rmtree(s.venv)
    run_visibly(
        [sys.executable, '-m', 'venv', str(s.venv)],
        s.home / 'install.log',
        'creating the environment',
    )
    pip(s, ['install', '-r', str(REQUIREMENTS)], 'installing OpenStack')
    stamp.write_text(wanted)
    say('installed')


def check_python(version: Sequence[int]) -> None:
    """Refuse a Python that OpenStack does not run on."""
    if tuple(version) < OLDEST_PYTHON:
        found = '.'.join(map(str, version))
        raise MiniCloudError(
            f'Python 3.11 or newer is needed, this is {found}: '
            'name one, for example: make demo PYTHON=python3.12'
        )


def check_disk(home: Path) -> None:
    """Refuse to fill the disk."""
    home.mkdir(parents=True, exist_ok=True)
    free_mib = shutil.disk_usage(home).free // 2**20
    if free_mib < NEEDED_MIB:
        raise MiniCloudError(
            f'{NEEDED_MIB} MiB of disk space are needed in {home}, '
            f'{free_mib} MiB are free: choose another place with --home'
        )


def _fingerprint(s: Settings) -> str:
    digest = hashlib.sha256()
    digest.update(REQUIREMENTS.read_bytes())
    digest.update(CONSTRAINTS.read_bytes())
    digest.update(str(s.venv).encode())  # scripts name their interpreter
    return digest.hexdigest()


def pip(
    s: Settings,
    arguments: Sequence[str],
    what: str,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run pip in the environment, with a sign of life."""
    command, *rest = arguments
    argv = [
        str(s.python),
        *('-m', 'pip', '--no-input', '--disable-pip-version-check'),
        command,
        *('--prefer-binary', '-c', str(CONSTRAINTS)),
        *rest,
    ]
    run_visibly(argv, s.home / 'install.log', what, variables)


def run_visibly(
    argv: Sequence[str],
    log: Path,
    what: str,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end; say now and then how far it is.

    :raises CommandFailedError: it failed; the message holds its last word.
    """
    heartbeat = Heartbeat(what)
    with log.open('ab') as out:
        begin = out.tell()
        process = subprocess.Popen(  # noqa: S603
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | (variables or {}),
        )
        try:
            while process.poll() is None:
                try:
                    process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    heartbeat.beat(_last_line(log, begin))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode:
        raise CommandFailedError(_why(log, begin, what))


def _tail(log: Path, begin: int) -> list[str]:
    with log.open('rb') as file:
        file.seek(begin)
        text = file.read().decode(errors='replace')
    return [line.strip() for line in text.splitlines() if line.strip()]


def _last_line(log: Path, begin: int) -> str:
    """The last line that says something about progress."""
    lines = _tail(log, begin)
    steps = [line for line in lines if line.startswith(_STEPS)]
    return steps[-1][:60] if steps else ''


def _why(log: Path, begin: int, what: str) -> str:
    lines = _tail(log, begin)
    if any(sign in line for line in lines for sign in _OFFLINE):
        reason = 'the package index cannot be reached'
    else:
        errors = [line for line in lines if 'error' in line.lower()]
        reason = (errors or lines or ['no output'])[-1]
    return f'{what} failed: {reason} (all of it: {log})'
