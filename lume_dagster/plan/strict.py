"""Strict conversions: a text becomes a value only when it is written as one; nothing is guessed.

The engine's own casts are lenient ('1.5' becomes the integer 2, '1_000' becomes 1000, a zone is
dropped), so each conversion from text first checks how the text is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.plan.decimals import round_decimal
from lume_dagster.plan.sql import (
    Bind,
    Sql,
    attempt,
    call,
    cast,
    matches,
    number,
    text,
    try_cast,
    when,
)

_INTEGERS = frozenset(
    [
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "INT",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UINT",
        "UBIGINT",
        "UHUGEINT",
    ]
)
_FAMILIES = {
    "VARCHAR": "text", "TEXT": "text", "CHAR": "text", "JSON": "json", "BOOLEAN": "boolean",
    "FLOAT": "float", "REAL": "float", "DOUBLE": "float",
    "DATE": "date", "TIME": "time", "UUID": "uuid",
    "TIMESTAMP": "timestamp", "TIMESTAMP_NS": "timestamp", "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_S": "timestamp", "DATETIME": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "instant", "TIMESTAMPTZ": "instant",
    '"NULL"': "null", "NULL": "null", "INTERVAL": "interval", "BLOB": "binary",
}  # fmt: skip


NANOSECONDS = "TIMESTAMP_NS"


def family(duckdb_type: str) -> str:
    """The family a DuckDB type belongs to: text, integer, decimal, float, list, struct, ..."""
    if duckdb_type.endswith("]"):
        return "list"
    base = duckdb_type.split("(", 1)[0].strip().upper()
    if base in _INTEGERS:
        return "integer"
    if base in ("DECIMAL", "NUMERIC"):
        return "decimal"
    if base in ("STRUCT", "MAP", "ENUM", "UNION"):
        return "text" if base == "ENUM" else base.lower()
    return _FAMILIES.get(base, base.lower())


@dataclass(frozen=True, slots=True)
class Conversion:
    """A value that is NULL where the input was not one, and what is wrong with the input then.

    ``fails`` is False for conversions that cannot fail; ``excused`` is TRUE for inputs that are to
    become NULL.
    """

    value: Sql
    code: str = ""
    message: str = ""
    excused: Sql | None = None

    @property
    def fails(self) -> bool:
        """Whether there are inputs it has no value for."""
        return bool(self.code)


_Rule = Callable[[Sql, str, Bind], Conversion]


def _text_to_integer(x: Sql, to: str, bind: Bind) -> Conversion:
    whole = bind(try_cast(x, to))
    # Most numbers are written as the engine writes them; only the others need the slower look.
    plain = exp.EQ(this=cast(whole, "VARCHAR"), expression=x.copy())
    written = matches(x, r"\s*[+-]?\d+(\.0*)?\s*")
    value = exp.Case(
        ifs=[exp.If(this=plain, true=whole.copy()), exp.If(this=written, true=whole.copy())]
    )
    return Conversion(value, "INVALID_INTEGER", "is not a whole number")


def _text_to_float(x: Sql, to: str, bind: Bind) -> Conversion:
    written = matches(x, r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*")
    value = bind(when(written, try_cast(x, to)))
    finite = when(call("isfinite", value), value)
    return Conversion(finite, "INVALID_NUMBER", "is not a number")


def _text_to_decimal(x: Sql, to: str, _bind: Bind) -> Conversion:
    scale = _scale(to)
    decimals = rf"(\.\d{{0,{scale}}}0*)?" if scale else r"(\.0*)?"
    bare = rf"|\.\d{{1,{scale}}}0*" if scale else ""
    value = when(matches(x, rf"\s*[+-]?(\d+{decimals}{bare})\s*"), try_cast(x, to))
    places = "no decimals" if scale == 0 else f"at most {scale} decimals"
    return Conversion(
        value, "INVALID_NUMBER", f"is not a number with {places}, or has too many digits"
    )


def _text_to_boolean(x: Sql, _to: str, _bind: Bind) -> Conversion:
    lower = call("lower", call("trim", x))
    case = exp.Case(
        this=lower,
        ifs=[
            exp.If(this=text("true"), true=exp.true()),
            exp.If(this=text("false"), true=exp.false()),
        ],
    )
    return Conversion(case, "INVALID_BOOLEAN", "is neither true nor false")


#: Years that other systems have too: the engine reads 0000, and knows years before and far beyond.
_YEAR = r"([1-9]\d{3}|0[1-9]\d{2}|00[1-9]\d|000[1-9])"
_FIRST, _LAST = text("0001-01-01 00:00:00"), text("9999-12-31 23:59:59.999999")


def _text_to_date(x: Sql, _to: str, _bind: Bind) -> Conversion:
    # A spreadsheet's date is a time stamp at midnight, which is the day.
    written = rf"\s*{_YEAR}-\d{{2}}-\d{{2}}( 00:00:00)?\s*"
    day = call("left", call("trim", x), number(10))
    value = when(matches(x, written), try_cast(day, "DATE"))
    return Conversion(value, "INVALID_DATE_FORMAT", "is not a date written YYYY-MM-DD")


#: No 24:00, which the engine takes for the next day's midnight.
_CLOCK = r"([01]\d|2[0-3]):\d{2}(:\d{2}(\.\d{1,9})?)?"
_ZONE = r"(Z|z|[+-]\d{2}(:?\d{2})?)"


def _text_to_timestamp(x: Sql, _to: str, _bind: Bind) -> Conversion:
    moment = rf"\s*{_YEAR}-\d{{2}}-\d{{2}}[Tt ]{_CLOCK}"
    trimmed = call("trim", x)
    utc = exp.AtTimeZone(this=try_cast(trimmed, "TIMESTAMPTZ"), zone=text("UTC"))
    bounds = [cast(bound, "TIMESTAMP") for bound in (_FIRST, _LAST)]
    zoned = when(exp.Between(this=utc, low=bounds[0], high=bounds[1]), utc)
    value = exp.Case(
        ifs=[
            exp.If(this=matches(x, rf"{moment}\s*"), true=try_cast(trimmed, "TIMESTAMP")),
            exp.If(this=matches(x, rf"{moment}\s*{_ZONE}\s*"), true=zoned),
        ]
    )
    message = "is not a point in time written YYYY-MM-DDTHH:MM:SS"
    return Conversion(value, "INVALID_TIMESTAMP_FORMAT", message)


#: Families of dates: the type their bounds are written in, and the code of what is beyond them.
_MOMENTS = {
    "date": ("DATE", "INVALID_DATE_FORMAT"),
    "timestamp": ("TIMESTAMP", "INVALID_TIMESTAMP_FORMAT"),
    "instant": ("TIMESTAMPTZ", "INVALID_TIMESTAMP_FORMAT"),
}


def within_years(of: str) -> Callable[[Sql, Bind], Conversion] | None:
    """For what came as a date of type ``of``: the engine has years that others have not.

    None where it is no date.
    """
    if family(of) not in _MOMENTS:
        return None
    to, code = _MOMENTS[family(of)]
    zone = "+00" if to == "TIMESTAMPTZ" else ""

    def make(x: Sql, _bind: Bind) -> Conversion:
        low, high = (cast(text(f"{bound.name}{zone}"), to) for bound in (_FIRST, _LAST))
        inside: Sql = exp.Between(this=x.copy(), low=low, high=high)
        if of == NANOSECONDS:  # it has no years but 1677 to 2262, and cannot be compared so
            inside = call("isfinite", x)
        return Conversion(when(inside, x), code, "is not within the years 1 to 9999")

    return make


def to_the_microsecond(x: Sql) -> Sql:
    """A TIMESTAMP_NS as a TIMESTAMP; the engine rounds, and the end of a day becomes the next."""
    nanoseconds = call("epoch_ns", x)
    thousand = number(1000)
    is_before = exp.LT(
        this=exp.Mod(this=nanoseconds, expression=thousand), expression=number(0)
    )  # 1970, where division goes up
    whole = exp.IntDiv(this=nanoseconds.copy(), expression=thousand.copy())
    microseconds = exp.Sub(this=whole, expression=when(is_before, number(1), number(0)))
    moment = call("make_timestamp", microseconds)
    return when(call("isfinite", x), moment, cast(x, "TIMESTAMP"))


def _text_to_time(x: Sql, _to: str, _bind: Bind) -> Conversion:
    value = when(matches(x, rf"\s*{_CLOCK}\s*"), try_cast(call("trim", x), "TIME"))
    return Conversion(value, "INVALID_TIME_FORMAT", "is not a time written HH:MM:SS")


def _text_to_uuid(x: Sql, _to: str, _bind: Bind) -> Conversion:
    written = r"\s*[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\s*"
    value = when(matches(x, written), try_cast(call("trim", x), "UUID"))
    return Conversion(value, "INVALID_UUID", "is not a UUID")


def _plain(x: Sql, to: str, _bind: Bind) -> Conversion:
    return Conversion(cast(x, to))


def _same(x: Sql, _to: str, _bind: Bind) -> Conversion:
    return Conversion(x.copy())


def _narrow(x: Sql, to: str, _bind: Bind) -> Conversion:
    return Conversion(try_cast(x, to), "INVALID_INTEGER", f"does not fit {to}")


def _whole(x: Sql, to: str, _bind: Bind) -> Conversion:
    value = when(exp.EQ(this=x.copy(), expression=call("trunc", x)), try_cast(x, to))
    return Conversion(value, "INVALID_INTEGER", "is not a whole number")


def _finite(x: Sql, to: str, _bind: Bind) -> Conversion:
    value = when(call("isfinite", x), try_cast(x, to))
    return Conversion(value, "INVALID_NUMBER", "is not a finite number")


def _float_to_decimal(x: Sql, to: str, bind: Bind) -> Conversion:
    """Exact but for the noise binary fractions carry."""
    rounded = bind(try_cast(x, to))
    away = call("abs", exp.Sub(this=x.copy(), expression=cast(rounded, "DOUBLE")))
    value = when(exp.LTE(this=away, expression=_noise(x, _scale(to))), rounded)
    return Conversion(value, "NOT_MULTIPLE_OF", f"has more than {_scale(to)} decimals")


def _noise(x: Sql, places: int) -> Sql:
    """How far a double may be from the decimal it stands for.

    What it cannot be nearer than, and what calculations add: as far as that is no decimal place.
    """
    size = call("abs", x)
    own, added = (exp.Mul(this=number(part), expression=size) for part in ("4e-16", "1e-14"))
    thousandth = f"1e-{places + 3}"
    difference = "1e-9" if places <= _FEW else thousandth  # 1000000.1 - 1000000
    return call("greatest", number(difference), own, call("least", added, number(thousandth)))


_FEW = 6  # decimal places, beside which 1e-9 is nothing


def _integer_to_float(x: Sql, to: str, _bind: Bind) -> Conversion:
    """A double holds whole numbers up to 2^53 and few beyond; none becomes its neighbour."""
    near = cast(x, to)
    value = when(exp.EQ(this=try_cast(near, "HUGEINT"), expression=x.copy()), near)
    return Conversion(value, "INVALID_NUMBER", "has more digits than a number keeps")


def _decimal_to_decimal(x: Sql, of: str, to: str, bind: Bind) -> Conversion:
    rounded = bind(round_decimal(x, of, to, bind))
    value = when(exp.EQ(this=rounded, expression=x.copy()), rounded)
    message = f"has more than {_scale(to)} decimals, or too many digits"
    return Conversion(value, "NOT_MULTIPLE_OF", message)


def _decimal_rounded(x: Sql, of: str, to: str, bind: Bind) -> Conversion:
    return Conversion(round_decimal(x, of, to, bind), "INVALID_NUMBER", "does not fit")


def _integer_to_decimal(x: Sql, to: str, _bind: Bind) -> Conversion:
    return Conversion(try_cast(x, to), "INVALID_NUMBER", f"does not fit {to}")


def _midnight(x: Sql, _to: str, bind: Bind) -> Conversion:
    day = bind(cast(x, "DATE"))
    # Midnight of the first day that TIMESTAMP_NS reaches into is none of its values.
    value = when(attempt(exp.EQ(this=cast(day, "TIMESTAMP"), expression=x.copy())), day)
    message = "has a time of day (CAST(... AS DATE) drops it)"
    return Conversion(value, "INVALID_DATE_FORMAT", message)


def _utc(x: Sql, _to: str, _bind: Bind) -> Conversion:
    return Conversion(exp.AtTimeZone(this=exp.paren(x), zone=text("UTC")))


_FROM_TEXT: dict[str, _Rule] = {
    "text": _same,
    "integer": _text_to_integer,
    "float": _text_to_float,
    "decimal": _text_to_decimal,
    "boolean": _text_to_boolean,
    "date": _text_to_date,
    "timestamp": _text_to_timestamp,
    "time": _text_to_time,
    "uuid": _text_to_uuid,
}

#: What a target field does to a value of another type: nothing may be lost.
_LOSSLESS: dict[tuple[str, str], _Rule] = {
    **{("text", to): convert for to, convert in _FROM_TEXT.items()},
    **{("null", to): _plain for to in _FROM_TEXT},
    **{(of, "text"): _plain for of in ("integer", "decimal", "float", "boolean", "date")},
    **{(of, "text"): _plain for of in ("timestamp", "time", "uuid", "json", "instant")},
    **{(same, same): _same for same in ("boolean", "date", "time", "uuid")},
    ("integer", "integer"): _narrow,
    ("integer", "float"): _integer_to_float,
    ("integer", "decimal"): _integer_to_decimal,
    ("decimal", "integer"): _whole,
    ("decimal", "float"): _plain,
    ("float", "integer"): _whole,
    ("float", "float"): _finite,
    ("float", "decimal"): _float_to_decimal,
    ("date", "timestamp"): _plain,
    ("timestamp", "date"): _midnight,
    ("timestamp", "timestamp"): _plain,
    ("instant", "timestamp"): _utc,
}


def _rounding(code: str, message: str) -> _Rule:
    return lambda x, to, _bind: Conversion(try_cast(x, to), code, message)


#: What an explicit CAST may do beside: SQL's own rounding and cutting, but never an error.
_EXPLICIT: dict[tuple[str, str], _Rule] = {
    **_LOSSLESS,
    ("decimal", "integer"): _rounding("INVALID_INTEGER", "does not fit"),
    ("float", "integer"): _rounding("INVALID_INTEGER", "does not fit"),
    ("float", "decimal"): _rounding("INVALID_NUMBER", "does not fit"),
    ("timestamp", "date"): _plain,
    ("timestamp", "time"): _plain,
    ("instant", "date"): lambda x, to, bind: Conversion(cast(_utc(x, to, bind).value, to)),
    ("instant", "instant"): _same,
    ("integer", "float"): _plain,
    ("boolean", "integer"): _plain,
    ("integer", "boolean"): _plain,
}


def convert(x: Sql, of: str, to: str, bind: Bind, *, explicit: bool = False) -> Conversion | None:
    """Make ``x`` (of DuckDB type ``of``) a ``to``; None where that makes no sense."""
    pair = family(of), family(to)
    same = of.upper().replace(" ", "") == to.upper().replace(" ", "")
    if pair == ("decimal", "decimal"):  # the only pair that asks for the digits of both
        between = _decimal_rounded if explicit else _decimal_to_decimal
        return Conversion(x.copy()) if same else between(x, of, to, bind)
    if of == NANOSECONDS and to == "TIMESTAMP":
        return Conversion(to_the_microsecond(x))
    rule = (_EXPLICIT if explicit else _LOSSLESS).get(pair)
    if rule is None:
        return None
    return Conversion(x.copy()) if same and rule is not _finite else rule(x, to, bind)


def _scale(decimal: str) -> int:
    inside = decimal.partition("(")[2].rstrip(")")
    return int(inside.split(",")[1]) if "," in inside else 0
