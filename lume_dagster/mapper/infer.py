"""A target schema from a sample of what the target should look like.

Only what every value of the sample shows is said: a field is required where none is missing, has
a format or type where all values do, and an enum where few values come again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from lume_dagster.mapper.sample import Sample, SampleColumn

JsonSchema = dict[str, Any]

_MOST_CHOICES = 12
_LEAST_REPEATS = 5  # times that each value of an enum stands there on average
_LONGEST_CHOICE = 40
_LONGEST_NAME = 63
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f.\[\]]+")

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")  # a leading zero is a code's, not a number's
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d+)?([eE][-+]?\d{1,3})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_URI = re.compile(r"[a-z][a-z0-9+.-]*://\S+")


def infer_schema(sample: Sample, examples: int = 0) -> JsonSchema:
    """The JSON Schema of an object that every row of the sample keeps to.

    Args:
        sample: rows of the target's shape.
        examples: how many values of each field to write into it; none unless asked for, because
            the schema is a file that others read, and values may be somebody's data.
    """
    root: JsonSchema = {"type": "object", "required": [], "properties": {}}
    for column in sample.columns:
        _place(root, column, len(sample.rows), examples)
    return _tidied(root)


def _place(root: JsonSchema, column: SampleColumn, rows: int, examples: int) -> None:
    """Put the column's schema where it stands, making the objects and lists on the way."""
    outer, at = root, root
    for depth, step in enumerate((column.column, *column.inside)):
        if depth and step == "[]":  # a column may be called so
            at["type"] = "array"
            at = at.setdefault("items", {})
        else:
            at.setdefault("type", "object")
            outer = at
            at = at.setdefault("properties", {}).setdefault(step, {})
    at.update(_schema_of(column, examples))
    if _always_there(column, rows) and column.inside[-1:] != ("[]",):
        outer.setdefault("required", []).append(column.name)


def _always_there(column: SampleColumn, rows: int) -> bool:
    wanted = rows if column.among is None else column.among
    return wanted > 0 and len(column.values) == wanted and None not in column.values


def _schema_of(column: SampleColumn, examples: int) -> JsonSchema:
    if column.is_list:
        return {"type": "array"}
    values = [value for value in column.values if value is not None]
    schema = _of_type(column.type) or _of_texts(values)
    if examples and values:
        shown = list(dict.fromkeys(values))[:examples]
        schema["examples"] = [_typed(value, schema["type"]) for value in shown]
    return schema


def _typed(text: str, kind: str) -> object:
    readers: Mapping[str, Callable[[str], object]] = {
        "integer": int,
        "number": float,
        "boolean": lambda value: value.lower() == "true",
    }
    return readers.get(kind, str)(text)


# -- types the source states ----------------------------------------------------------------------

_WHOLE_TYPES = "TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER".split()
_STATED: Mapping[str, JsonSchema] = {
    **{name: {"type": "integer"} for name in _WHOLE_TYPES},
    "FLOAT": {"type": "number"},
    "DOUBLE": {"type": "number"},
    "BOOLEAN": {"type": "boolean"},
    "DATE": {"type": "string", "format": "date"},
    "TIME": {"type": "string", "format": "time"},
    "UUID": {"type": "string", "format": "uuid"},
}


def _of_type(duckdb_type: str) -> JsonSchema | None:
    """What the source's own type says; a text and a JSON value say nothing."""
    if duckdb_type.startswith("DECIMAL"):
        scale = int(duckdb_type.rstrip(")").rpartition(",")[2])
        return (
            {"type": "number", "multipleOf": float(f"1e-{scale}")} if scale else {"type": "integer"}
        )
    if duckdb_type.startswith("TIMESTAMP"):
        return {"type": "string", "format": "date-time"}
    stated = _STATED.get(duckdb_type)
    return dict(stated) if stated else None


# -- what texts show ------------------------------------------------------------------------------


def _of_texts(values: Sequence[str]) -> JsonSchema:
    if not values:
        return {"type": "string"}
    for schema, shows in _SHOWN:
        if all(shows(value) for value in values):
            return dict(schema)
    choices = sorted(set(values))
    few = 1 < len(choices) <= _MOST_CHOICES and len(values) >= len(choices) * _LEAST_REPEATS
    if few and max(map(len, choices)) <= _LONGEST_CHOICE:
        return {"type": "string", "enum": choices}
    return {"type": "string"}


def _reads(read: Callable[[str], object], shape: str) -> Callable[[str], bool]:
    """Whether a text has the shape and can be read; Python's readers alone take more than ISO."""
    looks = re.compile(shape)

    def shows(value: str) -> bool:
        if looks.fullmatch(value) is None:
            return False
        try:
            read(value)
        except ValueError:
            return False
        return True

    return shows


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


_DAY, _CLOCK = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
_SHOWN: tuple[tuple[JsonSchema, Callable[[str], bool]], ...] = (
    ({"type": "boolean"}, lambda value: value.lower() in ("true", "false")),
    ({"type": "integer"}, _matches(_WHOLE)),
    ({"type": "number"}, _matches(_DECIMAL)),
    ({"type": "string", "format": "date"}, _reads(date.fromisoformat, _DAY)),
    (
        {"type": "string", "format": "date-time"},
        _reads(datetime.fromisoformat, rf"{_DAY}[T ]{_CLOCK}(Z|[-+]\d\d:?\d\d)?"),
    ),
    ({"type": "string", "format": "time"}, _reads(time.fromisoformat, _CLOCK)),
    ({"type": "string", "format": "uuid"}, _matches(_UUID)),
    ({"type": "string", "format": "email"}, _matches(_EMAIL)),
    ({"type": "string", "format": "uri"}, _matches(_URI)),
    ({"type": "string", "format": "ipv4"}, _reads(IPv4Address, r"[\d.]+")),
    ({"type": "string", "format": "ipv6"}, _reads(IPv6Address, r"[0-9a-fA-F:.]+")),
)


# -- a schema that loads --------------------------------------------------------------------------


def _tidied(schema: JsonSchema) -> JsonSchema:
    """In the usual order, every node with a type, names short enough and told apart by case."""
    kind = schema.get("type", "string")
    tidy: JsonSchema = {"type": kind}
    if kind == "object":
        names = _told_apart(schema.get("properties", {}))
        if required := [names[name] for name in schema.get("required", ()) if name in names]:
            tidy["required"] = required
        tidy["properties"] = {
            names[name]: _tidied(inner) for name, inner in schema.get("properties", {}).items()
        }
        return tidy
    if kind == "array":
        return {**tidy, "items": _tidied(schema.get("items", {}))}
    return tidy | {key: value for key, value in schema.items() if key != "type"}


def _told_apart(names: Mapping[str, object]) -> dict[str, str]:
    taken: set[str] = set()
    told = {}
    for name in names:
        told[name] = next(new for new in _spellings(name) if new.casefold() not in taken)
        taken.add(told[name].casefold())
    return told


def _spellings(name: str) -> Iterator[str]:
    name = _FORBIDDEN.sub("_", name).strip() or "_"
    yield _cut(name, "")
    number = 2
    while True:
        yield _cut(name, f"_{number}")
        number += 1


def _cut(name: str, ending: str) -> str:
    """At most so many bytes, and no broken character."""
    room = _LONGEST_NAME - len(ending)
    return name.encode()[:room].decode(errors="ignore").strip() + ending
