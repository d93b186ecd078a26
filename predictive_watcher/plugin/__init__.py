"""All that knows Watcher: goal, strategy, planner, actions, engines."""
