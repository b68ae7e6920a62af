"""Write rows to the wire: Arrow columns as the types that SQL Server would send."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context
from itertools import chain, repeat
from typing import Any

import pyarrow as pa

from lume_dagster_tests.servers.sqlserver.declared import Declared
from lume_dagster_tests.servers.sqlserver.tokens import COLLATION, short_text

_EXACT = Context(prec=60)
_ROW = b"\xd1"
_MICROSECONDS, _NANOSECONDS = 86_400_000_000, 86_400_000_000_000  # of a day
_TO_1970 = 719_162  # days from 1 January of the year 1


@dataclass(frozen=True)
class Form:
    """How a column travels: its TYPE_INFO, its NULL, and its values from Arrow's own numbers."""

    info: bytes
    null: bytes
    encode: Callable[[Any], bytes]
    #: The Arrow type whose Python values ``encode`` takes.
    through: pa.DataType | None = None


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
    """The ROW tokens of a batch."""
    columns = [_encoded(column, form) for column, form in zip(batch.columns, forms, strict=True)]
    return b"".join(chain.from_iterable(zip(repeat(_ROW, batch.num_rows), *columns, strict=False)))


def _encoded(column: pa.Array, form: Form) -> list[bytes]:
    plain = column if form.through is None else column.cast(form.through)
    encode, null = form.encode, form.null
    return [null if value is None else encode(value) for value in plain.to_pylist()]


def _packed(form: str) -> Callable[[Any], bytes]:
    """A value after its own length."""
    size = struct.calcsize(f"<{form}")
    pack = struct.Struct(f"<B{form}").pack
    return lambda value: pack(size, value)


def _number(info: bytes, form: str) -> Form:
    return Form(info, b"\0", _packed(form))


_NUMBERS: Mapping[pa.DataType, Form] = {
    pa.bool_(): _number(b"\x68\x01", "?"),
    pa.uint8(): _number(b"\x26\x01", "B"),
    pa.int8(): _number(b"\x26\x02", "h"),
    pa.int16(): _number(b"\x26\x02", "h"),
    pa.int32(): _number(b"\x26\x04", "i"),
    pa.int64(): _number(b"\x26\x08", "q"),
    pa.uint32(): _number(b"\x26\x08", "q"),
    pa.float32(): _number(b"\x6d\x04", "f"),
    pa.float64(): _number(b"\x6d\x08", "d"),
}


def _decimal(type_: pa.DataType, _: Declared | None) -> Form:
    digits, scale = type_.precision, type_.scale
    size = next(n for most, n in ((9, 4), (19, 8), (28, 12), (38, 16)) if digits <= most)

    def encode(value: Any) -> bytes:
        whole = int(value.scaleb(scale, _EXACT))
        return bytes([size + 1, whole >= 0]) + abs(whole).to_bytes(size, "little")

    return Form(bytes([0x6C, size + 1, digits, scale]), b"\0", encode)


def _date(_: pa.DataType, __: Declared | None) -> Form:
    return Form(
        b"\x28", b"\0", lambda days: b"\x03" + (days + _TO_1970).to_bytes(3, "little"), pa.int32()
    )


def _scale(declared: Declared | None) -> tuple[int, int, int]:
    """The scale, ticks in a microsecond, and bytes of a time: 6, or 7 where that is declared."""
    return (7, 10, 5) if declared is not None and declared.scale == 7 else (6, 1, 5)


def _time(_: pa.DataType, declared: Declared | None) -> Form:
    scale, ticks, size = _scale(declared)

    def encode(value: int) -> bytes:
        return bytes([size]) + (value * ticks).to_bytes(size, "little")

    return Form(bytes([0x29, scale]), b"\0", encode, pa.int64())


def _timestamp(type_: pa.DataType, declared: Declared | None) -> Form:
    scale, ticks, size = _scale(declared)
    zone, token = (b"\0\0", 0x2B) if type_.tz else (b"", 0x2A)
    head = bytes([size + 3 + len(zone)])
    fine = type_.unit == "ns"  # as only datetime2(7) is kept

    def encode(value: int) -> bytes:
        days, passed = divmod(value, _NANOSECONDS if fine else _MICROSECONDS)
        time = (passed // 100 if fine else passed * ticks).to_bytes(size, "little")
        return head + time + (days + _TO_1970).to_bytes(3, "little") + zone

    return Form(bytes([token, 7 if fine else scale]), b"\0", encode, pa.int64())


def _long(data: bytes) -> bytes:
    """A value in one chunk."""
    chunk = struct.pack("<I", len(data)) + data if data else b""
    return struct.pack("<Q", len(data)) + chunk + b"\0\0\0\0"


def _binary(_: pa.DataType, __: Declared | None) -> Form:
    return Form(b"\xa5\xff\xff", b"\xff" * 8, _long)


def _uuid(_: pa.DataType, __: Declared | None) -> Form:
    return Form(b"\x24\x10", b"\0", lambda value: b"\x10" + value.bytes_le)


def _text(declared: Declared | None) -> Form:
    most = declared.most_characters if declared else None
    if most is None:
        return Form(
            b"\xe7\xff\xff" + COLLATION, b"\xff" * 8, lambda v: _long(str(v).encode("utf-16-le"))
        )

    def encode(value: Any) -> bytes:
        data = str(value).encode("utf-16-le")
        return struct.pack("<H", len(data)) + data

    return Form(b"\xe7" + struct.pack("<H", most * 2) + COLLATION, b"\xff\xff", encode)


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
