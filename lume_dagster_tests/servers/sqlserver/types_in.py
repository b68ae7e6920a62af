"""Read values from the wire: parameters and rows that a client sends."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

from lume_dagster_tests.servers.sqlserver.faults import SqlError

#: From a buffer and a position to a value and the position after it; IndexError or struct.error
#: where the buffer ends too soon.
ReadValue = Callable[[bytes, int], tuple[Any, int]]

DAY_ONE = dt.date(1, 1, 1).toordinal()
_EXACT = Context(prec=60)
_NULL_PLP, _NULL_SHORT, _MAX = 0xFFFFFFFFFFFFFFFF, 0xFFFF, 0xFFFF
_FIXED = {
    0x30: "<B",
    0x32: "<?",
    0x34: "<h",
    0x38: "<i",
    0x3B: "<f",
    0x3E: "<d",
    0x7F: "<q",
}
_INTEGERS = {1: "<B", 2: "<h", 4: "<i", 8: "<q"}
_FLOATS = {4: "<f", 8: "<d"}
_TEXT, _BYTES = {0xE7: "utf-16-le", 0xEF: "utf-16-le", 0xA7: "cp1252", 0xAF: "cp1252"}, {0xA5, 0xAD}


def take(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """``size`` bytes; IndexError where there are not so many."""
    end = at + size
    if end > len(data):
        raise IndexError
    return data[at:end], end


def read_short_text(data: bytes, at: int) -> tuple[str, int]:
    """A text with its length in one byte."""
    taken, end = take(data, at + 1, data[at] * 2)
    return taken.decode("utf-16-le"), end


def read_type(data: bytes, at: int) -> tuple[ReadValue, int]:
    """The reader of a column's values, from its TYPE_INFO."""
    token = data[at]
    if token in _FIXED:
        return _fixed(_FIXED[token]), at + 1
    if token in _IN_ONE_BYTE:
        size, make = _IN_ONE_BYTE[token]
        return _sized(make(data[at + size - 1])), at + size
    if token not in _TEXT and token not in _BYTES:
        raise SqlError(50000, f"This stand-in cannot read values of the type 0x{token:02x}.")
    most = struct.unpack_from("<H", data, at + 1)[0]
    end = at + 3 + (5 if token in _TEXT else 0)
    return (_long if most == _MAX else _short)(_decoder(token)), end


def _decoder(token: int) -> Callable[[bytes], Any]:
    encoding = _TEXT.get(token)
    return bytes if encoding is None else lambda b: b.decode(encoding)


def _fixed(form: str) -> ReadValue:
    unpack, size = struct.Struct(form).unpack_from, struct.calcsize(form)
    return lambda data, at: (unpack(data, at)[0], at + size)


def _sized(decode: Callable[[bytes], Any]) -> ReadValue:
    """A value with its length in one byte; none for NULL."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        size = data[at]
        at += 1
        if not size:
            return None, at
        end = at + size
        if end > len(data):
            raise IndexError
        return decode(data[at:end]), end

    return read


def _short(decode: Callable[[bytes], Any]) -> ReadValue:
    """A value with its length in two bytes."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        size = struct.unpack_from("<H", data, at)[0]
        if size == _NULL_SHORT:
            return None, at + 2
        taken, end = take(data, at + 2, size)
        return decode(taken), end

    return read


def _long(decode: Callable[[bytes], Any]) -> ReadValue:
    """A value in chunks of any length."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        total = struct.unpack_from("<Q", data, at)[0]
        at += 8
        if total == _NULL_PLP:
            return None, at
        chunks = []
        while True:
            size = struct.unpack_from("<I", data, at)[0]
            at += 4
            if size == 0:
                return decode(b"".join(chunks)), at
            chunk, at = take(data, at, size)
            chunks.append(chunk)

    return read


def _integer(data: bytes) -> int:
    return int(struct.unpack(_INTEGERS[len(data)], data)[0])


def _float(data: bytes) -> float:
    return float(struct.unpack(_FLOATS[len(data)], data)[0])


def _decimal(scale: int) -> Callable[[bytes], Decimal]:
    def decode(data: bytes) -> Decimal:
        value = int.from_bytes(data[1:], "little")
        return Decimal(value if data[0] else -value).scaleb(-scale, _EXACT)

    return decode


def _date(data: bytes) -> dt.date:
    return dt.date.fromordinal(DAY_ONE + int.from_bytes(data, "little"))


def _microseconds(data: bytes, scale: int) -> int:
    ticks = int.from_bytes(data, "little")
    return ticks * 10 ** (6 - scale) if scale <= 6 else ticks // 10


def _time(scale: int) -> Callable[[bytes], dt.time]:
    def decode(data: bytes) -> dt.time:
        passed = dt.timedelta(microseconds=_microseconds(data, scale))
        return (dt.datetime(1, 1, 1) + passed).time()

    return decode


def _datetime2(scale: int) -> Callable[[bytes], dt.datetime]:
    def decode(data: bytes) -> dt.datetime:
        passed = dt.timedelta(microseconds=_microseconds(data[:-3], scale))
        return dt.datetime.combine(_date(data[-3:]), dt.time.min) + passed

    return decode


def _datetimeoffset(scale: int) -> Callable[[bytes], dt.datetime]:
    local = _datetime2(scale)
    return lambda data: local(data[:-2]).replace(tzinfo=dt.UTC)


#: Types whose values have their length in one byte: how long the TYPE_INFO is, and the decoder,
#: made from its last byte.
_IN_ONE_BYTE: dict[int, tuple[int, Callable[[int], Callable[[bytes], Any]]]] = {
    0x24: (2, lambda _: lambda data: str(UUID(bytes_le=data))),
    0x26: (2, lambda _: _integer),
    0x28: (1, lambda _: _date),
    0x29: (2, _time),
    0x2A: (2, _datetime2),
    0x2B: (2, _datetimeoffset),
    0x68: (2, lambda _: lambda data: data != b"\0"),
    0x6A: (4, _decimal),
    0x6C: (4, _decimal),
    0x6D: (2, lambda _: _float),
}
