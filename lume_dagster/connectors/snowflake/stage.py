"""Bring a batch's Parquet files into a temporary table of the session: PUT, then COPY INTO.

The files go to the table's own stage, which needs no right beyond the table. Table and files are
temporary: Snowflake drops them with the session, also the session of a process that was killed.
The COPY takes columns by name, so no value and no name is ever pasted into it. Mapped rows and
rejects lie in one table, each in columns of their own: two would be three more round trips.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from lume_dagster.connectors.batch_files import (
    bindings,
    rows_in,
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
    RUN_ID,
    SOURCE_PATH,
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

#: The columns that a rejects file brings: the run and the batch are bound when rows are inserted.
_REJECTS = tuple(c for c in REJECT_COLUMNS if c.name not in {RUN_ID, SOURCE_PATH})

#: Strings stay as they are (a ``\\N`` is text), and times and timestamps keep their unit.
_FORMAT = "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE NULL_IF = ()"


_PREFIX, _LEFT_SECONDS = "lume-put-", 86_400


@dataclass(frozen=True, slots=True)
class Sendable:
    """A folder of Parquet files, and how many rows are in them."""

    folder: Path
    mapped_columns: tuple[Column, ...]
    mapped: int
    rejects: int

    @property
    def prefix(self) -> str:
        """What the names of the rejects' columns begin with, and no name of the flow."""
        prefix = "_reject_"
        while any(column.name.startswith(prefix) for column in self.mapped_columns):
            prefix = f"_{prefix}"
        return prefix


@dataclass(frozen=True, slots=True)
class Staged:
    """A temporary table of mapped rows, and of rejects where the batch has some."""

    table: str
    prefix: str
    has_mapped: bool
    has_rejects: bool

    @property
    def mapped_only(self) -> str:
        """What is true of the mapped rows: they have no number of a reject."""
        return f"{quoted(self.prefix + ROW)} IS NULL" if self.has_rejects else "TRUE"

    @property
    def rejects_only(self) -> str:
        """What is true of the rejects."""
        return f"{quoted(self.prefix + ROW)} IS NOT NULL"


@contextmanager
def sendable(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> Iterator[Sendable]:
    """The mapped rows and the rejects as files to send.

    A file whose columns Snowflake reads as they are is linked, not copied; nested values and uuids
    are written as text first, in DuckDB.
    """
    _sweep()
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        columns = (*delivery.columns, SYSTEM_COLUMNS[-1])
        mapped = _send_mapped(scratch, delivery, Path(folder))
        sent = Sendable(Path(folder), columns, mapped, rows_in(delivery.rejects))
        if sent.rejects:
            _send_rejects(scratch, delivery, sent)
        yield sent


def _sweep() -> None:
    """Remove the folders that killed deliveries have left here."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another delivery has removed it, or it is somebody else's
            if time.time() - folder.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(folder)


def _send_mapped(scratch: duckdb.DuckDBPyConnection, delivery: Delivery, to: Path) -> int:
    if not _as_they_are(scratch, delivery):
        query = select_mapped(scratch, delivery, {"json": _text, "uuid": _text})
        return _write(scratch, query, delivery, delivery.mapped, to / "mapped.parquet")
    for number, file in enumerate(delivery.mapped):
        (to / f"mapped-{number}.parquet").symlink_to(file.absolute())
    return rows_in(delivery.mapped)


def _send_rejects(scratch: duckdb.DuckDBPyConnection, delivery: Delivery, sent: Sendable) -> None:
    from sqlglot import exp

    rows = select_rejects(scratch, delivery, {"record": _text, "errors": _json_text})
    renamed = [
        exp.alias_(exp.column(c.name, quoted=True), sent.prefix + c.name, quoted=True)
        for c in _REJECTS
    ]
    query = exp.select(*renamed).from_(rows.subquery("rejects"))
    _write(scratch, query, delivery, delivery.rejects, sent.folder / "rejects.parquet")


def stage(connection: SnowflakeConnection, schema: str, sent: Sendable) -> Staged | None:
    """The rows in a temporary table, under the names of the files' columns; None for no row."""
    if not sent.mapped and not sent.rejects:
        return None
    name = f"LUME_STAGE_{uuid4().hex.upper()}"
    table, place = f"{quoted(schema)}.{quoted(name)}", f"@{quoted(schema)}.%{name}"
    rejects = [replace(c, name=sent.prefix + c.name) for c in _REJECTS] if sent.rejects else []
    columns = [*sent.mapped_columns, *rejects]
    plain = [replace(column, nullable=True, description=None) for column in columns]
    run(connection, create_table(table, plain, _STAGE_TYPES, temporary=True))
    files = literal(f"file://{sent.folder}/*.parquet")
    run(connection, f"PUT {files} {place} PARALLEL = 8 AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    run(
        connection,
        f"COPY INTO {table} FROM {place} FILE_FORMAT = ({_FORMAT}) "
        "MATCH_BY_COLUMN_NAME = CASE_SENSITIVE ON_ERROR = ABORT_STATEMENT",
    )
    return Staged(table, sent.prefix, sent.mapped > 0, sent.rejects > 0)


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
) -> int:
    from sqlglot import exp

    place = exp.Literal.string(str(to)).sql("duckdb")
    done = scratch.execute(
        f"COPY ({query.sql('duckdb')}) TO {place} (FORMAT parquet)", bindings(delivery, files)
    ).fetchone()
    return int(done[0]) if done else 0


def _text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.cast(value, "VARCHAR", dialect="duckdb")


def _json_text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return _text(exp.Anonymous(this="to_json", expressions=[value]))
