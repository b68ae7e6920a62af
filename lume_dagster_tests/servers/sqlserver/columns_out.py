"""Arrow columns as the bytes of TDS values, all values of a column at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Arrays and scalars of large_binary that, put side by side, are the values of a column.
Parts = list[Any]

_TO_1970 = 719_162  # days from 1 January of the year 1
_DAY = {"us": 86_400_000_000, "ns": 86_400_000_000_000}
_TIME_BYTES, _DATE_BYTES = 5, 3
_BYTES_LE = [3, 2, 1, 0, 5, 4, 7, 6, *range(8, 16)]
_CONTINUED, _FOUR_BYTES = (
    0x80,
    0xF0,
)  # of UTF-8: a byte that begins no character, one that needs two


def content(values: pa.Array) -> bytes:
    """The values one after the other."""
    offsets, data = values.buffers()[1:]
    ends = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    return data[int(ends[0]) : int(ends[-1])].to_pybytes()


def fixed(column: pa.Array, values: np.ndarray[Any, Any]) -> Parts:
    """Values of one size, each after its length in a byte; no length is NULL."""
    sized = np.empty((len(values), values.shape[1] + 1), np.uint8)
    sized[:, 0] = values.shape[1]
    sized[:, 1:] = values
    return [_or_null(column, _cells(sized), b"\0")]


def long(values: pa.Array) -> Parts:
    """Values of any length, each in one chunk."""
    lengths = _lengths(values)
    heads = np.zeros((len(values), 12), np.uint8)
    heads[:, :8] = _bytes_of(lengths.astype(np.int64))
    heads[:, 8:] = _bytes_of(lengths.astype(np.uint32))
    # An empty value has no chunk: only its own length, and the end of the chunks.
    started = pc.if_else(lengths == 0, _cells(heads[:, :8]), _cells(heads))
    ends = _or_null(values, _scalar(b"\0" * 4), b"")
    return [_or_null(values, started, b"\xff" * 8), _or_null(values, values, b""), ends]


def short(values: pa.Array) -> Parts:
    """Values each after its length in two bytes."""
    heads = _cells(_bytes_of(_lengths(values).astype(np.uint16)))
    return [_or_null(values, heads, b"\xff\xff"), _or_null(values, values, b"")]


def numbers(column: pa.Array, type_: pa.DataType) -> np.ndarray[Any, Any]:
    """Numbers as ``type_`` lies in memory."""
    return _bytes_of(_plain(column, type_))


def decimals(column: pa.Array, size: int) -> np.ndarray[Any, Any]:
    """The sign, and the whole number without it in ``size`` bytes."""
    wide = column.cast(pa.decimal128(column.type.precision, column.type.scale))
    words = np.frombuffer(wide.buffers()[1], np.uint64).reshape(-1, 2)
    low, high = words[wide.offset : wide.offset + len(wide)].T.copy()
    below = high.view(np.int64) < 0
    high[below] = ~high[below] + (low[below] == 0)
    low[below] = ~low[below] + np.uint64(1)
    signs = (~below).astype(np.uint8)[:, None]
    return np.concatenate([signs, _bytes_of(low), _bytes_of(high)], axis=1)[:, : size + 1]


def dates(column: pa.Array) -> np.ndarray[Any, Any]:
    """Days since the first of all."""
    days = _plain(column.cast(pa.date32()), pa.int32())
    return _bytes_of(days + _TO_1970)[:, :_DATE_BYTES]


def times(column: pa.Array, ticks: int) -> np.ndarray[Any, Any]:
    """Ticks since midnight."""
    passed = _plain(column.cast(pa.time64("us")), pa.int64())
    return _bytes_of(passed * ticks)[:, :_TIME_BYTES]


def timestamps(column: pa.Array, ticks: int) -> np.ndarray[Any, Any]:
    """Ticks since midnight, days, and the distance from UTC where there is a zone: none."""
    kind = column.type
    unit = "ns" if kind.unit == "ns" else "us"
    days, passed = np.divmod(
        _plain(column.cast(pa.timestamp(unit, kind.tz)), pa.int64()), _DAY[unit]
    )
    time = passed // 100 if unit == "ns" else passed * ticks
    parts = [_bytes_of(time)[:, :_TIME_BYTES], _bytes_of(days + _TO_1970)[:, :_DATE_BYTES]]
    zone = np.zeros((len(column), 2 if kind.tz else 0), np.uint8)
    return np.concatenate([*parts, zone], axis=1)


def uuids(column: pa.Array) -> np.ndarray[Any, Any]:
    """The sixteen bytes, the first three numbers of them with their lowest byte first."""
    plain = column.storage
    cells = np.frombuffer(plain.buffers()[1], np.uint8).reshape(-1, 16)
    return cells[plain.offset : plain.offset + len(plain)][:, _BYTES_LE]


def utf_16(column: pa.Array) -> pa.Array:
    """Texts as UTF-16; what is no text is written as one."""
    texts = _texts(column)
    offsets, data = texts.buffers()[1:]
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    plain = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]]
    units = np.zeros(len(plain) + 1, np.int64)
    np.cumsum(
        ((plain & 0xC0) != _CONTINUED) + (plain >= _FOUR_BYTES).astype(np.int64), out=units[1:]
    )
    wide = plain.tobytes().decode().encode("utf-16-le")
    places = pa.py_buffer(np.ascontiguousarray(units[ends - ends[0]] * 2))
    known = pa.array(np.asarray(texts.is_valid())).buffers()[1] if texts.null_count else None
    return pa.Array.from_buffers(
        pa.large_binary(), len(texts), [known, places, pa.py_buffer(wide)], texts.null_count
    )


def _texts(column: pa.Array) -> pa.Array:
    if pa.types.is_nested(column.type):
        found = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.array(found, pa.large_string())
    return column.cast(pa.large_string())


def _plain(column: pa.Array, type_: pa.DataType) -> np.ndarray[Any, Any]:
    """A column's numbers; where it has none, any."""
    cast = column.cast(type_)
    numbers = np.frombuffer(cast.buffers()[1], type_.to_pandas_dtype())
    return numbers[cast.offset : cast.offset + len(cast)]


def _bytes_of(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    plain = np.ascontiguousarray(values)
    return plain.view(np.uint8).reshape(len(plain), plain.itemsize)


def _cells(rows: np.ndarray[Any, Any]) -> pa.Array:
    """Rows of bytes as an array of them."""
    count, size = rows.shape
    plain = pa.py_buffer(np.ascontiguousarray(rows))
    places = pa.py_buffer(np.arange(count + 1, dtype=np.int64) * size)
    return pa.Array.from_buffers(pa.large_binary(), count, [None, places, plain])


def _lengths(values: pa.Array) -> np.ndarray[Any, Any]:
    return np.asarray(pc.binary_length(values).fill_null(0))


def _scalar(value: bytes) -> pa.Scalar:
    return pa.scalar(value, pa.large_binary())


def _or_null(column: pa.Array, values: Any, null: bytes) -> Any:
    """The values, and ``null`` where the column has none."""
    if not column.null_count:
        return values
    return pc.if_else(column.is_valid(), values, _scalar(null))
