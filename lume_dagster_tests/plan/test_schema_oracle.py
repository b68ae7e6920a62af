"""A row is mapped just when another library accepts it, and rejected for the same reasons."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators

from lume_dagster_tests.plan.mapping import flow_of, run

CODES = {
    "required": "MISSING_REQUIRED_FIELD",
    "enum": "NOT_IN_ENUM",
    "pattern": "PATTERN_MISMATCH",
    "minLength": "TOO_SHORT",
    "maxLength": "TOO_LONG",
    **dict.fromkeys(("minimum", "exclusiveMinimum"), "BELOW_MINIMUM"),
    **dict.fromkeys(("maximum", "exclusiveMaximum"), "ABOVE_MAXIMUM"),
    "multipleOf": "NOT_MULTIPLE_OF",
    "minItems": "TOO_FEW_ITEMS",
    "maxItems": "TOO_MANY_ITEMS",
}
TEXTS = [
    "a",
    "ab",
    "é",
    "e\u0301",
    "👩‍👩‍👧",
    "a\n",
    "\na",
    "a\nb",
    "A1",
    "12",
    " ",
    "日本語",
    "xxxxx",
]
PATTERNS = ["^a", "a$", "^[a-z]+$", "b", "^.$", "[0-9]", "^$", "(?i)^A", r"^\S+$", r"^\w\d$"]
WHOLE = [0, 1, -1, 2, 5, 7, 10, -10, 99, 100, 2**31, 2**53, 2**63 - 1, -(2**63)]
PARTS = [0.0, -0.0, 0.1, 0.3, 0.15, 1.5, -2.5, 2.675, 123456.05, 4500000.35, 1e15, 1e13]
STEPS = [1, 2, 3, 7, 10, 0.5, 0.25, 0.05, 0.01, 0.1, 2.5, 1e10, 10**30]


# -- the other library ---------------------------------------------------------------------------


def _multiple_of(_: Any, step: float, value: object, __: Any) -> Any:
    """By the digits that are written; the library itself divides doubles."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        times = Fraction(Decimal(repr(value))) / Fraction(Decimal(repr(step)))
        if times.denominator > 1:
            yield ValidationError("is no multiple")


def _pattern(_: Any, pattern: str, value: object, __: Any) -> Any:
    r"""As ECMA 262 reads it: ``$`` is the very end, ``\w`` and ``\d`` are ASCII."""
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value, re.ASCII):
        yield ValidationError("does not match")


Validator = validators.extend(
    Draft202012Validator, {"multipleOf": _multiple_of, "pattern": _pattern}
)


def expected(schema: dict[str, Any], record: dict[str, Any]) -> set[tuple[str, str]]:
    """The fields and codes by which the library refuses a record."""
    found = set()
    for error in Validator(schema).iter_errors(as_mapped(record, schema, needed=True)):
        path = "".join("[]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        if error.validator == "required":
            gone = [n for n in error.validator_value if n not in error.instance]
            found |= {(f"{path}.{name}"[1:], CODES["required"]) for name in gone}
        else:
            keyword = "required" if error.instance is None else error.validator
            found.add((path[1:], CODES[keyword]))
    return found


ABSENT = object()


def as_mapped(value: Any, schema: dict[str, Any], *, needed: bool) -> Any:
    """The value a flow makes: what is null without need is absent, a needed object is there."""
    nullable = isinstance(schema["type"], list)
    if schema.get("properties"):
        parts = {
            name: as_mapped((value or {}).get(name), part, needed=name in schema["required"])
            for name, part in schema["properties"].items()
        }
        there = {name: part for name, part in parts.items() if part is not ABSENT}
        return there if needed or holds_something(there) else ABSENT
    if value is None:
        return None if needed and nullable else ABSENT
    if "items" in schema:
        items = [as_mapped(item, schema["items"], needed=True) for item in value]
        return [None if item is ABSENT else item for item in items]
    return value


def holds_something(made: Any) -> bool:
    """An object of nothing but nulls is none."""
    return any(map(holds_something, made.values())) if isinstance(made, dict) else made is not None


# -- schemas and records ---------------------------------------------------------------------------

strings = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(2, 4),
        "pattern": st.sampled_from(PATTERNS),
        "enum": st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4, unique=True),
    },
)


def numbers(kind: str, values: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    optional = {bound: st.sampled_from(WHOLE + PARTS) for bound in bounds}
    steps = st.fixed_dictionaries(
        {"type": st.just(kind)}, optional={**optional, "multipleOf": st.sampled_from(STEPS)}
    )
    listed = st.lists(st.sampled_from(values), min_size=1, max_size=5, unique=True)
    return st.one_of(steps, st.builds(lambda e: {"type": kind, "enum": e}, listed)).filter(
        lambda s: s.get("minimum", -1e99) <= s.get("maximum", 1e99)
    )


def kept(schema: dict[str, Any]) -> bool:
    """Whether the constants are such as the flow format takes."""
    short, long = schema.get("minLength", 0), schema.get("maxLength", 99)
    return all(not isinstance(v, str) or short <= len(v) <= long for v in schema.get("enum", ()))


def or_null(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    nullable = {**schema, "type": [schema["type"], "null"]}
    return st.sampled_from([schema, nullable])


scalars = st.one_of(
    strings,
    numbers("integer", WHOLE),
    numbers("number", PARTS + WHOLE[:10]),
    st.just({"type": "boolean"}),
).filter(kept)
scalars = scalars.flatmap(or_null)


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(st.sampled_from("pqr"), inner, min_size=1, max_size=2)
    return st.tuples(properties, st.sets(st.sampled_from("pqr"))).map(
        lambda t: {"type": "object", "properties": t[0], "required": sorted({*t[0]} & t[1])}
    )


def lists(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    given_ = {"type": st.just("array"), "items": inner}
    counts = {"minItems": st.integers(0, 1), "maxItems": st.integers(1, 3)}
    return st.fixed_dictionaries(given_, optional=counts)


nodes = st.recursive(scalars, lambda inner: st.one_of(objects(inner), lists(inner)), max_leaves=3)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "object":
        parts = {name: values(part) for name, part in schema["properties"].items()}
        return st.none() | st.fixed_dictionaries({}, optional=parts)
    if kind == "array":
        return st.none() | st.lists(values(schema["items"]), max_size=4)
    pools = {"string": TEXTS, "integer": WHOLE, "boolean": [True, False]}
    return st.none() | st.sampled_from(
        [*schema.get("enum", ()), *pools.get(kind, PARTS + WHOLE[:12])]
    )


def mapping_of(schema: dict[str, Any], path: str) -> Any:
    """Each value from where it stands."""
    if schema["type"] == "object":
        return {n: mapping_of(part, f"{path}.{n}") for n, part in schema["properties"].items()}
    if schema["type"] == "array":
        name = f"i{len(path)}"
        return {"each": path, "as": name, "item": mapping_of(schema["items"], name)}
    return path


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    schema = draw(objects(nodes))
    records = draw(st.lists(values(schema).map(lambda r: r or {}), min_size=8, max_size=8))
    return schema, records


def reason(error: dict[str, str]) -> tuple[str, str]:
    """A text with more decimals than its field keeps is no number of it: another word, the same."""
    return error["field"], error["code"].replace("INVALID_NUMBER", CODES["multipleOf"])


@settings(max_examples=60, deadline=None)
@given(cases())
def test_a_row_is_rejected_just_where_json_schema_refuses_it_and_for_the_same_reasons(case):
    schema, records = case
    fields = schema["properties"]
    mapping = {name: mapping_of(part, name) for name, part in fields.items()}
    flow = flow_of(fields, mapping, required=schema["required"])
    rows = [[json.dumps(r[n]) if r.get(n) is not None else None for n in fields] for r in records]
    outcome = run(flow, rows, list(fields), types=["JSON"] * len(fields))
    found = {r["_lume_row"]: {reason(e) for e in r["errors"]} for r in outcome.rejects}
    wanted = {row: expected(schema, record) for row, record in enumerate(records, 1)}
    assert found == {row: reasons for row, reasons in wanted.items() if reasons}
