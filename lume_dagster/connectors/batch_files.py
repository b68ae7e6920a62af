"""Read a delivery's Parquet files with the types its columns declare, in SQL, never row by row."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import (
    DUCKDB_TYPES,
    REJECT_COLUMNS,
    ROW,
    RUN_ID,
    SOURCE_PATH,
    mapped_columns,
    sql_type,
)
from lume_dagster.errors import ConnectorError, EngineError

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

#: How a column's value is written for a system: from the stored expression to the sent one.
Encoder = Callable[["exp.Expr"], "exp.Expr"]

#: What ``duckdb.connect`` takes as its configuration.
Settings = dict[str, str | bool | int | float | list[str]]

_BOUND = {RUN_ID: "run_id", SOURCE_PATH: "source_path"}
_MOST_ROWS, _BYTES_PER_BATCH = 10_000, 2 << 20


@contextmanager
def scratch_database(memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own for the length of a delivery, which spills into a folder of its own."""
    import duckdb

    # DuckDB makes the folder only when it spills: a killed delivery mostly leaves nothing.
    spill = Path(tempfile.gettempdir(), f"lume-spill-{uuid4().hex}")
    settings: Settings = {"memory_limit": memory_limit, "temp_directory": str(spill)}
    try:
        with (
            duckdb.connect(":memory:", config=settings) as connection,
            _unfit_values(),
            engine_errors(),
        ):
            yield connection
    finally:
        if spill.exists():
            shutil.rmtree(spill)


@contextmanager
def engine_errors() -> Iterator[None]:
    """What the embedded engine runs out of, as an error of the tree."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise EngineError(
            f"The delivery needs more memory than it may use: {first_line(error)}",
            hint="raise the connector's memory_limit, or free space for its temporary files",
        ) from error
    except duckdb.IOException as error:
        raise EngineError(
            f"A file of the delivery could not be read or written: {first_line(error)}",
            hint="check the space on the disk and the rights on the folder",
        ) from error


@contextmanager
def _unfit_values() -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise ConnectorError(
            f"The batch does not fit the columns it was delivered with: {first_line(error)}",
            hint="nothing was written",
        ) from error


def first_line(error: Exception) -> str:
    """The sentence of a driver's error, without the query it quotes."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def stored_types(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> dict[str, str]:
    """The columns of Parquet files and their types in DuckDB's words."""
    if not files:
        raise ConnectorError("The delivery has no Parquet file: nothing can be written.")
    found = connection.execute(
        "DESCRIBE SELECT * FROM read_parquet($files)", {"files": [str(f) for f in files]}
    ).fetchall()
    return {row[0]: row[1] for row in found}


def select_mapped(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    encoders: Mapping[str, Encoder] | None = None,
    *,
    nested: bool = False,
    named: bool = True,
) -> exp.Select:
    """The mapped rows with every column of the mapped table; run it with ``bindings``.

    ``nested`` keeps structs and lists as they are; without it they become JSON. Without ``named``
    the rows do not name their run and batch.
    """
    stored = stored_types(connection, delivery.mapped)
    if nested:
        encoders = {**(encoders or {}), "json": _as_it_is}
    columns = mapped_columns(delivery.columns)
    return _select(columns if named else unnamed(columns), stored, encoders or {})


def select_rejects(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    encoders: Mapping[str, Encoder] | None = None,
    *,
    named: bool = True,
) -> exp.Select:
    """The rejects, as ``select_mapped`` has the mapped rows; run it with ``bindings``."""
    columns = REJECT_COLUMNS if named else unnamed(REJECT_COLUMNS)
    return _select(columns, stored_types(connection, delivery.rejects), encoders or {})


def unnamed(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns without those that are alike in every row: the run and the batch."""
    return tuple(column for column in columns if column.name not in _BOUND)


def last_of_each_key(rows: exp.Select, key: Sequence[str]) -> exp.Select:
    """Of the rows that share a key, the last in the batch. Only keys and numbers are held."""
    from sqlglot import exp

    number = exp.column(ROW, quoted=True)
    keys = [exp.column(name, quoted=True) for name in key]
    last = exp.select(exp.Max(this=number)).from_(rows.subquery("same")).group_by(*keys)
    return exp.select("*").from_(rows.subquery("batch")).where(number.isin(query=last))


def bindings(delivery: Delivery, files: Sequence[Path], *, named: bool = True) -> dict[str, Any]:
    """The values of a select made here."""
    names = {"run_id": delivery.run_id, "source_path": delivery.source_path} if named else {}
    return {"files": [str(f) for f in files], **names}


def _select(
    columns: Sequence[Column], stored: Mapping[str, str], encoders: Mapping[str, Encoder]
) -> exp.Select:
    from sqlglot import exp

    missing = [c.name for c in columns if c.name not in stored and c.name not in _BOUND]
    if missing:
        raise ConnectorError(
            f"The delivered Parquet files lack {', '.join(missing)}.",
            hint=f"they hold {', '.join(stored)}",
        )
    source = exp.Anonymous(this="read_parquet", expressions=[_parameter("files")])
    outputs = [_output(c, stored.get(c.name, "VARCHAR"), encoders) for c in columns]
    return exp.select(*outputs).from_(source)


def _output(column: Column, stored: str, encoders: Mapping[str, Encoder]) -> exp.Expr:
    from sqlglot import exp

    value: exp.Expr
    if column.name in _BOUND:
        value = exp.cast(_parameter(_BOUND[column.name]), "VARCHAR", dialect="duckdb")
    elif encoders.get(column.type) is _as_it_is and stored != "VARCHAR":
        value = exp.column(column.name, quoted=True)
    else:
        value = _typed(column, stored)
    if column.type in encoders:
        value = encoders[column.type](value)
    return exp.alias_(value, column.name, quoted=True)


def _typed(column: Column, stored: str) -> exp.Expr:
    """A stored column as its declared type; nested values become JSON, JSON text stays."""
    from sqlglot import exp

    value: exp.Expr = exp.column(column.name, quoted=True)
    wanted = sql_type(column, DUCKDB_TYPES)
    if stored == wanted:
        return value
    if wanted == "JSON" and stored != "VARCHAR":
        value = exp.Anonymous(this="to_json", expressions=[value])
    return exp.cast(value, wanted, dialect="duckdb")


def _as_it_is(value: exp.Expr) -> exp.Expr:
    return value


def _parameter(name: str) -> exp.Parameter:
    from sqlglot import exp

    return exp.Parameter(this=exp.to_identifier(name))


def rows_in(files: Sequence[Path]) -> int:
    """How many rows Parquet files hold, by their footers."""
    import pyarrow.parquet as pq

    return sum(int(pq.read_metadata(file).num_rows) for file in files)


def rows_per_batch(files: Sequence[Path]) -> int:
    """How many rows make an Arrow batch of about 2 MB, judged by the footers of the files."""
    import pyarrow.parquet as pq

    footers = [pq.read_metadata(file) for file in files]
    rows: int = sum(f.num_rows for f in footers)
    size: int = sum(
        f.row_group(i).total_byte_size for f in footers for i in range(f.num_row_groups)
    )
    return max(1, min(_MOST_ROWS, _BYTES_PER_BATCH * max(rows, 1) // max(size, 1)))
