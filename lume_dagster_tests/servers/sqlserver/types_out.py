"""The types that SQL Server would send for Arrow columns, and the rows as they travel."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from lume_dagster_tests.servers.sqlserver import columns_out as out
from lume_dagster_tests.servers.sqlserver.declared import Declared
from lume_dagster_tests.servers.sqlserver.tokens import COLLATION, short_text

_ROW = b"\xd1"


@dataclass(frozen=True)
class Form:
    """How a column travels: its TYPE_INFO, and its values as parts that are put side by side."""

    info: bytes
    encode: Callable[[pa.Array], out.Parts]


def form_of(type_: pa.DataType, declared: Declared | None = None) -> Form:
    """The form of an Arrow type; ``declared`` says how long a text is and how fine a time."""
    for fits, make in _FORMS:
        if fits(type_):
            return make(type_, declared)
    return _text(declared)


def columns_metadata(names: Sequence[str], forms: Sequence[Form]) -> bytes:
    """The COLMETADATA token."""
    parts = [b"\x81", struct.pack("<H", len(names))]
    for name, form in zip(names, forms, strict=True):
        parts += [struct.pack("<IH", 0, 0x09), form.info, short_text(name[:127])]
    return b"".join(parts)


def rows(batch: pa.RecordBatch, forms: Sequence[Form]) -> bytes:
    """The ROW tokens of a batch: all of its columns at once, no row by itself."""
    if not batch.num_rows:
        return b""
    encoded = (form.encode(column) for column, form in zip(batch.columns, forms, strict=True))
    row = pa.scalar(_ROW, pa.large_binary())
    separator = pa.scalar(b"", pa.large_binary())
    joined = pc.binary_join_element_wise(row, *chain.from_iterable(encoded), separator)
    return out.content(joined)


def _number(info: bytes, type_: pa.DataType) -> Form:
    return Form(info, lambda column: out.fixed(column, out.numbers(column, type_)))


_NUMBERS: Mapping[pa.DataType, Form] = {
    pa.bool_(): _number(b"\x68\x01", pa.uint8()),
    pa.uint8(): _number(b"\x26\x01", pa.uint8()),
    pa.int8(): _number(b"\x26\x02", pa.int16()),
    pa.int16(): _number(b"\x26\x02", pa.int16()),
    pa.int32(): _number(b"\x26\x04", pa.int32()),
    pa.int64(): _number(b"\x26\x08", pa.int64()),
    pa.uint32(): _number(b"\x26\x08", pa.int64()),
    pa.float32(): _number(b"\x6d\x04", pa.float32()),
    pa.float64(): _number(b"\x6d\x08", pa.float64()),
}


def _decimal(type_: pa.DataType, _: Declared | None) -> Form:
    digits, scale = type_.precision, type_.scale
    size = next(n for most, n in ((9, 4), (19, 8), (28, 12), (38, 16)) if digits <= most)
    info = bytes([0x6C, size + 1, digits, scale])
    return Form(info, lambda column: out.fixed(column, out.decimals(column, size)))


def _date(_: pa.DataType, __: Declared | None) -> Form:
    return Form(b"\x28", lambda column: out.fixed(column, out.dates(column)))


def _scale(declared: Declared | None) -> tuple[int, int]:
    """The scale and its ticks in a microsecond: 6, or 7 where that is declared."""
    return (7, 10) if declared is not None and declared.scale == 7 else (6, 1)


def _time(_: pa.DataType, declared: Declared | None) -> Form:
    scale, ticks = _scale(declared)
    info = bytes([0x29, scale])
    return Form(info, lambda column: out.fixed(column, out.times(column, ticks)))


def _timestamp(type_: pa.DataType, declared: Declared | None) -> Form:
    scale, ticks = _scale(declared)
    fine = type_.unit == "ns"  # as only datetime2(7) is kept
    info = bytes([0x2B if type_.tz else 0x2A, 7 if fine else scale])
    return Form(info, lambda column: out.fixed(column, out.timestamps(column, ticks)))


def _binary(_: pa.DataType, __: Declared | None) -> Form:
    return Form(b"\xa5\xff\xff", lambda column: out.long(column.cast(pa.large_binary())))


def _uuid(_: pa.DataType, __: Declared | None) -> Form:
    return Form(b"\x24\x10", lambda column: out.fixed(column, out.uuids(column)))


def _text(declared: Declared | None) -> Form:
    most = declared.most_characters if declared else None
    if most is None:
        return Form(b"\xe7\xff\xff" + COLLATION, lambda column: out.long(out.utf_16(column)))
    info = b"\xe7" + struct.pack("<H", most * 2) + COLLATION
    return Form(info, lambda column: out.short(out.utf_16(column)))


def _is_uuid(type_: pa.DataType) -> bool:
    return getattr(type_, "extension_name", "") == "arrow.uuid"


def _is_binary(type_: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))


_FORMS: tuple[tuple[Callable[[pa.DataType], bool], Callable[..., Form]], ...] = (
    (lambda t: t in _NUMBERS, lambda t, _: _NUMBERS[t]),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_date, _date),
    (pa.types.is_time, _time),
    (pa.types.is_timestamp, _timestamp),
    (_is_uuid, _uuid),
    (_is_binary, _binary),
)
