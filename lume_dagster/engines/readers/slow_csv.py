"""Read a CSV file record by record, where the parallel reader cannot be trusted with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.readers.encoding import shown
from lume_dagster.engines.readers.malformed import MalformedSink
from lume_dagster.engines.readers.records import problem_of, records
from lume_dagster.engines.readers.scan import Positions
from lume_dagster.engines.settings import MIB

_FLUSH_BYTES = 16 * MIB
_FLUSH_ROWS = 50_000


def read_slowly(
    file: CsvFile, ids: Mapping[str, str], sink: MalformedSink, into: Path, limit: int
) -> tuple[int, Positions]:
    """Stage one file into one part; how many records it held, and which are malformed."""
    dropped = np.zeros(0, np.int64) if file.dropped is None else file.dropped
    kept_before = dropped - np.arange(1, len(dropped) + 1)
    missing: list[int] = []
    kept = 0
    columns = len(file.header.names)
    with _PartWriter(into, list(ids.values()), [ids[name] for name in file.header.names]) as part:
        for record in records(file.path, file.dialect, file.header.data, limit):
            kept += 1
            values: Sequence[bytes | None] = ()
            problem = record.problem
            if problem is None:
                values, problem = problem_of(
                    record.text, file.dialect, columns, file.encoding, file.repeated
                )
            if problem is None:
                part.add(values, len(record.text))
            else:
                number = kept + int(np.searchsorted(kept_before, kept))
                missing.append(number)
                sink.add(file.index, number, shown(record.text, file.encoding), problem)
    return kept + len(dropped), np.union1d(dropped, np.array(missing, np.int64))


class _PartWriter:
    """Writes rows of raw values to Parquet, some thousands at a time."""

    def __init__(self, path: Path, ids: list[str], own: list[str]) -> None:
        self._schema = pa.schema([(name, pa.string()) for name in ids])
        self._own = own
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", compression_level=1)
        self._rows: list[Sequence[bytes | None]] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._flush()
        self._writer.close()

    def add(self, values: Sequence[bytes | None], size: int) -> None:
        """One row, and its size."""
        self._rows.append(values)
        self._size += size
        if self._size > _FLUSH_BYTES or len(self._rows) >= _FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        filled = dict(zip(self._own, zip(*self._rows, strict=True), strict=True))
        nulls = pa.nulls(len(self._rows), pa.string())
        arrays = [
            pa.array(filled[name], pa.binary()).cast(pa.string()) if name in filled else nulls
            for name in self._schema.names
        ]
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self._rows, self._size = [], 0
