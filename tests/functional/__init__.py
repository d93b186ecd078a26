"""Real Watcher services in one process, with a cloud that is a fake."""

import pytest


# so that assertions of the harness tell what they saw
pytest.register_assert_rewrite('tests.functional.harness')
