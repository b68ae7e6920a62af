"""What a mapper says of itself: lineage of each field, its spec, and its manifest."""

from __future__ import annotations

import pytest

from lume_dagster.flows.flow_file import parse
from lume_dagster.mapper.convert.program import Confidence
from lume_dagster.mapper.lineage import lineage_of
from lume_dagster.mapper.workshop.documents import Proposed
from lume_dagster.mapper.workshop.mapper import Mapper
from lume_dagster_tests.flows.sample import flow_text


@pytest.mark.parametrize(
    ("expression", "part", "value"),
    [
        ("a || b.c || a", "sources", ("a", "b.c")),
        ('source.x || "Invoice No"', "sources", ("x", "Invoice No")),
        ("extract(month FROM at)", "sources", ("at",)),
        ("target.q * price", "fields", ("q",)),
        ("target.q * price", "sources", ("price",)),
        ("coalesce(x, 'none')", "defaults", ("none",)),
        ("CASE WHEN a = 'x' THEN 'y' ELSE b END", "defaults", ("y",)),
        ("-5", "defaults", ("-5",)),
        ("parse_date(d, '%Y')", "defaults", ()),
        ("code_list(s, {'p': 'PAID', 'o': 'OPEN'})", "lookups", (("p", "PAID"), ("o", "OPEN"))),
        ("CASE s WHEN 'p' THEN 'PAID' ELSE NULL END", "lookups", (("p", "PAID"),)),
        ("lookup('airports', dest, 'name')", "seeds", (("airports", "name"),)),
        ("if(a = 'x', 'y', 'z')", "conditional", True),
        ("upper(a)", "conditional", False),
    ],
)  # fmt: skip
def test_the_lineage_of_an_expression(expression, part, value):
    assert getattr(lineage_of(expression, "f"), part) == value


FLOW = parse(
    flow_text(
        schema={
            "type": "object",
            "properties": {
                "id": {"type": ["integer", "null"]},
                "state": {"type": "string"},
                "place": {"type": "object", "properties": {"city": {"type": "string"}}},
                "lines": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"sku": {"type": "string"}}},
                },
                "nothing": {"type": "string"},
            },
        },
        mapping={
            "id": "nr",
            "state": "code_list(status, {'p': 'PAID'})",
            "place": {"city": "coalesce(address.city, nr)"},
            "lines": {"each": "order.rows", "as": "row", "item": {"sku": "row.no || nr"}},
            "nothing": "NULL",
        },
    )
)


def test_a_mapper_is_an_ordered_mapping_from_field_to_expression():
    mapper = Mapper(FLOW, "people:v1")
    assert list(mapper) == ["id", "state", "place.city", "lines", "lines[].sku"]
    assert mapper["lines[].sku"] == "row.no || nr"
    assert mapper.transformations[-1] == {
        "targetField": "lines[*].sku",
        "transformation": "row.no || nr",
    }


def test_the_spec_says_sources_constants_lookups_and_how_sure_they_are():
    sure = Proposed(confidence=0.8, verdict="auto", kind="enum")
    spec = Mapper(FLOW, "people:v1", {"state": sure}).spec
    assert spec["lines[].sku"]["@sources"] == ["order.rows[].no", "nr"]
    assert spec["state"] == {
        "@sources": ["status"],
        "@default_values": [],
        "@lookup": {"p": "PAID"},
        "confidence_score": {"lookup_confidence": {"p": "High"}},
    }


def test_the_manifest_leads_from_a_source_to_all_fields_that_depend_on_it():
    mapper = Mapper(FLOW, "people:v1")
    assert mapper.dependents("nr") == ("id", "place.city", "lines[].sku")
    assert mapper.dependents("order") == ("lines", "lines[].sku")
    items = {item["property"]["name"]: item for item in mapper.manifest}
    assert items["id"]["property"]["types"] == ["integer", "null"]
    assert items["lines"]["children"][0]["dependencies"]["source_properties"] == [
        "order.rows[].no",
        "nr",
    ]
    assert items["state"]["lookup_mappings"] == [{"source": "p", "target": "PAID"}]
    assert items["nothing"]["dependencies"]["source_properties"] == []


def test_there_are_seven_buckets_of_confidence():
    found = [Confidence.of(p).value for p in (1, 0.95, 0.8, 0.6, 0.5, 0.3, 0)]
    words = ["Confident", "Very High", "High", "Medium", "Low", "Very Low", "Incorrect"]
    assert found == words
