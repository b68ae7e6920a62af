"""Collect the records that no reader could split, with their text and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lume_dagster.engines.settings import MIB

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

CODE = "MALFORMED_RECORD"
REPEATED_HEADER, HEADER_AGAIN = "REPEATED_HEADER", "is the header of the file once more"


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {
        "file": pa.int64(),
        "record": pa.int64(),
        "text": pa.large_string(),
        "message": pa.string(),
        "code": pa.string(),
    }
    return pa.schema(list(kinds.items()))


class MalformedSink:
    """Writes malformed records as they are found; their rows are known when all files are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[tuple[int, int, str, str, str]] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, file: int, record: int, text: str, message: str) -> None:
        """A record: the place of its file in the batch, and its number in that file, from 1."""
        code = REPEATED_HEADER if message == HEADER_AGAIN else CODE
        self._rows.append((file, record, text, message, code))
        self._size += len(text) + 100
        if self._size > 8 * MIB:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = _schema()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, schema, compression="zstd")
        columns = [list(column) for column in zip(*self._rows, strict=True)]
        arrays = [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)]
        self._writer.write_table(pa.table(arrays, schema=schema))
        self._rows, self._size = [], 0

    def save(
        self, connection: duckdb.DuckDBPyConnection, first_rows: Sequence[int], into: Path
    ) -> None:
        """Write ``malformed.parquet`` with row numbers of the batch; nothing when there is none."""
        self._flush()
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        connection.execute(
            "COPY (SELECT ($first)[file + 1] + record - 1 AS _lume_row, text, code,"
            " message"
            " FROM read_parquet($from) ORDER BY file, record)"
            " TO $into (FORMAT parquet, COMPRESSION zstd)",
            {"first": list(first_rows), "from": str(self._path), "into": str(into)},
        )
