"""Rows in MySQL's binary form, turned into Arrow columns: column by column, never row by row.

A row is a map of its nulls and then its values, some of a fixed width and some that say their
length. For a block of rows at once, NumPy follows the place of each row's next value: what costs
Python time is the number of columns, not the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.mysql.wire import Block
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_PAD = 16  # a look at a value may go past the end of the last row
_BINARY_CHARSET, _UNSIGNED, _MOST_DIGITS = 63, 32, 38
_MICROSECONDS_A_DAY = 86_400_000_000

#: Type codes of the protocol whose values have a fixed width, signed and unsigned.
_FIXED: Mapping[int, tuple[str, str]] = {
    1: ("int8", "uint8"),
    2: ("int16", "uint16"),
    3: ("int32", "uint32"),
    8: ("int64", "uint64"),
    9: ("int32", "uint32"),
    13: ("int16", "int16"),  # YEAR
    4: ("float32", "float32"),
    5: ("float64", "float64"),
}
_TINY, _NULL, _TIMESTAMP, _DATE, _TIME, _DATETIME, _BIT, _JSON = 1, 6, 7, 10, 11, 12, 16, 245
_DECIMALS = {0, 246}


@dataclass(frozen=True, slots=True)
class Form:
    """How a column is read: its Arrow type and the shape of its values."""

    name: str
    type: Any
    shape: str  # fixed, boolean, text, decimal, bits, date, datetime, time or null
    width: str = ""  # NumPy's name of a fixed value


@dataclass(slots=True)
class _Rows:
    """A block of rows, and where the next value of each begins."""

    bytes: np.ndarray[Any, Any]
    begins: np.ndarray[Any, Any]
    at: np.ndarray[Any, Any]

    def view(self, kind: str, places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The numbers that begin at ``places``, which need not be aligned."""
        import numpy as np

        dtype = np.dtype(kind).newbyteorder("<")
        count = len(self.bytes) - dtype.itemsize + 1
        numbers: np.ndarray[Any, Any] = np.ndarray((count,), dtype, self.bytes.data, strides=(1,))
        found: np.ndarray[Any, Any] = numbers[places]
        return found


def form(field: Any) -> Form:
    """How the values of a field of a result are read."""
    import pyarrow as pa

    code, unsigned = field.type_code, bool(field.flags & _UNSIGNED)
    if code == _TINY and field.length == 1 and not unsigned:
        return Form(field.name, pa.bool_(), "boolean", "int8")
    if code in _FIXED:
        width = _FIXED[code][unsigned]
        return Form(field.name, pa.from_numpy_dtype(width), "fixed", width)
    if code in _DECIMALS:
        return _decimal(field, unsigned=unsigned)
    others: Mapping[int, tuple[Any, str]] = {
        _NULL: (pa.string(), "null"),
        _DATE: (pa.date32(), "date"),
        _DATETIME: (pa.timestamp("us"), "datetime"),
        _TIMESTAMP: (pa.timestamp("us", "UTC"), "datetime"),
        _TIME: (pa.time64("us"), "time"),
        _BIT: (pa.uint64(), "bits"),
        _JSON: (pa.string(), "text"),
    }
    text = pa.binary() if field.charsetnr == _BINARY_CHARSET else pa.string()
    type_, shape = others.get(code, (text, "text"))
    return Form(field.name, type_, shape)


def _decimal(field: Any, *, unsigned: bool) -> Form:
    """An exact decimal; text where Arrow's has too few digits."""
    import pyarrow as pa

    digits = field.length - (not unsigned) - (field.scale > 0)
    if not 0 < digits <= _MOST_DIGITS:
        return Form(field.name, pa.string(), "text")
    return Form(field.name, pa.decimal128(digits, field.scale), "decimal")


def batch(block: Block, forms: Sequence[Form], schema: pa.Schema) -> pa.RecordBatch:
    """The rows of a block as columns.

    Raises:
        ConnectorError: a value that Arrow has no form for, with its column and what to write.
    """
    import numpy as np
    import pyarrow as pa

    data = np.frombuffer(block.data + bytes(_PAD), np.uint8)
    begins = np.array(block.begins, np.int64)
    rows = _Rows(data, begins, begins + 1 + (len(forms) + 9) // 8)
    columns = []
    for number, column in enumerate(forms):
        place, bit = divmod(number + 2, 8)
        nulls = (data[begins + 1 + place] >> bit & 1).astype(bool)
        columns.append(_SHAPES[column.shape](rows, column, nulls))
    if not np.array_equal(rows.at, np.array(block.ends, np.int64)):
        raise ConnectorError("The server's rows do not have the columns that it announced.")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _fixed(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    values = rows.view(column.width, rows.at)
    rows.at = rows.at + np.where(nulls, 0, values.dtype.itemsize)
    return pa.array(values, mask=nulls)


def _boolean(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    values = rows.view(column.width, rows.at)
    rows.at = rows.at + np.where(nulls, 0, 1)
    _refuse(column, nulls, (values != 0) & (values != 1), "tinyint(1) that is neither 0 nor 1")
    return pa.array(values == 1, mask=nulls)


def _null(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    import pyarrow as pa

    del rows
    return pa.nulls(len(nulls), column.type)


def _extent(rows: _Rows, nulls: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Where values that say their length begin and end; the rows' places move behind them."""
    import numpy as np

    first = rows.bytes[rows.at].astype(np.int64)
    first[nulls] = 0
    size, head = first, np.where(nulls, 0, 1)
    for mark, kind, width in ((252, "u2", 2), (253, "u4", 3), (254, "i8", 8)):
        at = np.flatnonzero(first == mark)
        if len(at):
            lengths = rows.view(kind, rows.at[at] + 1).astype(np.int64)
            size = size.copy() if size is first else size
            size[at] = lengths & 0xFFFFFF if width == 3 else lengths  # noqa: PLR2004
            head[at] = width + 1
    begins = rows.at + head
    rows.at = begins + size
    return begins, rows.at


def _slices(rows: _Rows, nulls: np.ndarray[Any, Any]) -> pa.Array:
    """The bytes of values that say their length, taken out of the block in one step."""
    import numpy as np
    import pyarrow as pa

    begins, ends = _extent(rows, nulls)
    # All that lies between the boundaries: the values, and what is between them.
    bounds = np.stack([begins, ends], axis=1).ravel().astype(np.int32)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(rows.bytes)]
    pieces = pa.Array.from_buffers(pa.binary(), len(bounds) - 1, buffers)
    return pieces.take(pa.array(np.arange(len(begins), dtype=np.int64) * 2, mask=nulls))


def _text(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    return _slices(rows, nulls).cast(column.type)


def _exact(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    import pyarrow as pa

    return _slices(rows, nulls).cast(pa.string()).cast(column.type)


def _bits(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    """BIT(n): as many bytes as n needs, the highest first."""
    import numpy as np
    import pyarrow as pa

    del column
    begins, ends = _extent(rows, nulls)
    value = np.zeros(len(begins), np.uint64)
    for number in range(int((ends - begins).max(initial=0))):
        byte = rows.bytes[np.minimum(begins + number, ends)].astype(np.uint64)
        value = np.where(begins + number < ends, value << np.uint64(8) | byte, value)
    return pa.array(value, mask=nulls)


def _days(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> tuple[Any, Any, Any]:
    """Days since 1970, where each value begins, and how long it is."""
    import numpy as np

    at = rows.at
    size = np.where(nulls, 0, rows.bytes[at].astype(np.int64))
    year = rows.view("u2", at + 1).astype(np.int64)
    month = rows.bytes[at + 3].astype(np.int64)
    day = rows.bytes[at + 4].astype(np.int64)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0])
    most = lengths[np.minimum(month, 13)] + (leap & (month == 2))  # noqa: PLR2004
    bad = (size == 0) | (day < 1) | (day > most)
    _refuse(column, nulls, bad, "date that is none, such as 0000-00-00")
    rows.at = at + np.where(nulls, 0, 1 + size)
    # The count of days in the proleptic Gregorian calendar, with years that begin in March.
    year = year - (month <= 2)  # noqa: PLR2004
    past = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = 365 * year + year // 4 - year // 100 + year // 400 + past - 719_468
    return days, at, size


def _date(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    days, _, _ = _days(rows, column, nulls)
    return pa.array(days.astype(np.int32), mask=nulls).cast(column.type)


def _datetime(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    import pyarrow as pa

    days, at, size = _days(rows, column, nulls)
    value = days * _MICROSECONDS_A_DAY + _clock(rows, at + 5, size, 7)
    return pa.array(value, mask=nulls).cast(column.type)


def _time(rows: _Rows, column: Form, nulls: np.ndarray[Any, Any]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    at = rows.at
    size = np.where(nulls, 0, rows.bytes[at].astype(np.int64))
    days = rows.view("u4", at + 2).astype(np.int64)
    bad = (size > 0) & ((rows.bytes[at + 1] > 0) | (days > 0))
    _refuse(column, nulls, bad, "time outside of a day, which is a duration")
    rows.at = at + np.where(nulls, 0, 1 + size)
    return pa.array(_clock(rows, at + 6, size, 8), mask=nulls).cast(column.type)


def _clock(rows: _Rows, at: Any, size: Any, least: int) -> Any:
    """Microseconds since midnight; a value too short for a part of them has none of it."""
    import numpy as np

    parts = [rows.bytes[at + i].astype(np.int64) for i in range(3)]
    seconds = (parts[0] * 60 + parts[1]) * 60 + parts[2]
    micros = rows.view("u4", at + 3).astype(np.int64)
    return np.where(size >= least, seconds, 0) * 1_000_000 + np.where(size > least, micros, 0)


_CASTS = {
    "boolean": "CAST({0} AS SIGNED)",
    "date": "CAST({0} AS CHAR)",
    "datetime": "CAST({0} AS CHAR)",
    "time": "TIME_TO_SEC({0}) or CAST({0} AS CHAR)",
}


def _refuse(column: Form, nulls: Any, bad: Any, what: str) -> None:
    if (bad & ~nulls).any():
        cast = _CASTS[column.shape].format(column.name)
        raise ConnectorError(
            f"The column {column.name!r} holds a {what}: it cannot be read as {column.type}.",
            hint=f"say in the query what it means: {cast}",
        )


_Read = Callable[[_Rows, Form, "np.ndarray[Any, Any]"], "pa.Array"]
_SHAPES: Mapping[str, _Read] = {
    "fixed": _fixed,
    "boolean": _boolean,
    "text": _text,
    "decimal": _exact,
    "bits": _bits,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "null": _null,
}
