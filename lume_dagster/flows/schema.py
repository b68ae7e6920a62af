"""The target schema: JSON Schema (draft 2020-12) read into a tree of fields.

Every keyword is either honoured or refused by name; none is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lume_dagster.errors import FlowError

FieldType = Literal["string", "integer", "number", "boolean", "object", "array"]
Format = Literal["date", "date-time", "time", "email", "uuid", "uri", "ipv4", "ipv6", "hostname"]
Scalar = str | int | float | bool | None
DIGITS = 18  # of a decimal, those behind the point among them


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One property of the target schema, with every keyword that constrains it.

    ``path`` is unique in the schema: ``customer.address.city``, ``lines[].sku``.
    ``nullable`` is whether ``null`` is among its types; a property that is not required may be
    missing, which for a row is the same as NULL.
    ``scale`` is the number of decimal places that ``multipleOf: 0.01`` and the like ask for; such a
    number is stored as an exact decimal.
    ``title`` and ``examples`` constrain nothing; the mapper reads them.
    """

    name: str
    path: str
    type: FieldType
    required: bool = False
    nullable: bool = False
    description: str | None = None
    title: str | None = None
    examples: tuple[Any, ...] = ()
    format: Format | None = None
    enum: tuple[Scalar, ...] | None = None  # const is an enum of one
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | int | None = None
    maximum: float | int | None = None
    exclusive_minimum: float | int | None = None
    exclusive_maximum: float | int | None = None
    multiple_of: float | int | None = None
    scale: int | None = None
    default: Scalar = None
    has_default: bool = False
    fields: tuple[SchemaField, ...] = ()  # of an object
    items: SchemaField | None = None  # of an array; its path ends in []
    min_items: int | None = None
    max_items: int | None = None

    @property
    def keywords(self) -> tuple[str, ...]:
        """What a value can break, by the words ``errors.handling`` uses: type first."""
        given = (word for word, kept in _CONSTRAINTS.items() if getattr(self, kept) is not None)
        return ("type", *(("required",) if self.required else ()), *given)

    def walk(self) -> Iterator[SchemaField]:
        """The field and every field inside it, outer ones first."""
        yield self
        for inner in (*self.fields, *((self.items,) if self.items else ())):
            yield from inner.walk()

    @property
    def column_type(self) -> str:
        """The type of the column, in the words of connectors.protocol.Column."""
        if self.type in ("object", "array"):
            return "json"
        if self.type == "number":
            return "number" if self.scale is None else f"decimal({DIGITS},{self.scale})"
        if self.type == "string":
            return TYPED_FORMATS.get(self.format or "", "string")
        return self.type


#: Formats that become a type of their own, in the words of connectors.protocol.Column.
TYPED_FORMATS = {"date": "date", "date-time": "timestamp", "time": "time", "uuid": "uuid"}

#: The constraining keywords beside ``type`` and ``required`` -> where a SchemaField keeps them.
_CONSTRAINTS = {
    "enum": "enum",
    "pattern": "pattern",
    "format": "format",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "multipleOf": "multiple_of",
    "minItems": "min_items",
    "maxItems": "max_items",
}

#: What ``errors.handling`` may speak of. A ``const`` is an enum of one; conversions are ``type``.
HANDLED_KEYWORDS = ("type", "required", *_CONSTRAINTS)


@dataclass(frozen=True, slots=True)
class TargetSchema:
    """The fields of a target row, in the order the schema lists them."""

    fields: tuple[SchemaField, ...]
    description: str | None = None

    @classmethod
    def parse(cls, schema: Mapping[str, Any]) -> TargetSchema:
        """Read a JSON Schema of an object.

        Raises:
            FlowError: keywords, types or formats that cannot be honoured; ``problems`` names each
                with its property.
        """
        from lume_dagster.flows.json_schema import read_schema

        parsed, problems = read_schema(schema)
        if problems:
            raise FlowError.of(problems)
        return parsed

    def walk(self) -> Iterator[SchemaField]:
        """Every field of the schema, outer ones before those inside them."""
        for field in self.fields:
            yield from field.walk()
