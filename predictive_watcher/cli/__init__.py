"""The command predictive-watcher: one file per noun."""
