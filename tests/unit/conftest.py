"""Watcher chooses threads or eventlet at its first import: threads.

Before any test is imported, because oslo.service takes what comes first.
"""

import watcher.cmd.eventlet  # noqa: F401
