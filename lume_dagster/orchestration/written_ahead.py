"""Let Dagster's SQLite files wait for the disk when their journal is folded in, not at each event.

SQLite waits for the disk twice for each event, and some ninety times while it makes the file of a
run: two hundred times in a small run. Written ahead from the first statement, and with
``synchronous = NORMAL``, it waits when a thousand pages or the last connection's end fold the
journal in. The files stay whole whatever happens, also to the power; a crash of the process loses
nothing, a cut of the power may lose the last events of a run that was going on
(https://sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_AT_EACH_COMMIT = 2  # synchronous = FULL, SQLite's default; who chose something else keeps it


@contextmanager
def written_ahead(home: Path) -> Iterator[None]:
    """As long as the block lasts, for what SQLAlchemy opens below ``home``; nothing else."""
    import sqlalchemy

    folder = home.resolve()

    def opened(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection) and folder in _file(connection).parents:
            _write_ahead(connection)

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", opened)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", opened)


def _file(connection: sqlite3.Connection) -> Path:
    (_, _, path), *_ = connection.execute("PRAGMA database_list").fetchall()
    return Path(path).resolve() if path else Path()


def _write_ahead(connection: sqlite3.Connection) -> None:
    if _number(connection, "page_count") == 0:
        with suppress(sqlite3.OperationalError):  # another process makes the file just now
            connection.execute("PRAGMA journal_mode = WAL")
    if _number(connection, "synchronous") == _AT_EACH_COMMIT:
        connection.execute("PRAGMA synchronous = NORMAL")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (found,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(found)
