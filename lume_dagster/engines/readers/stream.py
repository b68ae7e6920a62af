"""Write a stream of Arrow batches to Parquet as it comes, in types that its readers know.

A row group is encoded in a thread while the next one is read: who sends and who writes do not wait
for each other. Memory holds two row groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lume_dagster.engines.readers.header import column_names
from lume_dagster.engines.settings import MIB
from lume_dagster.errors import BatchError

_GROUP_ROWS = 122_880
_GROUP_BYTES = 64 * MIB
MOST_DIGITS = 38  # beyond, the engine would read a decimal as a double
_MONTHS_DAYS_NANOS = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a stream held."""

    names: tuple[str, ...]
    rows: int
    bytes: int  # in memory


def write_stream(
    reader: pa.RecordBatchReader, part: Path, names: Sequence[str] | None = None
) -> Streamed:
    """Write a stream to a part; memory holds the row group that is read and the one before it.

    Its columns are called c0, c1, ... there, unless ``names`` says otherwise.
    """
    if not reader.schema.names:
        raise BatchError("The query returns no column.", hint="name columns after SELECT.")
    changes = [_change(field.type) for field in reader.schema]
    called = names or [f"c{place}" for place in range(len(changes))]
    schema = pa.schema([(name, new) for name, (new, _) in zip(called, changes, strict=True)])
    rows = size = 0
    with _writer(part, reader.schema, schema) as writer, _groups(writer) as groups:
        for batch in reader:
            arrays = [change(array) for (_, change), array in zip(changes, batch, strict=True)]
            groups.add(pa.RecordBatch.from_arrays(arrays, schema=schema))
            rows += batch.num_rows
            size += batch.nbytes
    return Streamed(column_names(reader.schema.names), rows, size)


def _writer(part: Path, source: pa.Schema, schema: pa.Schema) -> pq.ParquetWriter:
    # A dictionary of numbers or dates takes twice the CPU of plain ones, and twice the size.
    texts = [each.name for each in schema if pa.types.is_string(each.type)]
    try:
        return pq.ParquetWriter(
            part, schema, compression="zstd", compression_level=1, use_dictionary=texts
        )
    except pa.ArrowNotImplementedError as error:
        types = ", ".join(f"{field.name} {field.type}" for field in source)
        raise BatchError(
            f"The query returns a type that cannot be staged ({error}): {types}.",
            hint="cast that column to text in the query.",
        ) from error


@dataclass(slots=True)
class _Groups:
    """Collects batches, so that small ones do not make tiny row groups, and has them written."""

    writer: pq.ParquetWriter
    thread: ThreadPoolExecutor
    pending: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0
    written: Future[None] | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Hold a batch back until it is one of a row group."""
        self.pending.append(batch)
        self.rows += batch.num_rows
        self.bytes += batch.nbytes
        if self.rows >= _GROUP_ROWS or self.bytes >= _GROUP_BYTES:
            self.write()

    def write(self) -> None:
        """Begin to write what was held back, when the row group before it is written."""
        self.wait()
        table = pa.Table.from_batches(self.pending, self.writer.schema)
        self.written = self.thread.submit(
            self.writer.write_table, table, row_group_size=2 * _GROUP_ROWS
        )
        self.pending, self.rows, self.bytes = [], 0, 0

    def wait(self) -> None:
        """Until the last row group is written; what failed there is raised here."""
        if self.written is not None:
            self.written.result()
            self.written = None


@contextmanager
def _groups(writer: pq.ParquetWriter) -> Iterator[_Groups]:
    """Row groups for a writer; all are written at the end."""
    with ThreadPoolExecutor(1, thread_name_prefix="stage") as thread:
        groups = _Groups(writer, thread)
        yield groups
        if groups.pending:
            groups.write()
        groups.wait()


def _change(kind: pa.DataType) -> tuple[pa.DataType, Callable[[pa.Array], pa.Array]]:
    """The type in which a column is staged, and how it gets it."""
    if isinstance(kind, pa.OpaqueType):
        return kind.storage_type, lambda array: array.storage
    new, change = next(
        ((new, change) for is_kind, new, change in _CHANGES if is_kind(kind)), (kind, None)
    )
    if pa.types.is_decimal256(kind) and kind.precision <= MOST_DIGITS:
        new = pa.decimal128(kind.precision, kind.scale)
    return new, change or (lambda array: array if array.type == new else array.cast(new))


def _duration_text(array: pa.Array) -> pa.Array:
    micros = array.cast(pa.duration("us"), safe=False).cast(pa.int64()).cast(pa.string())
    return pc.binary_join_element_wise(micros, "microseconds", " ")


def _interval_text(array: pa.Array) -> pa.Array:
    """``1 months 2 days 3 microseconds``, which databases read back as an interval."""
    buffer = array.buffers()[1]
    fields = np.frombuffer(buffer, _MONTHS_DAYS_NANOS, count=array.offset + len(array))
    fields = fields[array.offset :]
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    pieces: list[pa.Array | str] = []
    for values, unit in (
        (fields["months"], "months"),
        (fields["days"], "days"),
        (fields["nanos"] // 1000, "microseconds"),
    ):
        pieces += [pa.array(values, pa.int64(), mask=~valid).cast(pa.string()), unit]
    return pc.binary_join_element_wise(*pieces, " ")


#: Types that Parquet or the engine does not know: how to tell, the type instead, how to convert.
_CHANGES: tuple[
    tuple[Callable[[pa.DataType], bool], pa.DataType, Callable[[pa.Array], pa.Array] | None], ...
] = (
    (pa.types.is_null, pa.string(), None),
    (pa.types.is_float16, pa.float32(), None),
    (pa.types.is_decimal256, pa.string(), None),
    (pa.types.is_duration, pa.string(), _duration_text),
    (pa.types.is_interval, pa.string(), _interval_text),
)
