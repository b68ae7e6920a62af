"""Stream a query's rows from a warehouse as Arrow batches, piece by piece.

The query stands in the brackets of another SELECT: whatever is no query does not parse there, so a
source cannot change anything. ``:source_path`` is Databricks' own parameter, bound by the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.databricks.session import Session, sentences
from lume_dagster.connectors.sql.bound_query import NAME, bind_source_path

if TYPE_CHECKING:
    import pyarrow as pa

#: The texts in the JSON list that is bound as ``:source_path``.
JSON_KEYS = f"SELECT explode(from_json(:{NAME}, 'array<string>'))"

_FIRST_ROWS, _MOST_ROWS, _PIECE_BYTES = 1_000, 200_000, 8 << 20
_FETCH_ROWS, _FETCH_BYTES = 50_000, 16 << 20


def bound(query: str) -> str:
    """The statement that is sent for a source query."""
    inner = bind_source_path(query, f":{NAME}", "databricks")
    return f"SELECT * FROM (\n{inner}\n)"


@contextmanager
def reader(session: Session, statement: str, source_path: str) -> Iterator[pa.RecordBatchReader]:
    """The rows of a statement as a stream; about eight megabytes at a time."""
    import pyarrow as pa

    sizes = {"arraysize": _FETCH_ROWS, "buffer_size_bytes": _FETCH_BYTES}
    with session.connection.cursor(**sizes) as cursor:
        with sentences(session.login):
            cursor.execute(statement, {NAME: source_path})
        pieces = _fetched(session, cursor)
        first = next(pieces)
        batches = (batch for piece in chain([first], pieces) for batch in piece.to_batches())
        yield pa.RecordBatchReader.from_batches(first.schema, batches)


def _fetched(session: Session, cursor: Any) -> Iterator[pa.Table]:
    wanted = _FIRST_ROWS
    while True:
        with sentences(session.login):
            piece = cursor.fetchmany_arrow(wanted)
        yield piece
        if piece.num_rows < wanted:
            return
        row_bytes = max(1, piece.nbytes // piece.num_rows)
        wanted = max(1, min(_MOST_ROWS, _PIECE_BYTES // row_bytes))
