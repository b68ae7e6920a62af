"""Each keyword of the target schema is honoured or refused by name."""

from __future__ import annotations

import pytest

from lume_dagster.errors import FlowError
from lume_dagster.flows.json_schema import read_schema
from lume_dagster.flows.keywords import KEYWORDS, MEANINGS, REMEDIES
from lume_dagster.flows.schema import TargetSchema
from lume_dagster_tests.flows.sample import field_flaw

VALUES = {
    "type": None, "enum": [1], "const": 1, "default": 1, "format": "email", "pattern": "^a",
    "minLength": 1, "maxLength": 9, "minimum": 0, "maximum": 9, "exclusiveMinimum": 0,
    "exclusiveMaximum": 9, "multipleOf": 1, "properties": {"y": {"type": "string"}},
    "required": ["y"], "additionalProperties": False, "items": {"type": "string"}, "minItems": 0,
    "maxItems": 3, "title": "t", "description": "d", "examples": [1], "$schema": "s", "$id": "i",
    "$comment": "c",
}  # fmt: skip
SAMPLES = {"string": "a", "boolean": True}
BASES = {
    "object": {"properties": {"y": {"type": "string"}}},
    "array": {"items": {"type": "string"}},
}


def schema_with(kind, word):
    value = VALUES[word]
    if word in ("const", "default", "enum"):
        value = SAMPLES.get(kind, 1)
        value = [value] if word == "enum" else value
    return {**BASES.get(kind, {}), word: value, "type": kind}


def test_every_keyword_has_a_meaning_and_a_sample():
    assert set(MEANINGS) == set(VALUES) == set().union(*KEYWORDS.values())


@pytest.mark.parametrize("kind", KEYWORDS)
@pytest.mark.parametrize("word", MEANINGS)
def test_a_keyword_is_taken_by_its_types_and_refused_by_the_others(kind, word):
    flaw = field_flaw(schema_with(kind, word))
    if word in KEYWORDS[kind]:
        assert flaw is None
    else:
        assert f"{word} means nothing for a" in flaw


@pytest.mark.parametrize("word", REMEDIES)
def test_a_keyword_that_cannot_be_honoured_is_refused_with_a_remedy(word):
    assert field_flaw({"type": "string", word: {}}) == (
        f"the keyword {word!r} cannot be honoured. {REMEDIES[word]}"
    )


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "string", "maxLenght": 3}, "did you mean 'maxLength'?"),
        ({"type": "text"}, "the type 'text' is not known."),
        ({"type": "strin"}, "did you mean 'string'?"),
        ({"type": ["string", "integer"]}, "has more than one type beside null."),
        ({"type": "null"}, "no value can be null only."),
        ({"type": ["string", None]}, "put it in quotes: type: [string, 'null']"),
        ({}, "has no type."),
        ("string", "must be a schema, such as {type: string}."),
        ({"type": "string", "format": "emial"}, "did you mean 'email'?"),
        ({"type": "string", "pattern": "(?=a)"}, "the pattern uses a lookahead."),
        ({"type": "string", "pattern": "(a"}, "has a ( that is not closed."),
        ({"type": "string", "pattern": r"(a)\1"}, "a backreference."),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength is above maxLength"),
        ({"type": "string", "minLength": -1}, "a whole number from 0 up."),
        ({"type": "number", "minimum": 3, "maximum": 2}, "minimum is above maximum"),
        ({"type": "number", "minimum": "1"}, "minimum must be a number."),
        ({"type": "number", "multipleOf": 0}, "multipleOf must be above 0."),
        ({"type": "array"}, "an array needs items."),
        ({"type": "object"}, "an object needs at least one property."),
        ({"type": "string", "required": True}, "required is a list of names, beside properties"),
        ({"type": "string", "enum": []}, "a list of at least one value."),
        ({"type": "string", "enum": ["a", "a"]}, "enum lists a value twice."),
        ({"type": "number", "enum": [1, 1.0]}, "enum lists a value twice."),
        ({"type": "string", "enum": [1]}, "1 is not of the type string. put it in quotes"),
        ({"type": "string", "enum": ["a", None]}, "write type: [string, 'null']"),
        ({"type": "string", "enum": ["a"], "const": "a"}, "exclude each other."),
        ({"type": "string", "enum": ["a"], "default": "b"}, "not among the enum's values."),
        ({"type": "integer", "default": 1.5}, "1.5 is not of the type integer."),
        ({"type": "integer", "default": 2**63}, "is not of the type integer."),
        ({"type": "integer", "default": True}, "True is not of the type integer."),
        ({"type": "integer", "default": 1, "minimum": 2}, "breaks the field's own minimum: 2."),
        ({"type": "string", "format": "date", "default": "2024-02-30"}, "is not a date."),
        ({"type": "string", "format": "date", "default": "20240201"}, "is not a date."),
        ({"type": "string", "format": "date-time", "default": "20240201T1010"}, "not a date-time."),
        ({"type": "string", "format": "time", "default": "24:61"}, "is not a time."),
        ({"type": "string", "format": "uuid", "default": "{abc}"}, "is not a uuid."),
        ({"type": "string", "format": "date-time", "default": "0001-01-01T00:00+14:00"}, "is not"),
        ({"type": "string", "format": "date", "pattern": "^2"}, "pattern means nothing beside"),
        ({"type": "string", "format": "uuid", "maxLength": 36}, "maxLength means nothing beside"),
        ({"type": "number", "multipleOf": 0.01, "default": 0.005}, "own multipleOf: 0.01."),
        ({"type": "integer", "multipleOf": 5, "enum": [5, 6]}, "6 breaks the field's own"),
        ({"type": "number", "multipleOf": 0.01, "enum": [1e16]}, "has more than 18 digits"),
    ],
)  # fmt: skip
def test_what_no_value_could_be_is_refused(schema, says):
    assert says in field_flaw(schema)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("date", "2024-02-29"),
        ("date-time", "2024-02-29T12:00:00.5Z"),
        ("date-time", "2024-02-29 12:00"),
        ("time", "23:59"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
    ],
)
def test_a_default_may_have_the_form_of_its_field(form, value):
    assert field_flaw({"type": "string", "format": form, "default": value}) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.b", "holds no dot"),
        ("a[0]", "holds no dot, bracket"),
        (" a", "outer space"),
        ("", "holds no dot"),
        ("_lume_row", "kept for the columns a run adds"),
        ("é" * 32, "at most 63 bytes"),
    ],
)
def test_a_name_that_could_not_be_a_column_is_refused(name, says):
    _, (problem,) = read_schema({"properties": {name: {"type": "string"}}})
    assert says in problem.message


def test_names_that_differ_only_by_case_are_refused():
    _, (problem,) = read_schema(
        {"properties": {"id": {"type": "string"}, "ID": {"type": "string"}}}
    )
    assert problem.message == "the properties 'id' and 'ID' differ only by case."


def test_a_required_field_that_is_not_there_is_named():
    _, (problem,) = read_schema({"required": ["nam"], "properties": {"name": {"type": "string"}}})
    assert (problem.path, problem.hint) == (("required", 0), "did you mean 'name'?")


def test_every_problem_of_a_schema_is_found_at_once():
    schema = {"properties": {"a": {"type": "x"}, "b": {"type": "object", "properties": {"c": 1}}}}
    with pytest.raises(FlowError, match="2 problems:") as caught:
        TargetSchema.parse(schema)
    assert [p.field for p in caught.value.problems] == [
        "properties.a.type", "properties.b.properties.c",
    ]  # fmt: skip


def test_a_schema_becomes_a_tree_of_fields_with_paths():
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"sku": {"type": "string"}}},
    }
    schema = TargetSchema.parse({"required": ["lines"], "properties": {"lines": lines}})
    assert [f.path for f in schema.walk()] == ["lines", "lines[]", "lines[].sku"]
    assert schema.fields[0].required
    assert schema.fields[0].column_type == "json"


@pytest.mark.parametrize(
    ("schema", "column"),
    [
        ({"type": "number", "multipleOf": 0.01}, "decimal(18,2)"),
        ({"type": "number", "multipleOf": 0.5}, "number"),
        ({"type": "number", "multipleOf": 1e-13}, "number"),
        ({"type": "integer", "multipleOf": 10}, "integer"),
        ({"type": ["null", "string"], "format": "date"}, "date"),
        ({"type": "string", "format": "email"}, "string"),
    ],
)
def test_a_field_has_a_column_type(schema, column):
    (field,) = TargetSchema.parse({"properties": {"x": schema}}).fields
    assert field.column_type == column


@pytest.mark.parametrize(("first", "second"), [(1, True), (1, 1.0), ("1", 1), (0, False)])
def test_schemas_that_python_calls_equal_are_read_apart(first, second):
    field = {"type": "string"}
    schemas = [{"properties": {"x": {**field, "examples": [v]}}} for v in (first, second)]
    kept = [read_schema(schema)[0].fields[0].examples[0] for schema in schemas]
    assert [type(v) for v in kept] == [type(first), type(second)]
