"""Judge a constant of the target schema (enum, const, default) by the field it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction

from lume_dagster.flows.schema import DIGITS, SchemaField

Flaw = tuple[str, str | None]  # what is wrong, and what to do

_INT64 = range(-(2**63), 2**63)


def constant_flaw(field: SchemaField, value: object) -> Flaw | None:
    """Why the field itself would refuse the value; None when it would not."""
    if value is None:
        return None if field.nullable else _not_nullable(field)
    return _type_flaw(field, value) or _size_flaw(field, value)


def _not_nullable(field: SchemaField) -> Flaw:
    return "null is not among the field's types.", f"write type: [{field.type}, 'null']."


def _type_flaw(field: SchemaField, value: object) -> Flaw | None:
    fits = _FITS.get(field.type)
    if fits is None:
        return f"an {field.type} has no constants.", None
    if not fits(value):
        hint = "put it in quotes." if field.type == "string" else None
        return f"{value!r} is not of the type {field.type}.", hint
    parse = _PARSERS.get(field.format or "")
    if parse is not None and not _parses(parse, str(value)):
        return f"{value!r} is not a {field.format}.", _EXAMPLES[field.format or ""]
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0


_FITS: dict[str, Callable[[object], bool]] = {
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool) and v in _INT64,
    "number": _is_number,
}

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")


def _date(text: str) -> object:
    return _DATE.fullmatch(text) and date.fromisoformat(text)


def _date_time(text: str) -> object:
    return _DATE_TIME.fullmatch(text) and datetime.fromisoformat(text).astimezone(UTC)


def _time(text: str) -> object:
    return _TIME.fullmatch(text) and time.fromisoformat(text) is not None


#: The formats that become a type of their own; a constant of another form could not be converted.
_PARSERS: dict[str, Callable[[str], object]] = {
    "date": _date,
    "date-time": _date_time,
    "time": _time,
    "uuid": _UUID.fullmatch,
}
_EXAMPLES = {
    "date": "write it like 2024-12-31.",
    "date-time": "write it like 2024-12-31T23:59:00.",
    "time": "write it like 23:59:00.",
    "uuid": "write it like 123e4567-e89b-12d3-a456-426614174000.",
}


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        return bool(parse(text))
    except (ValueError, OverflowError):
        return False


def _size_flaw(field: SchemaField, value: object) -> Flaw | None:
    measure = len(value) if isinstance(value, str) else value
    if isinstance(measure, bool) or not isinstance(measure, int | float):
        return None
    for keyword, bound, breaks in _bounds(field):
        if bound is not None and breaks(measure, bound):
            return f"{value!r} breaks the field's own {keyword}: {bound}.", None
    if field.scale is not None and abs(measure) >= 10 ** (DIGITS - field.scale):
        return f"{value!r} has more than {DIGITS} digits, {field.scale} of them decimals.", None
    return None


def _is_no_multiple(value: float, step: float) -> bool:
    """By the digits that are written: 0.3 is three times 0.1."""
    return bool(Fraction(Decimal(repr(value))) % Fraction(Decimal(repr(step))))


_Breaks = Callable[[float, float], bool]


def _bounds(field: SchemaField) -> tuple[tuple[str, float | None, _Breaks], ...]:
    return (
        ("minLength", field.min_length, lambda v, b: v < b),
        ("maxLength", field.max_length, lambda v, b: v > b),
        ("minimum", field.minimum, lambda v, b: v < b),
        ("maximum", field.maximum, lambda v, b: v > b),
        ("exclusiveMinimum", field.exclusive_minimum, lambda v, b: v <= b),
        ("exclusiveMaximum", field.exclusive_maximum, lambda v, b: v >= b),
        ("multipleOf", field.multiple_of, _is_no_multiple),
    )
