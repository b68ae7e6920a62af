"""What each keyword of the target schema asks of a value, as the condition that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from lume_dagster.flows.schema import SchemaField
from lume_dagster.plan.sql import Sql, all_of, call, cast, is_null, not_, number, one_of, text, when


@dataclass(frozen=True, slots=True)
class Constraint:
    """One keyword of one field."""

    keyword: str
    code: str
    message: str
    broken: Sql  # NULL for NULL


_QUAD = r"((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"


def _ipv6() -> str:
    """Eight groups, or fewer about one ``::``; the last two may be written as an IPv4 address."""
    group = "[0-9A-Fa-f]{1,4}"
    after = [rf"({group}:){{1,{n}}}(:{group}){{1,{7 - n}}}" for n in range(1, 7)]
    quads = [rf"({group}:){{1,{n}}}(:{group}){{0,{5 - n}}}:{_QUAD}" for n in range(1, 6)]
    whole = [rf"({group}:){{7}}{group}", rf"({group}:){{6}}{_QUAD}"]
    ends = [rf"({group}:){{1,7}}:", rf":(:{group}){{1,7}}", "::", rf":(:{group}){{0,5}}:{_QUAD}"]
    return f"({'|'.join([*whole, *after, *quads, *ends])})"


#: Patterns of the formats that stay text. RFC 5321 addr-spec without quoting, RFC 3986 absolute
#: URI, RFC 2673 dotted quad, RFC 4291 (full and compressed), RFC 1123 host names.
FORMATS = {
    "email": rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})+",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+",
    "ipv4": _QUAD,
    "ipv6": _ipv6(),
    "hostname": rf"({_LABEL}\.)*{_LABEL}",
}

_SHOWN = 8  # allowed values a message lists
_BEYOND = 10**20  # no whole number of a row is; larger literals are of no type that compares

_Rule = Callable[[SchemaField, Sql], tuple[str, str, Sql] | None]


def _enum(field: SchemaField, v: Sql) -> tuple[str, str, Sql] | None:
    if field.enum is None:
        return None
    allowed = [c for c in field.enum if c is not None]
    shown = ", ".join(str(c) for c in allowed[:_SHOWN]) + (", ..." if len(allowed) > _SHOWN else "")
    if not allowed:
        return "NOT_IN_ENUM", "is not null, which alone is allowed", not_(is_null(v))
    broken = not_(one_of(v, (literal(c, field) for c in allowed)))
    return "NOT_IN_ENUM", f"is none of {shown}", broken


def _pattern(field: SchemaField, v: Sql) -> tuple[str, str, Sql] | None:
    if field.pattern is None:
        return None
    broken = not_(call("regexp_matches", v, text(field.pattern)))
    return "PATTERN_MISMATCH", f"does not match {field.pattern}", broken


def _format(field: SchemaField, v: Sql) -> tuple[str, str, Sql] | None:
    if field.format not in FORMATS:
        return None
    broken = not_(call("regexp_full_match", v, text(FORMATS[field.format])))
    article = "an" if field.format[0] in "aeiou" else "a"
    return "INVALID_FORMAT", f"is not {article} {field.format}", broken


def _compare(
    attribute: str, node: type[exp.Binary], code: str, words: str, size: str | None = None
) -> _Rule:
    def rule(field: SchemaField, v: Sql) -> tuple[str, str, Sql] | None:
        bound = getattr(field, attribute)
        if bound is None:
            return None
        measured = v.copy() if size is None else call(size, v)
        limit = number(bound if abs(bound) < _BEYOND else float(bound))
        return code, words.format(bound), node(this=measured, expression=limit)

    return rule


_NOISE = "4e-16"  # how far a double may be from the number it stands for, as part of it

_TOLD = 2**53  # up to here a double knows its last digit before the point


def _multiple_of(field: SchemaField, v: Sql) -> tuple[str, str, Sql] | None:
    if field.multiple_of is None or field.scale is not None:
        return None
    step = Fraction(Decimal(repr(field.multiple_of)))
    # A whole number is a multiple of p/q just when it is one of p, which no rounding hides.
    whole: Sql = exp.NEQ(this=exp.Mod(this=v.copy(), expression=_whole(step)), expression=number(0))
    broken = whole if field.type == "integer" else _off_the_steps(v, field.multiple_of, whole)
    return "NOT_MULTIPLE_OF", f"is no multiple of {field.multiple_of}", broken


def _whole(step: Fraction) -> Sql:
    numerator = step.numerator
    return number(numerator if numerator < _BEYOND else float(numerator))


def _off_the_steps(v: Sql, step: float, whole: Sql) -> Sql:
    """A fraction is a multiple to a billionth, and as far as a double can tell."""
    size = call("abs", v)
    near = exp.Mul(
        this=call("round", exp.Div(this=v.copy(), expression=number(step))), expression=number(step)
    )
    noise = exp.Mul(this=number(_NOISE), expression=size)
    allowed = call("greatest", number(f"{min(step, 1) * 1e-9:e}"), noise)
    away = exp.GT(this=call("abs", exp.Sub(this=v.copy(), expression=near)), expression=allowed)
    told = exp.LTE(this=size, expression=number(_TOLD))
    is_whole = exp.EQ(this=v.copy(), expression=call("trunc", v))
    return when(all_of([told, is_whole]), whole, away if step > 1 else all_of([told, away]))


#: Keyword -> what it asks. The order is the order of a reject's errors.
KEYWORDS: dict[str, _Rule] = {
    "enum": _enum,
    "pattern": _pattern,
    "format": _format,
    "minLength": _compare("min_length", exp.LT, "TOO_SHORT", "is shorter than {}", "length"),
    "maxLength": _compare("max_length", exp.GT, "TOO_LONG", "is longer than {}", "length"),
    "minimum": _compare("minimum", exp.LT, "BELOW_MINIMUM", "is below {}"),
    "exclusiveMinimum": _compare("exclusive_minimum", exp.LTE, "BELOW_MINIMUM", "is not above {}"),
    "maximum": _compare("maximum", exp.GT, "ABOVE_MAXIMUM", "is above {}"),
    "exclusiveMaximum": _compare("exclusive_maximum", exp.GTE, "ABOVE_MAXIMUM", "is not below {}"),
    "multipleOf": _multiple_of,
    "minItems": _compare("min_items", exp.LT, "TOO_FEW_ITEMS", "has fewer than {} items", "len"),
    "maxItems": _compare("max_items", exp.GT, "TOO_MANY_ITEMS", "has more than {} items", "len"),
}


def constraints(field: SchemaField, value: Sql) -> Iterator[Constraint]:
    """What the schema asks of a typed value of this field, beside its type."""
    for keyword, rule in KEYWORDS.items():
        found = rule(field, value)
        if found is not None:
            yield Constraint(keyword, *found)


#: The words of connectors.protocol.Column -> DuckDB types.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
    "uuid": "UUID",
}


def duckdb_type(field: SchemaField) -> str:
    """The DuckDB type of a scalar field."""
    kind = field.column_type
    return DUCKDB_TYPES.get(kind) or kind.upper()


def literal(value: object, field: SchemaField) -> Sql:
    """A constant of the schema (enum, default) as a typed literal."""
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int | float):
        return cast(number(value), duckdb_type(field)) if field.type == "number" else number(value)
    if field.column_type == "string":
        return text(str(value))
    written = _in_utc(str(value)) if field.column_type == "timestamp" else str(value)
    return cast(text(written), duckdb_type(field))


def _in_utc(moment: str) -> str:
    """A point in time as rows hold it; the engine's cast would drop the zone."""
    read = datetime.fromisoformat(moment)
    return (read.astimezone(UTC) if read.tzinfo else read).replace(tzinfo=None).isoformat(" ")
