"""Stream a query from MySQL as Arrow batches; the server prepares it and binds its value.

Nothing waits in memory but a block of a few megabytes: the server is held up when the batches are
taken slowly.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.mysql.columns import batch, form
from lume_dagster.connectors.mysql.session import Session, sentences
from lume_dagster.connectors.mysql.wire import execute_prepared, row_blocks

if TYPE_CHECKING:
    import pyarrow as pa


def fetch_bound(session: Session, query: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """The few rows of a query with question marks for ``values``."""
    rows: list[dict[str, Any]] = _stream(session, query, values).read_all().to_pylist()
    return rows


def open_query(session: Session, query: str, values: int, source_path: str) -> pa.RecordBatchReader:
    """The rows of a query in which ``values`` question marks stand for ``source_path``."""
    session.run("START TRANSACTION READ ONLY")
    return _stream(session, query, [source_path] * values)


def _stream(session: Session, query: str, values: Sequence[str]) -> pa.RecordBatchReader:
    import pyarrow as pa

    fields = execute_prepared(session.connection, query, values)
    forms = [form(field) for field in fields]
    schema = pa.schema([(column.name, column.type) for column in forms])

    def batches() -> Generator[pa.RecordBatch, None, None]:
        with sentences(session.login):
            for block in row_blocks(session.connection):
                yield batch(block, forms, schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
