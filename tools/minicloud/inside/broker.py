"""A directory as message broker: kombu's filesystem transport, mended.

Upstream keeps all queues in one directory and writes messages and bindings
in place, so that a reader can meet half of one, and every poll reads the
names of everybody's messages. Here each queue has a directory of its own, and
files appear by renaming. Kombu's in-and-out directories are one and the same:
by default each process would write where nobody reads.
"""

import collections
from collections.abc import Iterator
import contextlib
import fcntl
import itertools
import json
import os
from pathlib import Path
from queue import Empty
import time
from typing import Any
from urllib.parse import quote

from kombu.transport import filesystem
from kombu.transport import virtual
from kombu.utils import json as kombu_json


POLLING_INTERVAL_S = 0.05
_codec: Any = kombu_json  # which has no types


class Store:
    """Queues and bindings, shared by every process of the cloud."""

    def __init__(self, root: Path) -> None:
        self._queues = root / 'queues'
        self._exchanges = root / 'exchanges'
        self._unfinished = root / 'unfinished'
        for folder in (self._queues, self._exchanges, self._unfinished):
            folder.mkdir(parents=True, exist_ok=True)
        self._serial = itertools.count()

    def _queue(self, queue: str) -> Path:
        return self._queues / quote(queue, safe='')

    def _write(self, target: Path, content: bytes) -> None:
        name = f'{os.getpid()}.{next(self._serial)}.{target.name[:40]}'
        unfinished = self._unfinished / name
        unfinished.write_bytes(content)
        unfinished.rename(target)

    def put(self, queue: str, content: bytes) -> None:
        """Append a message to a queue."""
        folder = self._queue(queue)
        folder.mkdir(exist_ok=True)
        name = f'{time.monotonic_ns():020d}.{os.getpid()}'
        self._write(folder / f'{name}.{next(self._serial)}', content)

    def get(self, queue: str) -> bytes | None:
        """Take the oldest message out of a queue; None if there is none."""
        folder = self._queue(queue)
        for name in self._names(queue):
            taken = self._unfinished / f'{name}.taken.{os.getpid()}'
            with contextlib.suppress(FileNotFoundError):
                (folder / name).rename(taken)
                content = taken.read_bytes()
                taken.unlink()
                return content
        return None

    def _names(self, queue: str) -> list[str]:
        try:
            return sorted(os.listdir(self._queue(queue)))
        except FileNotFoundError:
            return []

    def size(self, queue: str) -> int:
        """How many messages wait."""
        return len(self._names(queue))

    def purge(self, queue: str) -> int:
        """Drop the waiting messages and say how many there were."""
        names = self._names(queue)
        for name in names:
            (self._queue(queue) / name).unlink(missing_ok=True)
        return len(names)

    def bindings(self, exchange: str) -> list[list[str]]:
        """``[routing key, pattern, queue]`` of each bound queue."""
        try:
            text = (self._exchanges / quote(exchange, safe='')).read_text()
        except FileNotFoundError:
            return []
        bound: list[list[str]] = json.loads(text)
        return bound

    def bind(self, exchange: str, binding: list[str]) -> None:
        """Add a binding, once."""
        with self._locked():
            bound = self.bindings(exchange)
            if binding not in bound:
                self._save(exchange, [binding, *bound])

    def unbind(self, exchange: str, binding: list[str]) -> None:
        """Remove a binding, if it is there."""
        with self._locked():
            bound = self.bindings(exchange)
            if binding in bound:
                bound.remove(binding)
                self._save(exchange, bound)

    def _save(self, exchange: str, bound: list[list[str]]) -> None:
        target = self._exchanges / quote(exchange, safe='')
        self._write(target, json.dumps(bound).encode())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._unfinished / 'lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def install(root: Path) -> None:
    """Make kombu's filesystem transport use a ``Store`` in ``root``."""
    store = Store(root)

    def bind(
        self: Any, exchange: str, key: str, pattern: str, queue: str
    ) -> None:
        store.bind(exchange, [key or '', pattern or '', queue or ''])

    def delete(
        self: Any, queue: str, exchange: str, key: str, pattern: str, *_: Any
    ) -> None:
        store.purge(queue)
        store.unbind(exchange, [key or '', pattern or '', queue or ''])

    def table(self: Any, exchange: str) -> list[Any]:
        bound = store.bindings(exchange)
        return [filesystem.exchange_queue_t(*binding) for binding in bound]

    def put(self: Any, queue: str, payload: Any, **_: Any) -> None:
        store.put(queue, _codec.dumps(payload).encode())

    def get(self: Any, queue: str) -> Any:
        content = store.get(queue)
        if content is None:
            raise Empty
        return _codec.loads(content.decode())

    filesystem.Transport.polling_interval = POLLING_INTERVAL_S
    channel: Any = filesystem.Channel
    channel._queue_bind, channel._delete = bind, delete
    channel.get_table, channel._put, channel._get = table, put, get
    channel._size = lambda self, queue: store.size(queue)
    channel._purge = lambda self, queue: store.purge(queue)
    # oslo.messaging registers a handler for returned messages, which
    # virtual channels do not know.
    parent: Any = virtual.Channel
    parent.events = collections.defaultdict(set)
