"""Measured in a fresh process: what threads and memory of this one would
falsify.  ``python -m benchmarks.fresh`` is for `benchmarks.speed` alone.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any


_ROOT = pathlib.Path(__file__).parents[1]
_THREADS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
_ORDER = 1536  # of the matrices: far beyond the caches
_REPEATS = 6
_BATCH = 512


def ask(what: str, threads: int, *more: str) -> dict[str, Any]:
    """Run one of the functions below in a process of its own."""
    path = os.pathsep.join(
        [str(_ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
    )
    environment = {
        **os.environ,
        **dict.fromkeys(_THREADS, str(threads)),
        'PYTHONPATH': path,
    }
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, '-m', 'benchmarks.fresh', what, *more],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


def sgemm() -> dict[str, float]:
    """The most float32 operations a second that a matrix product reaches."""
    import numpy as np

    rng = np.random.default_rng(0)
    a, b = rng.random((2, _ORDER, _ORDER), dtype=np.float32)
    best = float('inf')
    for _ in range(_REPEATS):
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return {'flops': 2 * _ORDER**3 / best}


def memory(directory: str) -> dict[str, float]:
    """Resident bytes before and after a session is made, and after it has
    scored some instances.
    """
    import numpy as np
    import onnxruntime  # noqa: F401 - its code is not the session's

    from predictive_watcher.core import inputs
    from predictive_watcher.models import registry

    model = registry.load(pathlib.Path(directory), threads=1)
    before = _resident()
    model.prepare()
    loaded = _resident()
    x = np.zeros((1, _BATCH, len(inputs.NAMES)), np.float32)
    empty = np.zeros((1, _BATCH, model.hidden), np.float32)
    model.recur(x, empty, empty)
    return {'before': before, 'loaded': loaded, 'scored': _resident()}


def _resident() -> int:
    """Bytes of this process that are in memory; 0 where Linux is not."""
    try:
        pages = pathlib.Path('/proc/self/statm').read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf('SC_PAGESIZE')


if __name__ == '__main__':
    measured = sgemm() if sys.argv[1] == 'sgemm' else memory(sys.argv[2])
    print(json.dumps(measured))
