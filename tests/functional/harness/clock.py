"""The time of this machine, which Watcher's services go by."""

import time


def now() -> int:
    """Unix seconds."""
    return int(time.time())  # noqa: TID251
