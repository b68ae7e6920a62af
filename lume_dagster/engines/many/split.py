"""Write the rows of many batches, which stand in one table in order, to a file for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from duckdb import DuckDBPyConnection
from sqlglot import exp


def split(
    con: DuckDBPyConnection,
    table: str,
    columns: str,
    pieces: Sequence[tuple[int, Path]],
    options: str,
) -> Iterator[int]:
    """Write so many rows to each file, one file after the other; the bytes of each.

    A partitioned COPY would do it in one statement and half the time, but mixes up the rows of a
    file where some vector holds few rows of it.
    """
    first = 0
    for rows, path in pieces:
        part = f"SELECT {columns} FROM (FROM {table} LIMIT {rows} OFFSET {first})"
        place = exp.Literal.string(str(path)).sql("duckdb")
        con.execute(f"COPY ({part}) TO {place} ({options})")
        first += rows
        yield path.stat().st_size
