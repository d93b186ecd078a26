"""Time that has passed, replayed: what plans would have brought, and rivals'.

`scene` makes a cloud of a trace, `cloud` lets it live, `rivals` decide, `run`
lets one of them have it, `figures` counts what came of it.
"""
