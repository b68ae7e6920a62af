"""Load with little memory, and once more with all that is allowed where that was too little.

DuckDB keeps what it has written in memory for as long as there is room: whatever a batch's size, it
takes all that it may, and is hardly faster for it. What makes a load slow is to keep the order of
its rows: row groups of other sizes than its own are then written twice, the second time at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import duckdb

_LITTLE = "256MiB"
_LESS = {"bytes": 1 << 28, "KiB": 1 << 18, "MiB": 1 << 8}

T = TypeVar("T")


def in_little_memory(
    connection: duckdb.DuckDBPyConnection, allowed: str, act: Callable[[], T]
) -> T:
    """What ``act`` gives. It is called again, in a transaction of its own, if memory ran out.

    ``allowed`` is the memory limit that the connection has.
    """
    import duckdb

    found = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    number, _, unit = str(found[0] if found else "").partition(" ")
    if unit in _LESS and float(number) <= _LESS[unit]:
        return act()
    connection.execute("SET memory_limit = $1", [_LITTLE])
    try:
        done = act()
    except duckdb.OutOfMemoryException:
        with suppress(duckdb.TransactionException):  # none is left where it failed at its end
            connection.execute("ROLLBACK")
        connection.execute("SET memory_limit = $1", [allowed])
        return act()
    connection.execute("SET memory_limit = $1", [allowed])
    return done
