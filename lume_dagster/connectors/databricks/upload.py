"""The Parquet files of a delivery as a warehouse reads them, in files that a client can send.

A staged file goes as it is where every column is in its final type and the file is not too big;
else the rows are written again, which costs about as much as sending them. The run and the batch
are in no file: the statement that reads it adds them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import (
    Encoder,
    bindings,
    last_of_each_key,
    select_mapped,
    select_rejects,
    stored_types,
)
from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import DUCKDB_TYPES, ROW, RUN_ID, SOURCE_PATH, sql_type

if TYPE_CHECKING:
    import duckdb
    import pyarrow.parquet as pq
    from sqlglot import exp

#: Spark guesses how a file counts days of long ago by who wrote it, and refuses where it does not
#: know: the files say that they count as Spark 3 does, which is how Arrow and DuckDB count.
_SPARK = "{'org.apache.spark.version': '3.5.0'}"
_OPTIONS = f"FORMAT parquet, FILE_SIZE_BYTES '48MB', KV_METADATA {_SPARK}"
_FIRST_DAY, _FIRST_INSTANT = dt.date(1582, 10, 15), dt.datetime(1900, 1, 1)  # noqa: DTZ001

#: The client holds a file that it sends in memory whole.
_MOST_BYTES = 96 << 20


def _as_text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.cast(value, "VARCHAR", dialect="duckdb")


#: By the type of a column: those that Databricks keeps as text.
ENCODERS: Mapping[str, Encoder] = dict.fromkeys(("time", "uuid", "json", "record"), _as_text)


def sendable_from(folder: Path, delivery: Delivery) -> list[str]:
    """The folders that the client may send files from: those of this delivery."""
    return sorted({str(folder), *(str(file.parent) for file in delivery.mapped)})


def mapped_files(
    scratch: duckdb.DuckDBPyConnection, delivery: Delivery, folder: Path
) -> tuple[list[Path], int]:
    """The files of the mapped rows and the number of rows; under ``merge`` one row a key."""
    if delivery.mode != "merge" and _fit(scratch, delivery):
        return list(delivery.mapped), sum(read_footer(f).num_rows for f in delivery.mapped)
    query = select_mapped(scratch, delivery, ENCODERS)
    if delivery.mode == "merge":
        query = last_of_each_key(query, delivery.key)
    values = bindings(delivery, delivery.mapped)
    return _written(scratch, query, values, folder / "mapped")


def reject_files(
    scratch: duckdb.DuckDBPyConnection, delivery: Delivery, folder: Path
) -> tuple[list[Path], int]:
    """The files of the rejects and the number of rows."""
    if not sum(read_footer(f).num_rows for f in delivery.rejects):
        return [], 0
    query = select_rejects(scratch, delivery, ENCODERS)
    values = bindings(delivery, delivery.rejects)
    return _written(scratch, query, values, folder / "rejects")


def read_footer(file: Path) -> pq.FileMetaData:
    """What a Parquet file says of itself."""
    import pyarrow.parquet as pq

    return pq.read_metadata(file)


def _fit(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> bool:
    """Whether the staged files can be sent as they are."""
    stored = stored_types(scratch, delivery.mapped)
    columns = (*delivery.columns, Column(ROW, "integer"))
    plain = all(
        c.type not in ENCODERS and stored.get(c.name) == sql_type(c, DUCKDB_TYPES) for c in columns
    )
    sendable = all(f.stat().st_size <= _MOST_BYTES and "'" not in str(f) for f in delivery.mapped)
    return plain and sendable and not any(_is_old(read_footer(f)) for f in delivery.mapped)


def _is_old(footer: pq.FileMetaData) -> bool:
    """Whether a file may hold days that Spark refuses to read without ``_SPARK``."""
    groups = (footer.row_group(i) for i in range(footer.num_row_groups))
    chunks = (group.column(i) for group in groups for i in range(group.num_columns))
    return any(_may_be_old(chunk) for chunk in chunks)


def _may_be_old(chunk: pq.ColumnChunkMetaData) -> bool:
    counted = chunk.statistics
    if counted is None or not counted.has_min_max:
        known = counted is not None and counted.null_count == chunk.num_values
        return chunk.physical_type in {"INT32", "INT64"} and not known
    try:
        first = counted.min
    except OverflowError:  # no day of Python's: before the year 1, or all are after 9999
        return True
    if isinstance(first, dt.datetime):
        return first.replace(tzinfo=None) < _FIRST_INSTANT
    return isinstance(first, dt.date) and first < _FIRST_DAY


def _written(
    scratch: duckdb.DuckDBPyConnection, query: exp.Select, values: dict[str, Any], into: Path
) -> tuple[list[Path], int]:
    from sqlglot import exp

    place = exp.Literal.string(str(into)).sql("duckdb")
    added = [exp.column(name, quoted=True) for name in (RUN_ID, SOURCE_PATH)]
    rows = exp.select(exp.Star(except_=added)).from_(query.subquery("batch")).sql("duckdb")
    done = scratch.execute(f"COPY ({rows}) TO {place} ({_OPTIONS})", values)
    row = done.fetchone()
    return sorted(into.glob("*.parquet")), int(row[0]) if row else 0
