"""Bring a batch's Parquet files into temporary tables of the session: PUT, then COPY INTO.

The files go to the table's own stage, which needs no right beyond the table. Table and files are
temporary: Snowflake drops them with the session, also the session of a process that was killed.
The COPY takes columns by name, so no value and no name is ever pasted into it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from lume_dagster.connectors.batch_files import (
    bindings,
    select_mapped,
    select_rejects,
    stored_types,
)
from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.snowflake.names import literal, quoted
from lume_dagster.connectors.snowflake.session import run
from lume_dagster.connectors.snowflake.shape import SNOWFLAKE_TYPES, create_table
from lume_dagster.connectors.sql.ddl import (
    DUCKDB_TYPES,
    REJECT_COLUMNS,
    ROW,
    SYSTEM_COLUMNS,
    sql_type,
)

if TYPE_CHECKING:
    import duckdb
    from snowflake.connector import SnowflakeConnection
    from sqlglot import exp

#: What Snowflake's Parquet reader makes of the files: JSON arrives as text and is parsed later.
_STAGE_TYPES: Mapping[str, str] = {**SNOWFLAKE_TYPES, "json": "VARCHAR", "errors": "VARCHAR"}

#: Types of Parquet columns that can be sent as they are, where it is not the declared type's own.
_SENT_AS_TEXT = {"json": {"VARCHAR", "JSON"}, "uuid": {"VARCHAR"}}

#: Strings stay as they are (a ``\\N`` is text), and times and timestamps keep their unit.
_FORMAT = "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE NULL_IF = ()"


@contextmanager
def sendable(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> Iterator[tuple[Path, Path]]:
    """Two folders of Parquet files to send, the mapped rows' and the rejects'.

    A file whose columns Snowflake reads as they are is linked, not copied; nested values and uuids
    are written as text first, in DuckDB.
    """
    with tempfile.TemporaryDirectory(prefix="lume-put-") as folder:
        mapped, rejects = Path(folder, "mapped"), Path(folder, "rejects")
        mapped.mkdir()
        rejects.mkdir()
        if _as_they_are(scratch, delivery):
            for number, file in enumerate(delivery.mapped):
                (mapped / f"{number}.parquet").symlink_to(file.absolute())
        else:
            query = select_mapped(scratch, delivery, {"json": _text, "uuid": _text})
            _write(scratch, query, delivery, delivery.mapped, mapped / "0.parquet")
        query = select_rejects(scratch, delivery, {"record": _text, "errors": _json_text})
        _write(scratch, query, delivery, delivery.rejects, rejects / "0.parquet")
        yield mapped, rejects


def stage_mapped(
    connection: SnowflakeConnection, delivery: Delivery, schema: str, folder: Path
) -> str:
    """The mapped rows in a temporary table, under the flow's own names; the table's reference."""
    row = replace(SYSTEM_COLUMNS[-1], nullable=True)
    return _stage(connection, schema, (*delivery.columns, row), folder)


def stage_rejects(connection: SnowflakeConnection, schema: str, folder: Path) -> str:
    """The rejects in a temporary table; the table's reference."""
    return _stage(connection, schema, _staged_rejects(), folder)


def _staged_rejects() -> tuple[Column, ...]:
    added = {column.name for column in SYSTEM_COLUMNS} - {ROW}
    return tuple(column for column in REJECT_COLUMNS if column.name not in added)


def _stage(
    connection: SnowflakeConnection, schema: str, columns: Sequence[Column], folder: Path
) -> str:
    name = f"LUME_STAGE_{uuid4().hex.upper()}"
    table, stage = f"{quoted(schema)}.{quoted(name)}", f"@{quoted(schema)}.%{name}"
    plain = [replace(column, nullable=True, description=None) for column in columns]
    run(connection, create_table(table, plain, _STAGE_TYPES, temporary=True))
    files = literal(f"file://{folder}/*.parquet")
    run(connection, f"PUT {files} {stage} PARALLEL = 8 AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    run(
        connection,
        f"COPY INTO {table} FROM {stage} FILE_FORMAT = ({_FORMAT}) "
        "MATCH_BY_COLUMN_NAME = CASE_SENSITIVE ON_ERROR = ABORT_STATEMENT",
    )
    return table


def _as_they_are(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> bool:
    """Whether the mapped files hold nothing but what Snowflake's reader takes exactly."""
    stored = stored_types(scratch, delivery.mapped)
    columns = (*delivery.columns, SYSTEM_COLUMNS[-1])
    return all(
        stored.get(column.name) in _SENT_AS_TEXT.get(column.type, {sql_type(column, DUCKDB_TYPES)})
        for column in columns
    )


def _write(
    scratch: duckdb.DuckDBPyConnection,
    query: exp.Select,
    delivery: Delivery,
    files: Sequence[Path],
    to: Path,
) -> None:
    from sqlglot import exp

    place = exp.Literal.string(str(to)).sql("duckdb")
    scratch.execute(
        f"COPY ({query.sql('duckdb')}) TO {place} (FORMAT parquet)", bindings(delivery, files)
    )


def _text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.cast(value, "VARCHAR", dialect="duckdb")


def _json_text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return _text(exp.Anonymous(this="to_json", expressions=[value]))
