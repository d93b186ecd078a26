"""oslo.db on SQLite files shared by several processes.

oslo.db opens transactions with a plain BEGIN. In WAL mode a transaction that
reads first and writes later then fails at once with 'database is locked' if
another process wrote in between (SQLITE_BUSY_SNAPSHOT: no timeout helps).
BEGIN IMMEDIATE takes the write lock first, so that the busy timeout helps.
"""

from typing import Any

import sqlalchemy
from sqlalchemy import event


def install() -> None:
    """Begin every SQLite transaction with the write lock."""
    event.listen(
        sqlalchemy.engine.Engine,
        'before_cursor_execute',
        _immediate,
        retval=True,
    )


def _immediate(
    connection: Any,
    cursor: Any,
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,
) -> tuple[str, Any]:
    if statement == 'BEGIN' and connection.dialect.name == 'sqlite':
        statement = 'BEGIN IMMEDIATE'
    return statement, parameters
