"""Mappers of the older grammar: imported, and run on records by the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from lume_dagster.client.pipelines import Pipeline
from lume_dagster.errors import FlowError, InvalidRequestError
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.grammar.importing import import_mapper
from lume_dagster_tests.mapper.workshop.shop import place_in

RECORD = {
    "name": "Ada Byron",
    "state": "California",
    "none": None,
    "size": 5,
    "address": {"city": "London", "zip code": "N1"},
    "ids": [{"id": 7, "kind": "a"}, {"id": 8, "kind": "b"}],
    "labels": ["x", "y"],
    "orders": [{"no": 1, "lines": [{"sku": "p"}, {"sku": "q"}]}, {"no": 2, "lines": []}],
}
TEXT = {"type": "string"}
ID = {"type": "object", "properties": {"id": {"type": "integer"}}}
LINES = {"type": "array", "items": {"type": "object", "properties": {"sku": TEXT}}}
ORDER = {"type": "object", "properties": {"no": {"type": "integer"}, "lines": LINES}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": TEXT,
        "number": {"type": "number"},
        "flag": {"type": "boolean"},
        "place": {"type": "object", "properties": {"city": TEXT, "zip": TEXT}},
        "address": {"type": "object", "properties": {"city": TEXT}},
        "internal_ids": {"type": "array", "items": ID},
        "tags": {"type": "array", "items": TEXT},
        "orders": {"type": "array", "items": ORDER},
    },
}


def lookup(path, pairs, **more):
    return {"function": "lookup", "params": {"path": path, "lookup": pairs}, **more}


def concat(items, delimiter, **more):
    return {"function": "concat", "params": {"items": items, "delimiter": delimiter}, **more}


def split(string, delimiter, index, **more):
    params = {"string": string, "delimiter": delimiter, "index": index}
    return {"function": "split", "params": params, **more}


def entry(field, transformation):
    return {"targetField": field, "transformation": transformation}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    place = place_in(tmp_path_factory.mktemp("place"))
    pipeline = Pipeline.create("old", SCHEMA, project=place)
    pipeline.create_job(RECORD)
    return pipeline


def run(pipeline, *entries):
    (mapping,) = pipeline.create_workshop().run_mapper(list(entries))
    return mapping


NAME, NONE, SIZE = {"extract": "name"}, {"extract": "none"}, {"extract": "size"}
IS_FIVE = {"left": SIZE, "right": {"default": 5}}
IS_SIX = {"left": SIZE, "right": {"default": 6}}


#: What kind of field, the transformation, and what comes out of the record.
OPERATORS = [
    ("text", NAME, "Ada Byron"),
    ("text", {"extract": "$.address.city"}, "London"),
    ("text", {"extract": "address.zip code"}, "N1"),
    ("text", {"extract": "none", "default": "n/a"}, "n/a"),
    ("text", {"extract": "name", "default": "n/a"}, "Ada Byron"),
    ("text", {"default": "it's"}, "it's"),
    ("number", {"default": 7.5}, 7.5),
    ("number", {"extract": "none", "default": 3}, 3),
    ("flag", {"default": True}, True),
    ("text", {"default": None}, None),
    ("flag", {"exists": "none"}, False),
    ("flag", {"exists": "address.city"}, True),
    ("flag", IS_FIVE, True),
    ("flag", IS_SIX, False),
    ("flag", {"left": NONE, "right": {"default": "x"}}, False),
    ("text", lookup("state", {"California": "CA", "New York": "NY"}), "CA"),
    ("text", lookup("state", {"Texas": "TX"}, default="??"), "??"),
    ("text", lookup("state", {"Texas": "TX"}, default=None), None),
    ("text", lookup("state", {"California": "CA", "california": "ca"}), "CA"),
    ("number", lookup("state", {"California": 6}), 6),
    ("text", concat([NAME, {"extract": "address.city"}], ", "), "Ada Byron, London"),
    ("text", concat([NAME, NONE], "-"), "Ada Byron"),
    ("text", concat([NONE], "-", default="none"), "none"),
    ("text", concat([split(NAME, " ", 1), {"default": "!"}], ""), "Byron!"),
    ("text", split(NAME, " ", 0), "Ada"),
    ("text", split(NAME, " ", 5, default="-"), "-"),
    ("text", {"condition": IS_FIVE, "true": {"default": "five"}, "false": NAME}, "five"),
    ("text", {"condition": IS_SIX, "true": {"default": "six"}, "false": NAME}, "Ada Byron"),
    ("text", {"condition": {"exists": "none"}, "true": NAME, "false": None}, None),
    ("text", "upper(name)", "ADA BYRON"),
]  # fmt: skip


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """The record as a mapper with a field for each operator maps it."""
    place = place_in(tmp_path_factory.mktemp("operators"))
    fields = {f"f{n}": SCHEMA["properties"][kind] for n, (kind, *_) in enumerate(OPERATORS)}
    schema = {"type": "object", "properties": fields}
    pipeline = Pipeline.create("operators", schema, project=place)
    pipeline.create_job(RECORD)
    entries = [entry(f"f{n}", given) for n, (_, given, _) in enumerate(OPERATORS)]
    mapping = run(pipeline, *entries)
    assert mapping.message == "success"
    return mapping.mapped_record


@pytest.mark.parametrize(("number", "case"), list(enumerate(OPERATORS)))
def test_an_operator_gives_what_it_gave(mapped, number, case):
    assert mapped[f"f{number}"] == case[2]


def test_nested_fields_and_lists_are_made(pipeline):
    record = run(
        pipeline,
        entry("place.city", {"extract": "address.city"}),
        entry("place.zip", {"extract": "address.zip code"}),
        entry("internal_ids[*].id", {"extract": "ids[*].id"}),
        entry("tags[*]", concat([{"extract": "labels[*]"}, NAME], "/")),
        entry("orders[*].no", {"extract": "orders[*].no"}),
        entry("orders[*].lines[*].sku", {"extract": "orders[*].lines[*].sku"}),
    ).mapped_record
    assert record["place"] == {"city": "London", "zip": "N1"}
    assert record["internal_ids"] == [{"id": 7}, {"id": 8}]
    assert record["tags"] == ["x/Ada Byron", "y/Ada Byron"]
    assert record["orders"] == [
        {"no": 1, "lines": [{"sku": "p"}, {"sku": "q"}]},
        {"no": 2, "lines": []},
    ]


def test_what_is_extracted_whole_is_mapped_part_by_part(pipeline):
    record = run(
        pipeline,
        entry("address", {"extract": "address"}),
        entry("internal_ids", {"extract": "ids"}),
        entry("tags", {"extract": "ids[*].kind"}),
    ).mapped_record
    assert record["address"] == {"city": "London"}
    assert record["internal_ids"] == [{"id": 7}, {"id": 8}]
    assert record["tags"] == ["a", "b"]


def test_an_unknown_value_of_a_lookup_without_default_rejects_its_row(pipeline):
    mapping = run(pipeline, entry("text", lookup("state", {"Texas": "TX"})))
    assert mapping.message["record_errors"]["text"]["error_code"] == "NOT_IN_CODE_LIST"


@pytest.mark.parametrize("key", ["transformations", "mapper"])
def test_a_whole_document_is_read(key):
    expected = {"text": "name"}
    assert import_mapper({"version": 3, key: [entry("text", NAME)]}) == expected
    assert import_mapper({key: {"text": NAME}}) == expected
    assert import_mapper({"text": NAME}) == expected
    assert import_mapper({key: [{"field_name": "text", "transformation": NAME}]}) == expected


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (7, "int is no kind of mapper"),
        ([{"field": "x"}], "entry 0 of the mapper has no targetField"),
        ([entry("text", {"upper": "x"})], r"the transformation \(upper\) is none that is known"),
        ([entry("text", 7)], "int is no kind of transformation"),
        ([entry("text", {"extract": ""})], "'' is no path"),
        ([entry("text", {"extract": "ids[0].id"})], "names one item of a list by its place"),
        ([entry("text", NAME), entry("text", NAME)], "text is mapped twice"),
        ([entry("a", NAME), entry("a.b", NAME)], "a is mapped as a whole"),
        ([entry("a[*].b", NAME)], "the items are made from no list"),
        (
            [entry("a[*].b", {"extract": "x[*].b"}), entry("a[*].c", {"extract": "y[*].c"})],
            r"the items are made from x\[\*\] and y\[\*\]",
        ),
        ([entry("a", concat([{"extract": "x[*].b"}], ""))], "but one value is wanted"),
        ([entry("a", {"function": "join", "params": {}})], "there is no function 'join'"),
        ([entry("a", {"function": "split", "params": {"index": 0}})], "split has no 'string'"),
        ([entry("a", lookup("x", {}))], "the lookup has no pairs"),
        ([entry("a", {"condition": NAME, "true": NAME, "false": NAME})], "the condition is neither"),
        ([entry("a", {"default": {"x": 1}})], "is no single value"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_gets_a_sentence(document, said):
    with pytest.raises(FlowError, match=said):
        import_mapper(document)


def test_a_field_that_the_schema_does_not_have_is_refused():
    with pytest.raises(InvalidRequestError, match=r"no target field 'txet'\.\n.*'text'"):
        import_mapper([entry("txet", NAME)], TargetSchema.parse(SCHEMA))
