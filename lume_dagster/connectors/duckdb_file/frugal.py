"""Load with little memory, and once more with all that is allowed where that was too little.

DuckDB keeps what it has written in memory for as long as there is room: whatever a batch's size, it
takes all that it may, and is hardly faster for it. What makes a load slow is to keep the order of
its rows: row groups of other sizes than its own are then written twice, the second time at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import duckdb

#: MiB that a thread needs to hold a row group of what it reads and one of what it writes.
_A_THREAD, _LEAST = 128, 256
_MIB = {"bytes": 2**-20, "KiB": 2**-10, "MiB": 1, "GiB": 2**10, "TiB": 2**20}

#: Bytes of Parquet from which rejects are too many to be held whole.
_MANY = 16 << 20

T = TypeVar("T")


def in_little_memory(
    connection: duckdb.DuckDBPyConnection, allowed: str, act: Callable[[], T]
) -> T:
    """What ``act`` gives. It is called again, in a transaction of its own, if memory ran out.

    ``allowed`` is the memory limit that the connection has.
    """
    import duckdb

    little = max(_LEAST, _A_THREAD * _threads(connection))
    number, _, unit = _setting(connection, "memory_limit").partition(" ")
    if unit in _MIB and float(number) * _MIB[unit] <= little:
        return act()
    connection.execute("SET memory_limit = $1", [f"{little}MiB"])
    try:
        done = act()
    except duckdb.OutOfMemoryException:
        with suppress(duckdb.TransactionException):  # none is left where it failed at its end
            connection.execute("ROLLBACK")
        connection.execute("SET memory_limit = $1", [allowed])
        return act()
    connection.execute("SET memory_limit = $1", [allowed])
    return done


@contextmanager
def for_wide_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Iterator[None]:
    """Half of the threads: a reject holds its original and its errors, so a row group is large."""
    threads = _threads(connection)
    if threads == 1 or sum(file.stat().st_size for file in files) < _MANY:
        yield
        return
    connection.execute("SET threads = $1", [threads // 2])
    try:
        yield
    finally:
        connection.execute("SET threads = $1", [threads])


def _threads(connection: duckdb.DuckDBPyConnection) -> int:
    return int(_setting(connection, "threads"))


def _setting(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    found = connection.execute("SELECT current_setting($1)", [name]).fetchone()
    return str(found[0] if found else "")
