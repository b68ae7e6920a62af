"""A mapping is read and changed by the paths of target fields, lists and objects included."""

from __future__ import annotations

import pytest

from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.nodes import (
    complete,
    expressions,
    fitting,
    node_at,
    unmade,
    with_node,
)

TEXT = {"type": "string"}
SCHEMA = TargetSchema.parse(
    {
        "type": "object",
        "required": ["id", "order"],
        "properties": {
            "id": {"type": "integer"},
            "order": {
                "type": "object",
                "required": ["lines"],
                "properties": {
                    "no": TEXT,
                    "lines": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["sku"],
                            "properties": {"sku": TEXT, "tags": {"type": "array", "items": TEXT}},
                        },
                    },
                },
            },
        },
    }
)
ITEM = {"sku": "row.no", "tags": {"each": "row.tags", "as": "tag", "item": "upper(tag)"}}
MAPPING = {
    "id": "nr",
    "order": {"no": "n", "lines": {"each": "rows", "as": "row", "item": ITEM}},
}


def test_every_place_for_an_expression_has_a_path():
    assert expressions(MAPPING, SCHEMA) == {
        "id": "nr",
        "order.no": "n",
        "order.lines": "rows",
        "order.lines[].sku": "row.no",
        "order.lines[].tags": "row.tags",
        "order.lines[].tags[]": "upper(tag)",
    }


@pytest.mark.parametrize("path", list(expressions(MAPPING, SCHEMA)))
def test_a_node_that_is_put_in_is_found_there_and_nothing_else_changes(path):
    changed = with_node(MAPPING, SCHEMA, path, "x")
    found = expressions(changed, SCHEMA)
    assert found[path] == "x"
    inside = {p for p in found if p.startswith(path) and p != path}
    same = expressions(MAPPING, SCHEMA).keys() - inside - {path}
    assert {p: found[p] for p in same} == {p: expressions(MAPPING, SCHEMA)[p] for p in same}


def test_another_list_of_objects_keeps_what_its_items_are_made_from():
    changed = with_node(MAPPING, SCHEMA, "order.lines", "others")
    assert node_at(changed, SCHEMA, "order.lines") == {"each": "others", "as": "row", "item": ITEM}


def test_a_node_is_read_as_the_mapping_writes_it_and_taken_away():
    assert node_at(MAPPING, SCHEMA, "order.lines[].tags") == ITEM["tags"]
    gone = with_node(MAPPING, SCHEMA, "order.no", None)
    assert node_at(gone, SCHEMA, "order.no") is None
    assert node_at({}, SCHEMA, "order.lines[].sku") is None


def test_what_lies_in_a_list_that_is_made_from_nothing_cannot_be_made():
    with pytest.raises(InvalidRequestError, match="lies in the list order.lines, which is made"):
        with_node({}, SCHEMA, "order.lines[].sku", "x")
    with pytest.raises(InvalidRequestError, match="there is no target field 'order.lines.sku'"):
        with_node(MAPPING, SCHEMA, "order.lines.sku", "x")


def test_required_fields_stand_there_as_nothing_until_they_are_made():
    empty = complete({}, SCHEMA)
    assert set(expressions(empty, SCHEMA).values()) == {None}
    assert list(unmade(empty, SCHEMA)) == ["id", "order.lines"]
    assert list(unmade(MAPPING, SCHEMA)) == []


def test_what_fits_another_schema_is_kept():
    other = TargetSchema.parse(
        {
            "type": "object",
            "properties": {
                "id": {"type": "object", "properties": {"nr": TEXT}},
                "order": {"type": "object", "properties": {"no": TEXT, "new": TEXT}},
            },
        }
    )
    assert fitting(MAPPING, other) == {"order": {"no": "n"}}
    assert fitting(MAPPING, SCHEMA) == MAPPING
