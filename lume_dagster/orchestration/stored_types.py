"""How a table of any types is stored in a target's columns, and how its types are had back.

A target keeps ten types; a frame has more. Each type of the engine is stored as one of the ten in
a way that loses nothing, and is named on the event, by which the rows are read back as they were.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import InvalidRequestError

if TYPE_CHECKING:
    from sqlglot import exp

Make = Callable[["exp.Expr"], "exp.Expr"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of the engine: the column it is stored in, and the way there and back."""

    pattern: str
    column: str
    there: Make | None = None  # None: a cast to the type it is remembered as
    back: Make | None = None  # None: a cast to the type that is remembered
    remembered: str | None = None  # None: as it is


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.Anonymous(this=name, expressions=list(arguments))


def _utc(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return _call("timezone", exp.Literal.string("UTC"), value)


def _whole_micros(value: exp.Expr, type_: str = "TIMESTAMP") -> exp.Expr:
    """Nanoseconds that are whole microseconds; others are refused, for no target keeps them."""
    from sqlglot import exp

    loses = exp.NEQ(
        this=exp.Mod(this=_call("epoch_ns", value), expression=exp.Literal.number(1000)),
        expression=exp.Literal.number(0),
    )
    refuse = _call("error", exp.Literal.string(_NANOS))
    return exp.Case().when(loses, refuse).else_(exp.cast(value, type_, dialect="duckdb"))


def _zoned_micros(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    zoned = exp.cast(value, "TIMESTAMPTZ", dialect="duckdb")
    kept = _whole_micros(value.copy())
    kept.set("default", _utc(zoned))
    return kept


def _time_micros(value: exp.Expr) -> exp.Expr:
    return _whole_micros(value, "TIME")


_NANOS = (
    "a time or time stamp has nanoseconds, and no target keeps more than microseconds; round it"
)

#: The first whose pattern is the whole type.
_KINDS = (
    _Kind(r"VARCHAR|JSON", "string", remembered="VARCHAR"),
    _Kind(r"ENUM\(.*\)|\"NULL\"", "string", remembered="VARCHAR"),
    _Kind(r"UUID", "uuid"),
    _Kind(r"BOOLEAN", "boolean"),
    _Kind(r"(TINY|SMALL|BIG)INT|INTEGER|U(TINYINT|SMALLINT|INTEGER)", "integer"),
    _Kind(r"UBIGINT", "decimal(20,0)"),
    _Kind(r"DECIMAL\((\d+),\s*(\d+)\)", "decimal({0},{1})"),
    _Kind(r"FLOAT|DOUBLE", "number"),
    _Kind(r"DATE", "date"),
    _Kind(r"TIME", "time"),
    _Kind(r"TIME_NS", "time", _time_micros),
    _Kind(r"TIMESTAMP(_S|_MS)?", "timestamp"),
    _Kind(r"TIMESTAMP_NS", "timestamp", _whole_micros),
    _Kind(r"TIMESTAMP WITH TIME ZONE", "timestamp", _utc, _utc),
    _Kind(r"TIMESTAMPTZ_NS", "timestamp", _zoned_micros, _utc, "TIMESTAMP WITH TIME ZONE"),
    _Kind(r"BLOB", "string", lambda v: _call("hex", v), lambda v: _call("unhex", v)),
    _Kind(r"(STRUCT\(.*\)|MAP\(.*\)|.*\[\d*\])", "json", lambda v: v),
)
_NOT_NESTED = re.compile(r"\b(BLOB|INTERVAL|TIMESTAMPTZ_NS|BIT)\b")


def _kind_of(name: str, type_: str) -> _Kind:
    kind = next((k for k in _KINDS if re.fullmatch(k.pattern, type_, re.DOTALL)), None)
    if kind is None or (kind.column == "json" and _NOT_NESTED.search(type_)):
        raise InvalidRequestError(
            f"The column {name!r} has the type {type_}, which no target keeps.",
            hint="cast it: a duration to a number of seconds, anything else to text.",
        )
    return kind


def columns_of(types: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns in which a table is stored, by the engine's types of its own columns."""
    made = []
    for name, type_ in types.items():
        kind = _kind_of(name, type_)
        found = re.fullmatch(kind.pattern, type_, re.DOTALL)
        made.append(Column(name, kind.column.format(*(found.groups() if found else ()))))
    return tuple(made)


def remembered_types(types: Mapping[str, str]) -> dict[str, str]:
    """The types by which the table will be read back."""
    return {name: _kind_of(name, type_).remembered or type_ for name, type_ in types.items()}


def stored(types: Mapping[str, str]) -> list[exp.Expr]:
    """The values to store, one for each column."""
    from sqlglot import exp

    outputs = []
    for name, type_ in types.items():
        kind = _kind_of(name, type_)
        value: exp.Expr = exp.column(name, quoted=True)
        made = kind.there(value) if kind.there else _as_kept(kind, value)
        outputs.append(exp.alias_(made, name, quoted=True))
    return outputs


#: Columns that hold several types of the engine, and the widest of them.
_WIDEST = {
    "integer": "BIGINT",
    "decimal(20,0)": "DECIMAL(20,0)",
    "number": "DOUBLE",
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
}


def _as_kept(kind: _Kind, value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    type_ = _WIDEST.get(kind.column)
    return value if type_ is None else exp.cast(value, type_, dialect="duckdb")


def widened(types: Mapping[str, str]) -> dict[str, str]:
    """Types that hold the rows of several batches, each of which may have had a narrower one."""
    kinds = {name: _kind_of(name, type_) for name, type_ in types.items()}
    return {
        name: types[name] if kind.back else _WIDEST.get(kind.column, types[name])
        for name, kind in kinds.items()
    }


def restored(
    names: Sequence[str], remembered: Mapping[str, str], found: Mapping[str, str]
) -> list[exp.Expr]:
    """The values as they were before they were stored; ``found`` are the types they are now of.

    A system may have names back in another case; they differ in more than that.
    """
    from sqlglot import exp

    called = {name.casefold(): name for name in remembered}
    outputs = []
    for name in names:
        value: exp.Expr = exp.column(name, quoted=True)
        before = called.get(name.casefold(), name)
        if before in remembered:
            value = _restored(name, value, remembered[before], found[name])
        outputs.append(exp.alias_(value, before, quoted=True))
    return outputs


def _restored(name: str, value: exp.Expr, type_: str, now: str) -> exp.Expr:
    from sqlglot import exp

    kind = _kind_of(name, type_)
    if kind.back is not None:
        made = exp.cast(value, "TIMESTAMP", dialect="duckdb") if "TIME" in type_ else value
        return kind.back(made)
    if now == type_:
        return value
    if kind.column == "json" and now == "VARCHAR":
        value = exp.cast(value, "JSON", dialect="duckdb")
    return exp.cast(value, type_, dialect="duckdb")
