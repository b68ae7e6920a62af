"""What is compared: a column of a sample and a field of a target schema, in one form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.sample import Sample, SampleColumn

_UNTYPED = frozenset({"VARCHAR", "JSON"})  # texts: their values say what they are


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the scoring sees it, on either side; what is not known is empty.

    ``path`` is unique on its side. ``table`` is the table or the place that holds the column.
    ``type`` is a declared type in any system's words. ``enum``, ``pattern`` and so on constrain
    the values of the other side.
    """

    path: str
    name: str
    table: str = ""
    description: str = ""
    table_description: str = ""
    type: str = ""
    values: tuple[str | None, ...] = ()
    format: str = ""
    pattern: str = ""
    enum: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    shortest: int | None = None
    longest: int | None = None
    is_list: bool = False
    in_list: str = ""  # the path of the innermost list it lies in


def columns_of(sample: Sample) -> tuple[Column, ...]:
    """The places a field can come from; items that are plain go with their list."""
    return tuple(_of_place(place) for place in sample.columns if not place.path.endswith("[]"))


def _of_place(place: SampleColumn) -> Column:
    within, _, _ = place.path.rpartition(".")
    return Column(
        path=place.path,
        name=place.name,
        table=within,
        type="" if place.type in _UNTYPED else place.type,
        values=place.values,
        is_list=place.is_list,
        in_list=_list_around(within),
    )


def fields_of(schema: TargetSchema) -> tuple[Column, ...]:
    """The leaves of a target schema in its order, and its lists before what is in their items."""
    about = {field.path: field for field in schema.walk()}
    return tuple(
        _of_field(field, about, schema) for top in schema.fields for field in _targets(top)
    )


def _targets(field: SchemaField) -> Iterator[SchemaField]:
    """Objects are made of what is in them, and plain items go with their list."""
    if not field.fields:
        yield field
    for inner in (*field.fields, *(field.items.fields if field.items else ())):
        yield from _targets(inner)


def _of_field(field: SchemaField, about: dict[str, SchemaField], schema: TargetSchema) -> Column:
    within, _, _ = field.path.rpartition(".")
    holder = about.get(within) or about.get(within.removesuffix("[]"))
    given = [*field.examples, *(field.enum or ())]
    if field.type == "array" and field.items:
        given = [*given, *field.items.examples, *(field.items.enum or ())]
    enum = field.enum or ()
    return Column(
        path=field.path,
        name=field.name,
        table=within,
        description=". ".join(text for text in (field.title, field.description) if text),
        table_description=(holder.description if holder else schema.description) or "",
        type=field.type,
        values=tuple(_text(value) for value in given if value is not None),
        format=field.format or "",
        pattern=field.pattern or "",
        enum=tuple(_text(value) for value in enum if value is not None),
        least=_first(field.minimum, field.exclusive_minimum),
        most=_first(field.maximum, field.exclusive_maximum),
        shortest=field.min_length,
        longest=field.max_length,
        is_list=field.type == "array",
        in_list=_list_around(within),
    )


def _list_around(path: str) -> str:
    """``orders[].lines`` lies in ``orders[]``."""
    within, mark, _ = path.rpartition("[]")
    return within + mark


def _first(*bounds: float | None) -> float | None:
    return next((float(bound) for bound in bounds if bound is not None), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
