"""What one part of a flow names, another part must define."""

from __future__ import annotations

import dagster as dg
import pytest

from lume_dagster.flows.flow_file import parse
from lume_dagster_tests.flows.sample import flow_text, problem

TARGET = {"connector": "warehouse", "table": "t"}
SOURCE = {"connector": "landing"}


def seed(path):
    return {"seeds": {"s": {"path": path, "key": "k"}}}


def object_of(**fields):
    return {"type": "object", "properties": fields}


ADDRESS = object_of(id={"type": "integer"}, address=object_of(city={"type": "string"}))
LINES = object_of(
    id={"type": "integer"}, lines={"type": "array", "items": object_of(sku={"type": "string"})}
)


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"lume": 2}, "lume: format 2 is newer than this package"),
        ({"lume": "1"}, "lume: '1' is not one of 1. write 1"),
        ({"flow": "My Flow"}, "flow: 'My Flow' cannot be used here. a-z, 0-9 and _"),
        ({"lume": None}, "lume: is missing. add a first line that says lume: 1"),
        ({"source": None}, "source: is missing. add it: where batches come from"),
        ({"sauce": {}}, "sauce: 'sauce' is not known here. did you mean 'source'?"),
        ({"description": 5}, "description: must be text, not a number. put it in quotes"),
        ({"rules": {"name": "x"}}, "rules: must be a list."),
        ({"owners": ["me"]}, "owners[0]: 'me' cannot be used here. write an e-mail address, or"),
        ({"tags": {"a b": "x"}}, "tags.a b: 'a b' cannot be used here. letters, digits"),
        ({"tags": {"a": "x y"}}, "tags.a: 'x y' cannot be used here."),
        ({"tags": {"lume/flow": "x"}}, "tags.lume/flow: tags that begin with lume/ or dagster/"),
        ({"target": {**TARGET, "key": ["ident"]}}, "target.key[0]: there is no target field"),
        ({"target": {**TARGET, "key": ["id", "id"]}}, "target: key names a field twice."),
        ({"target": {**TARGET, "write": "merge"}}, "target: write: merge needs a key. write key: [id], with"),
        ({"target": {**TARGET, "write": "mrege"}}, "did you mean 'merge'?"),
        ({"checks": [{"unique": "di"}]}, "checks[0].unique: there is no target field 'di'. known"),
        ({"checks": [{"null_rate": {"field": "x", "max": 1}}]}, "checks[0].null_rate.field: there"),
        ({"checks": [{}]}, "checks[0]: says nothing. a check is exactly one of"),
        ({"checks": [{"row_count": {}}]}, "checks[0].row_count: give min, max or both"),
        ({"checks": [{"row_count": {"min": 2, "max": 1}}]}, "min is above max."),
        ({"errors": {"handling": {"typ": "warn"}}}, "'typ' is not a keyword that rows"),
        ({"errors": {"handling": {"di.type": "warn"}}}, "there is no target field 'di'."),
        ({"errors": {"handling": {"id.pattern": "warn"}}}, "id has no pattern. it has type"),
        ({"errors": {"handling": {"const": "warn"}}}, "a const is an enum of one value"),
        ({"errors": {"max_error_rate": 2}}, "errors.max_error_rate: "),
        ({"mapping": {"ID": "x"}}, "mapping.ID: there is no target field 'ID'."),
        ({"mapping": {"id": None}}, "mapping.id: must be text, not empty."),
        ({"mapping": {"id": {"a": "b"}}}, "mapping.id: is an integer: its mapping is one"),
        ({"schema": ADDRESS, "mapping": {"address": "x"}}, "property by property. map city"),
        ({"schema": ADDRESS, "mapping": {"address": {"town": "x"}}}, "mapping.address.town: "),
        ({"schema": LINES, "mapping": {"lines": {"as": "l", "item": {}}}}, "each must be an"),
        ({"schema": LINES, "mapping": {"lines": {"each": "x", "of": 1, "item": {}}}}, "'of' means"),
        (seed("../x.csv"), "seeds.s.path: the path '../x.csv' leaves the flow's folder."),
        (seed("/etc/x.csv"), "leaves the flow's folder."),
        (seed("a/../../x.csv"), "leaves the flow's folder."),
        (seed("C:/x.csv"), "leaves the flow's folder."),
        (seed("..\\x.csv"), "leaves the flow's folder."),
        (seed("x.xlsx"), "does not end in .csv."),
        ({"source": {**SOURCE, "query": "SELECT 1"}}, "query does not use :source_path"),
        ({"source": {**SOURCE, "query": "SELECT ':source_path'"}}, "does not use :source_path"),
        ({"source": {**SOURCE, "format": {"type": "tsv", "delimiter": ";"}}}, "says nothing about"),
        ({"source": {**SOURCE, "format": {"columns": ["a"]}}}, "say header: false"),
        *(
            ({"source": {**SOURCE, "format": {"encoding": e}}}, f"the encoding {e!r} is not known.")
            for e in ("klingon", "hex", "rot13", "idna", "punycode", "zlib")
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_its_place_and_a_hint(sections, says):
    assert says in problem(**sections)


def test_a_required_field_without_a_mapping_is_named():
    schema = {**ADDRESS, "required": ["id"]}
    assert problem(schema=schema, mapping={}) == (
        "mapping: id is required and has no mapping. add it under mapping, or give it a default"
    )


def test_two_rules_may_not_share_a_name():
    rules = [{"name": "r", "check": "true"}, {"name": "R", "check": "true"}]
    assert "rules[1].name: rules[0] is already called 'R'. rename one" in problem(rules=rules)


def test_a_bare_number_is_the_expression_that_is_written_the_same_way():
    flow = parse(flow_text(mapping={"id": 7}, rules=[{"name": "r", "check": True}]))
    assert (flow.mapping["id"], flow.rules[0].check) == ("7", "true")


def test_dagster_takes_the_owners_and_tags_that_a_flow_takes():
    owners, tags = ["ada@data.example.com", "team:data ops"], {"team/tier-1.a": "gold_2", "x": ""}
    flow = parse(flow_text(owners=owners, tags=tags))
    spec = dg.AssetSpec("x", owners=list(flow.owners), tags=dict(flow.tags))
    assert (list(spec.owners), spec.tags) == (owners, tags)
