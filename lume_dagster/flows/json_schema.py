"""Read a JSON Schema into a TargetSchema, naming every keyword that cannot be honoured.

A reader goes on after a problem, so that all of them are found at once; what it builds on the way
is of use only when there are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast, get_args

from lume_dagster.errors import Problem, did_you_mean
from lume_dagster.flows.constants import constant_flaw
from lume_dagster.flows.keywords import KEYWORDS, KNOWN, ONE_TYPE, REMEDIES
from lume_dagster.flows.patterns import pattern_flaw
from lume_dagster.flows.schema import (
    TYPED_FORMATS,
    FieldType,
    Format,
    SchemaField,
    TargetSchema,
)

Path = tuple[str | int, ...]


def read_schema(schema: object) -> tuple[TargetSchema, tuple[Problem, ...]]:
    """The schema's fields and everything that is wrong with it; paths begin at the schema."""
    return _read(_Said(repr(schema), schema))


@dataclass(frozen=True, slots=True)
class _Said:
    """A schema by the text of it, in which 1, 1.0 and true are different things."""

    text: str
    schema: object = field(compare=False)


@lru_cache(maxsize=128)
def _read(said: _Said) -> tuple[TargetSchema, tuple[Problem, ...]]:
    """Kept, for the versions of a flow mostly have one schema between them."""
    schema = said.schema
    reader = _Reader()
    if not isinstance(schema, Mapping):
        reader.refuse((), "the schema must be a mapping.", "begin with type: object.")
        return TargetSchema(()), tuple(reader.problems)
    if schema.get("type", "object") != "object":
        reader.refuse(("type",), "a target row is an object.", "write type: object.")
    reader.keywords(schema, "object", ())
    fields = reader.properties(schema, (), "")
    return TargetSchema(fields, reader.text(schema, "description", ())), tuple(reader.problems)


@dataclass
class _Reader:
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: Path, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, hint, path))

    # -- one property -------------------------------------------------------------------------

    def property(self, schema: object, path: Path, name: str, place: str) -> SchemaField:
        if not isinstance(schema, Mapping):
            self.refuse(path, "must be a schema, such as {type: string}.")
            return SchemaField(name, place, "string")
        kind, nullable = self.type(schema, path)
        if kind is None:
            self.unknown_keywords(schema, path)
            return SchemaField(name, place, "string")
        self.keywords(schema, kind, path)
        built: dict[str, Any] = {
            "name": name,
            "path": place,
            "type": kind,
            "nullable": nullable,
            "description": self.text(schema, "description", path),
            "title": self.text(schema, "title", path),
            "examples": self.examples(schema, path),
            **_KIND_READERS[kind](self, schema, path, place),
        }
        return self.constants(SchemaField(**built), schema, path)

    def type(self, schema: Mapping[str, Any], path: Path) -> tuple[FieldType | None, bool]:
        given = schema.get("type")
        names = given if isinstance(given, list | tuple) else [given]
        kinds = [n for n in names if n != "null"]
        if None in kinds and "type" in schema:
            hint = f"put it in quotes: type: [{kinds[0] or 'string'}, 'null']."
            self.refuse((*path, "type"), "null is the name of a type here.", hint)
            return None, False
        if len(kinds) == 1 and isinstance(kinds[0], str) and kinds[0] in KEYWORDS:
            return cast("FieldType", kinds[0]), len(names) > 1
        if given is None and "type" not in schema:
            self.refuse(path, "has no type.", f"type is one of {', '.join(KEYWORDS)}.")
        elif len(kinds) > 1:
            self.refuse((*path, "type"), "has more than one type beside null.", ONE_TYPE)
        else:
            shown = str(kinds[0]) if kinds else "null"
            what = f"the type {shown!r} is not known." if kinds else "no value can be null only."
            self.refuse((*path, "type"), what, did_you_mean(shown, KEYWORDS))
        return None, False

    def keywords(self, schema: Mapping[str, Any], kind: str, path: Path) -> None:
        self.unknown_keywords(schema, path)
        for keyword in schema:
            if keyword in KNOWN and keyword not in KEYWORDS[kind]:
                fits = [k for k, known in KEYWORDS.items() if keyword in known]
                hint = f"it is for {' and '.join(fits)}."
                hint = _REQUIRED_HINT if keyword == "required" else hint
                self.refuse((*path, keyword), f"{keyword} means nothing for {_a(kind)}.", hint)

    def unknown_keywords(self, schema: Mapping[str, Any], path: Path) -> None:
        for keyword in schema:
            if keyword not in KNOWN:
                hint = REMEDIES.get(keyword) or did_you_mean(keyword, KNOWN)
                self.refuse((*path, keyword), f"the keyword {keyword!r} cannot be honoured.", hint)

    def text(self, schema: Mapping[str, Any], keyword: str, path: Path) -> str | None:
        value = schema.get(keyword)
        if value is None or isinstance(value, str):
            return value
        self.refuse((*path, keyword), f"{keyword} must be text.", "put it in quotes.")
        return None

    def examples(self, schema: Mapping[str, Any], path: Path) -> tuple[Any, ...]:
        given = schema.get("examples", ())
        if isinstance(given, list | tuple):
            return tuple(given)
        self.refuse((*path, "examples"), "examples must be a list of values.")
        return ()

    # -- constants ----------------------------------------------------------------------------

    def constants(self, built: SchemaField, schema: Mapping[str, Any], path: Path) -> SchemaField:
        """Enum, const and default, which must be values the field itself would accept."""
        changes: dict[str, Any] = {}
        if "enum" in schema and "const" in schema:
            self.refuse((*path, "const"), "const and enum exclude each other.", "keep one of them.")
        elif "enum" in schema:
            changes["enum"] = self.enum(built, schema["enum"], (*path, "enum"))
        elif "const" in schema:
            changes["enum"] = (schema["const"],)
            self.constant(built, schema["const"], (*path, "const"))
        if changes.get("enum") and None not in changes["enum"]:
            changes["nullable"] = False
        if "default" in schema and "default" in KEYWORDS[built.type]:
            self.constant(built, schema["default"], (*path, "default"))
            if changes.get("enum") and schema["default"] not in changes["enum"]:
                self.refuse((*path, "default"), "the default is not among the enum's values.")
            changes |= {"default": schema["default"], "has_default": True}
        return _replace(built, changes)

    def enum(self, built: SchemaField, given: object, path: Path) -> tuple[Any, ...] | None:
        if not isinstance(given, list | tuple) or not given:
            self.refuse(path, "enum must be a list of at least one value.")
            return None
        for index, value in enumerate(given):
            self.constant(built, value, (*path, index))
        if any(value in given[:index] for index, value in enumerate(given)):
            self.refuse(path, "enum lists a value twice.")
        return tuple(given)

    def constant(self, built: SchemaField, value: object, path: Path) -> None:
        flaw = constant_flaw(built, value)
        if flaw is not None:
            self.refuse(path, *flaw)

    # -- objects and arrays -------------------------------------------------------------------

    def properties(
        self, schema: Mapping[str, Any], path: Path, place: str
    ) -> tuple[SchemaField, ...]:
        if schema.get("additionalProperties", False) is not False:
            hint = "only listed properties are written: leave it out, or say false."
            self.refuse((*path, "additionalProperties"), "cannot be honoured.", hint)
        listed = schema.get("properties")
        if not isinstance(listed, Mapping) or not listed:
            self.refuse((*path, "properties"), "an object needs at least one property.")
            return ()
        required = frozenset(self.required(schema, listed, path))
        self.names(listed, (*path, "properties"))
        fields = (
            (self.property(inner, (*path, "properties", name), str(name), f"{place}{name}"), name)
            for name, inner in listed.items()
        )
        return tuple(_replace(built, {"required": name in required}) for built, name in fields)

    def required(
        self, schema: Mapping[str, Any], listed: Mapping[str, Any], path: Path
    ) -> Iterator[str]:
        given = schema.get("required", ())
        if not isinstance(given, list | tuple):
            self.refuse((*path, "required"), "required must be a list of names.", _REQUIRED_HINT)
            return
        for index, name in enumerate(given):
            if not isinstance(name, str) or name not in listed:
                hint = did_you_mean(str(name), map(str, listed))
                self.refuse((*path, "required", index), f"there is no property {name!r}.", hint)
            elif name in given[:index]:
                self.refuse((*path, "required", index), f"{name!r} is listed twice.")
            else:
                yield name

    def names(self, listed: Iterable[Any], path: Path) -> None:
        """Names become columns and parts of paths, in systems that tell no case apart."""
        seen: dict[str, str] = {}
        for name in listed:
            flaw = _name_flaw(name)
            if flaw is not None:
                self.refuse((*path, name), *flaw)
            twin = seen.setdefault(str(name).casefold(), name)
            if twin != name:
                message = f"the properties {twin!r} and {name!r} differ only by case."
                self.refuse((*path, name), message, "rename one: many systems tell no case apart.")

    def count(self, schema: Mapping[str, Any], keyword: str, path: Path) -> int | None:
        value = schema.get(keyword)
        if value is None and keyword not in schema:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.refuse((*path, keyword), f"{keyword} must be a whole number from 0 up.")
            return None
        return value

    def number(self, schema: Mapping[str, Any], keyword: str, path: Path) -> float | int | None:
        value = schema.get(keyword)
        if value is None and keyword not in schema:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
            self.refuse((*path, keyword), f"{keyword} must be a number.")
            return None
        return value

    def order(self, low: float | None, high: float | None, path: Path, words: str) -> None:
        if low is not None and high is not None and low > high:
            self.refuse(path, f"{words}: no value can be both.")


_REQUIRED_HINT = "required is a list of names, beside properties."
_NAME = re.compile(r"[^\x00-\x1f\x7f.\[\]]+")
_MAX_NAME = 63  # bytes; what PostgreSQL keeps of an identifier


def _name_flaw(name: object) -> tuple[str, str] | None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
        message = "a property name holds no dot, bracket, control character or outer space."
        return message, "paths such as customer.city are written with dots; nest an object."
    if name.casefold().startswith("_lume_"):
        return "names that begin with _lume_ are kept for the columns a run adds.", "rename it."
    if len(name.encode()) > _MAX_NAME:
        return f"a property name may have at most {_MAX_NAME} bytes.", "shorten it."
    return None


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _replace(built: SchemaField, changes: Mapping[str, Any]) -> SchemaField:
    return replace(built, **changes) if changes else built


# -- what each type keeps ---------------------------------------------------------------------


def _string(reader: _Reader, schema: Mapping[str, Any], path: Path, _: str) -> dict[str, Any]:
    low, high = (reader.count(schema, k, path) for k in ("minLength", "maxLength"))
    reader.order(low, high, (*path, "minLength"), "minLength is above maxLength")
    form = _format(reader, schema, path)
    for keyword in ("pattern", "minLength", "maxLength"):
        if keyword in schema and form in TYPED_FORMATS:
            message = f"{keyword} means nothing beside format: {form}, which is no text."
            reader.refuse((*path, keyword), message, "leave it out, or say it as a rule.")
    return {
        "min_length": low,
        "max_length": high,
        "pattern": _pattern(reader, schema, path),
        "format": form,
    }


def _pattern(reader: _Reader, schema: Mapping[str, Any], path: Path) -> str | None:
    pattern = reader.text(schema, "pattern", path)
    flaw = None if pattern is None else pattern_flaw(pattern)
    if flaw is None:
        return pattern
    hint = "patterns are matched by RE2: no lookaround, no backreferences. A rule can say more."
    reader.refuse((*path, "pattern"), f"the pattern {flaw}.", hint)
    return None


def _format(reader: _Reader, schema: Mapping[str, Any], path: Path) -> Format | None:
    given = reader.text(schema, "format", path)
    if given is None or given in get_args(Format):
        return cast("Format | None", given)
    hint = did_you_mean(given, get_args(Format))
    reader.refuse((*path, "format"), f"the format {given!r} cannot be honoured.", hint)
    return None


def _numeric(reader: _Reader, schema: Mapping[str, Any], path: Path, _: str) -> dict[str, Any]:
    words = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    low, high, above, below, step = (reader.number(schema, word, path) for word in words)
    reader.order(low, high, (*path, "minimum"), "minimum is above maximum")
    if step is not None and step <= 0:
        reader.refuse((*path, "multipleOf"), "multipleOf must be above 0.")
    return {
        "minimum": low,
        "maximum": high,
        "exclusive_minimum": above,
        "exclusive_maximum": below,
        "multiple_of": step,
        "scale": _scale(step) if "number" in schema["type"] else None,
    }


_MAX_SCALE = 12  # a decimal has 18 digits; six are left before the point


def _scale(step: float | None) -> int | None:
    """``k`` where the step is 10^-k: 0.01 asks for two decimal places."""
    if step is None or step <= 0:
        return None
    _, digits, exponent = Decimal(repr(step)).normalize().as_tuple()
    fits = digits == (1,) and isinstance(exponent, int) and -_MAX_SCALE <= exponent <= 0
    return -int(exponent) if fits else None


def _object(reader: _Reader, schema: Mapping[str, Any], path: Path, place: str) -> dict[str, Any]:
    return {"fields": reader.properties(schema, path, f"{place}.")}


def _array(reader: _Reader, schema: Mapping[str, Any], path: Path, place: str) -> dict[str, Any]:
    low, high = (reader.count(schema, k, path) for k in ("minItems", "maxItems"))
    reader.order(low, high, (*path, "minItems"), "minItems is above maxItems")
    if "items" not in schema:
        reader.refuse(path, "an array needs items.", "say what it holds: items: {type: string}.")
        return {}
    items = reader.property(schema["items"], (*path, "items"), "item", f"{place}[]")
    # An item that is null is there, unlike a property: it must be one of the types.
    return {"min_items": low, "max_items": high, "items": replace(items, required=True)}


_KIND_READERS: dict[str, Callable[[_Reader, Mapping[str, Any], Path, str], dict[str, Any]]] = {
    "string": _string,
    "integer": _numeric,
    "number": _numeric,
    "boolean": lambda *_: {},
    "object": _object,
    "array": _array,
}
