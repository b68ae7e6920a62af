"""Write a stream as the Parquet file that a target takes; give rows that are read their types."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import InvalidRequestError
from lume_dagster.orchestration.stored_types import (
    columns_of,
    remembered_types,
    restored,
    stored,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH_ROWS = 16_384
_ROW = "_lume_row"


@dataclass(frozen=True, slots=True)
class TableFiles:
    """A table on its way into a target: its file, its columns there, its own types."""

    file: Path
    columns: tuple[Column, ...]
    types: Mapping[str, str]


def write_table(reader: pa.RecordBatchReader, folder: Path, memory_limit: str) -> TableFiles:
    """Write a stream to Parquet; memory holds a few batches of it."""
    from sqlglot import exp

    _refuse_names(reader.schema.names)
    file = folder / "mapped.parquet"
    with scratch_database(memory_limit) as connection, _unfit():
        connection.register("given", reader)
        types = _types(connection, "given")
        number = exp.Window(this=exp.RowNumber())
        rows = exp.select(*stored(types), exp.alias_(number, _ROW)).from_("given")
        place = exp.Literal.string(str(file)).sql("duckdb")
        connection.execute(f"COPY ({rows.sql('duckdb')}) TO {place} (FORMAT parquet)")
    return TableFiles(file, columns_of(types), remembered_types(types))


@contextmanager
def restored_rows(
    reader: pa.RecordBatchReader,
    types: Mapping[str, str],
    drop: Collection[str],
    memory_limit: str,
) -> Iterator[pa.RecordBatchReader]:
    """The rows in the types they once had, without the columns named in ``drop``."""
    from sqlglot import exp

    names = [name for name in reader.schema.names if name not in drop]
    with scratch_database(memory_limit) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("held", reader)
        outputs = restored(names, types, _types(connection, "held"))
        query = exp.select(*outputs).from_("held").sql("duckdb")
        rows = connection.sql(query).to_arrow_reader(_BATCH_ROWS)
        try:
            yield rows
        finally:
            rows.close()


def _types(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    found = connection.execute(f"DESCRIBE SELECT * FROM {view}").fetchall()
    return {str(row[0]): str(row[1]) for row in found}


def empty_rejects(file: Path) -> Path:
    """The rejects of a table that was not mapped: none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    reason = pa.struct([(part, pa.string()) for part in ("field", "code", "message", "value")])
    types = {
        "_lume_row": pa.int64(),
        "_lume_file": pa.string(),
        "_lume_file_row": pa.int64(),
        "original": pa.string(),
        "errors": pa.list_(reason),
    }
    pq.write_table(pa.schema(list(types.items())).empty_table(), file)
    return file


def _refuse_names(names: Sequence[str]) -> None:
    if not names:
        raise InvalidRequestError(
            "The table has no column, so there is nothing to store.",
            hint="return a table with its columns, also when it has no row.",
        )
    seen: set[str] = set()
    for name in names:
        if not name or "\0" in name or name.startswith("_lume_") or name.casefold() in seen:
            raise InvalidRequestError(
                f"The table has a column {name!r}, which cannot be stored.",
                hint="names must be there, differ in more than case, and not begin with _lume_.",
            )
        seen.add(name.casefold())


@contextmanager
def _unfit() -> Iterator[None]:
    import duckdb

    try:
        yield
    except (duckdb.NotImplementedException, duckdb.InvalidInputException) as error:
        raise InvalidRequestError(
            f"The table cannot be stored: {str(error).splitlines()[0]}",
            hint="cast that column, for example to text.",
        ) from error
