"""Watcher chooses threads or eventlet at its first import: threads."""

import watcher.cmd.eventlet  # noqa: F401
