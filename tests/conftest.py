"""What all tests stand on.

Watcher chooses threads or eventlet at its first import: threads.
oslo.service, which much imports, would choose otherwise if it came first.
"""

import hypothesis
from watcher.cmd import eventlet  # noqa: F401


# The same examples in every run: what passed once passes again.
hypothesis.settings.register_profile('same', derandomize=True, deadline=None)
hypothesis.settings.load_profile('same')
