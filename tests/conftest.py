"""Watcher chooses threads or eventlet at its first import: threads.

oslo.service, which much imports, would choose otherwise if it came first.
"""

from watcher.cmd import eventlet  # noqa: F401
