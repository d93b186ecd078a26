"""Who the instances of an audit are: see `predictive_watcher.subjects`."""

from predictive_watcher.subjects import of
from predictive_watcher.subjects import own_flavor


__all__ = ('of', 'own_flavor')
