"""Write the rows of many batches, which stand in one table in order, to a file for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection
from sqlglot import exp

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb.sqltypes import DuckDBPyType

_ROWS = 100_000
_SAME = re.compile(r"VARCHAR|BIGINT|DOUBLE|BOOLEAN|DATE|TIMESTAMP|DECIMAL\(\d+,\s?\d+\)")
_NESTED = frozenset({"struct", "list"})


def split(
    con: DuckDBPyConnection,
    table: str,
    columns: str,
    pieces: Sequence[tuple[int, Path]],
    options: str,
) -> Iterator[int]:
    """Write so many rows to each file, one file after the other; the bytes of each.

    A partitioned COPY would do it in one statement, but mixes up the rows of a file where a vector
    holds few rows of it. Arrow writes small files in a third of the time a COPY for each takes, and
    the same types where both have them. Dictionaries would take as long again, and zstd finds the
    repetitions of a small file without them.
    """
    rows = con.sql(f"SELECT {columns} FROM {table}")
    if all(_is_same(type_) for type_ in rows.types):
        yield from _by_arrow(rows.to_arrow_reader(_ROWS).read_all(), pieces)
        return
    first = 0
    for count, path in pieces:
        part = f"SELECT {columns} FROM (FROM {table} LIMIT {count} OFFSET {first})"
        place = exp.Literal.string(str(path)).sql("duckdb")
        con.execute(f"COPY ({part}) TO {place} ({options})")
        first += count
        yield path.stat().st_size


def _by_arrow(rows: pa.Table, pieces: Sequence[tuple[int, Path]]) -> Iterator[int]:
    import pyarrow.parquet as pq

    first = 0
    for count, path in pieces:
        piece = rows.slice(first, count)
        pq.write_table(piece, path, store_schema=False, use_dictionary=False, compression="zstd")
        first += count
        yield path.stat().st_size


def _is_same(type_: DuckDBPyType) -> bool:
    """Whether a value goes through Arrow into Parquet as DuckDB itself would write it.

    A UUID or a JSON value would become a text, and a time one with a zone.
    """
    from duckdb.sqltypes import DuckDBPyType

    if type_.id in _NESTED:
        children = [child for _, child in type_.children]
        return all(isinstance(child, DuckDBPyType) and _is_same(child) for child in children)
    return _SAME.fullmatch(str(type_)) is not None
