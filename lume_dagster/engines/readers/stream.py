"""Write a stream of Arrow batches to Parquet as it comes, in types that its readers know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lume_dagster.engines.readers.header import column_names
from lume_dagster.engines.settings import MIB
from lume_dagster.errors import BatchError

_GROUP_ROWS = 122_880
_GROUP_BYTES = 128 * MIB
_MOST_DIGITS = 38  # beyond, the engine would read a decimal as a double
_MONTHS_DAYS_NANOS = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a stream held."""

    names: tuple[str, ...]
    rows: int
    bytes: int  # in memory


def write_stream(reader: pa.RecordBatchReader, part: Path) -> Streamed:
    """Write a stream to a part; memory holds one row group."""
    changes = [_change(field.type) for field in reader.schema]
    schema = pa.schema([(f"c{place}", new_type) for place, (new_type, _) in enumerate(changes)])
    rows = size = 0
    pending: list[pa.RecordBatch] = []
    with _writer(part, reader.schema, schema) as writer:
        for batch in reader:
            arrays = [change(array) for (_, change), array in zip(changes, batch, strict=True)]
            pending.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            rows += batch.num_rows
            size += batch.nbytes
            if (
                sum(each.num_rows for each in pending) >= _GROUP_ROWS
                or sum(each.nbytes for each in pending) >= _GROUP_BYTES
            ):
                _write(writer, pending)
        _write(writer, pending)
    return Streamed(column_names(reader.schema.names), rows, size)


def _writer(part: Path, source: pa.Schema, schema: pa.Schema) -> pq.ParquetWriter:
    try:
        return pq.ParquetWriter(part, schema, compression="zstd", compression_level=1)
    except pa.ArrowNotImplementedError as error:
        types = ", ".join(f"{field.name} {field.type}" for field in source)
        raise BatchError(
            f"The query returns a type that cannot be staged ({error}): {types}.",
            hint="cast that column to text in the query.",
        ) from error


def _write(writer: pq.ParquetWriter, pending: list[pa.RecordBatch]) -> None:
    """One row group of all that was held back, so that small batches do not make tiny groups."""
    if pending:
        writer.write_table(pa.Table.from_batches(pending), row_group_size=_GROUP_ROWS)
        pending.clear()


def _change(kind: pa.DataType) -> tuple[pa.DataType, Callable[[pa.Array], pa.Array]]:
    """The type in which a column is staged, and how it gets it."""
    if isinstance(kind, pa.OpaqueType):
        return kind.storage_type, lambda array: array.storage
    new, change = next(
        ((new, change) for is_kind, new, change in _CHANGES if is_kind(kind)), (kind, None)
    )
    if pa.types.is_decimal256(kind) and kind.precision <= _MOST_DIGITS:
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
