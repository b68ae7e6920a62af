"""Nested sources and nested targets: paths into JSON and structs, objects, lists of objects."""

import json
import re

import pytest
import yaml

from lume_dagster.errors import FlowError, PlanError
from lume_dagster.flows.reference import flow_reference
from lume_dagster_tests.plan.mapping import flow_of, run

TEXT = {"type": "string"}
LINES = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["sku", "qty"],
        "properties": {"sku": TEXT, "qty": {"type": "integer", "minimum": 1}},
    },
}
EACH = {"each": "lines", "as": "line", "item": {"sku": "line.sku", "qty": "line.quantity"}}


def jsons(*values):
    return [[json.dumps(v) if v is not None else None] for v in values]


def test_a_json_scalar_is_its_text_digit_for_digit():
    flow = flow_of({"y": TEXT}, {"y": "x"})
    rows = [['"a\\"b"'], ["1.50"], ["12345678901234567890123"], ["true"], ["null"], [None]]
    outcome = run(flow, rows, types=["JSON"])
    assert [r["y"] for r in outcome.mapped] == [
        'a"b',
        "1.50",
        "12345678901234567890123",
        "true",
        None,
        None,
    ]


def test_a_path_reaches_into_json():
    flow = flow_of({"y": TEXT}, {"y": "x.address.city"})
    outcome = run(
        flow,
        jsons({"address": {"city": "Łódź"}}, {"address": {}}, {"address": None}),
        types=["JSON"],
    )
    assert [r["y"] for r in outcome.mapped] == ["Łódź", None, None]


def test_a_path_reaches_into_a_struct():
    flow = flow_of({"y": TEXT}, {"y": "x.city"})
    assert run(flow, [[{"city": "Oslo"}]], types=["STRUCT(city VARCHAR)"]).mapped[0]["y"] == "Oslo"
    with pytest.raises(PlanError, match=r"mapping\.y"):
        run(
            flow_of({"y": TEXT}, {"y": "x.town"}),
            [[{"city": "Oslo"}]],
            types=["STRUCT(city VARCHAR)"],
        )


def test_an_object_is_mapped_property_by_property():
    schema = {"type": "object", "required": ["city"], "properties": {"city": TEXT, "zip": TEXT}}
    flow = flow_of(
        {"address": schema}, {"address": {"city": "x", "zip": "z"}}, required=["address"]
    )
    outcome = run(flow, [["Oslo", "1"], [None, "2"]], ["x", "z"])
    assert outcome.mapped[0]["address"] == {"city": "Oslo", "zip": "1"}
    assert outcome.codes == [[("address.city", "MISSING_REQUIRED_FIELD")]]


def test_an_optional_object_with_nothing_in_it_is_absent():
    schema = {"type": "object", "required": ["city"], "properties": {"city": TEXT, "zip": TEXT}}
    flow = flow_of({"address": schema}, {"address": {"city": "x", "zip": "z"}})
    outcome = run(flow, [[None, None], [None, "2"]], ["x", "z"])
    assert outcome.mapped[0]["address"] is None
    assert outcome.codes == [[("address.city", "MISSING_REQUIRED_FIELD")]]


def test_a_list_of_objects_is_mapped_item_by_item():
    flow = flow_of({"lines": LINES}, {"lines": EACH})
    outcome = run(
        flow,
        jsons([{"sku": "a", "quantity": 2}, {"sku": "b", "quantity": "3"}]),
        ["lines"],
        types=["JSON"],
    )
    assert outcome.mapped[0]["lines"] == [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 3}]


@pytest.mark.parametrize(
    ("lines", "field", "code", "value"),
    [
        (
            [{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": "x"}],
            "lines[].qty",
            "INVALID_INTEGER",
            "x",
        ),
        ([{"sku": "a", "quantity": 0}], "lines[].qty", "BELOW_MINIMUM", "0"),
        ([{"quantity": 1}], "lines[].sku", "MISSING_REQUIRED_FIELD", None),
        ([], "lines", "TOO_FEW_ITEMS", "[]"),
        ({"sku": "a"}, "lines", "INVALID_ARRAY", '{"sku": "a"}'),
    ],
)
def test_one_bad_item_makes_the_row_a_reject(lines, field, code, value):
    flow = flow_of({"lines": LINES}, {"lines": EACH})
    outcome = run(flow, jsons(lines), ["lines"], types=["JSON"])
    assert outcome.codes == [[(field, code)]]
    assert outcome.rejects[0]["errors"][0]["value"] == value


def test_a_list_may_be_split_from_a_text():
    flow = flow_of(
        {"tags": {"type": "array", "items": {"type": "string", "maxLength": 2}}},
        {"tags": "string_split(x, ';')"},
    )
    outcome = run(flow, [["a;b"], ["a;bbb"]])
    assert [r["tags"] for r in outcome.mapped] == [["a", "b"]]
    assert outcome.codes == [[("tags[]", "TOO_LONG")]]


def test_a_list_in_a_list():
    schema = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"n": {"type": "array", "items": {"type": "integer"}}},
        },
    }
    mapping = {"each": "x", "as": "row", "item": {"n": {"each": "row.m", "as": "n", "item": "n"}}}
    outcome = run(
        flow_of({"y": schema}, {"y": mapping}),
        jsons([{"m": [1, 2]}, {"m": ["z"]}], [{"m": [3]}]),
        types=["JSON"],
    )
    assert [r["y"] for r in outcome.mapped] == [[{"n": [3]}]]
    assert outcome.codes == [[("y[].n[]", "INVALID_INTEGER")]]


@pytest.mark.parametrize(
    ("mapping", "error", "says"),
    [
        ("x", PlanError, "a list is wanted"),
        (
            {"each": "string_split(x, ';')", "item": "lookup('s', item, 'v')"},
            FlowError,
            "lookup cannot be used inside",
        ),
    ],
)
def test_a_list_that_cannot_be_mapped_is_refused(mapping, error, says):
    with pytest.raises(error, match=says):
        run(
            flow_of(
                {"y": {"type": "array", "items": TEXT}},
                {"y": mapping},
                seeds={"s": {"path": "s.csv", "key": "k"}},
            ),
            [["a"]],
        )


def test_conversions_inside_items_stay_short():
    price = {"type": "number", "multipleOf": 0.01}
    schema = {"type": "array", "items": {"type": "object", "properties": {"price": price}}}
    nested = "CASE WHEN i.a = 'x' THEN parse_number(i.p) ELSE parse_number(i.q, ',') END"
    mapping = {"each": "x", "as": "i", "item": {"price": nested}}
    outcome = run(
        flow_of({"y": schema}, {"y": mapping}),
        jsons([{"a": "x", "p": "1,000.5"}, {"a": "y", "q": "2,5"}], [{"a": "x", "p": "?"}]),
        types=["JSON"],
    )
    assert [float(i["price"]) for i in outcome.mapped[0]["y"]] == [1000.5, 2.5]
    assert outcome.codes == [[("y[].price", "INVALID_NUMBER")]]
    assert len(outcome.plan.mapped) < 40_000


def test_columns_side_by_side_become_an_array_as_the_flow_reference_has_it():
    shown = re.search(r"^  readings:\n.*?\n(?=```)", flow_reference(), re.DOTALL | re.MULTILINE)
    mapping = yaml.safe_load(shown[0])
    item = {"type": "object", "properties": {"at": TEXT, "kwh": {"type": "number"}}}
    flow = flow_of({"readings": {"type": "array", "items": item}}, mapping)
    outcome = run(flow, [["0,5", "1"], ["0,5", "x"]], columns=["00:00", "00:15"])
    assert [r["readings"] for r in outcome.mapped] == [
        [{"at": "00:00", "kwh": 0.5}, {"at": "00:15", "kwh": 1.0}]
    ]
    assert outcome.codes == [[("readings[].kwh", "INVALID_NUMBER")]]


def test_an_item_that_is_null_must_be_of_a_type_that_may_be():
    rows = jsons([1, 2], [1, None], [])
    strict = flow_of({"y": {"type": "array", "items": {"type": "integer"}}}, {"y": "x"})
    outcome = run(strict, rows, types=["JSON"])
    assert [r["y"] for r in outcome.mapped] == [[1, 2], []]
    assert outcome.codes == [[("y[]", "MISSING_REQUIRED_FIELD")]]
    lax = flow_of({"y": {"type": "array", "items": {"type": ["integer", "null"]}}}, {"y": "x"})
    assert [r["y"] for r in run(lax, rows, types=["JSON"]).mapped] == [[1, 2], [1, None], []]


def test_an_item_that_lacks_all_it_needs_is_an_error_too():
    outcome = run(
        flow_of({"lines": LINES}, {"lines": EACH}), jsons([{}]), ["lines"], types=["JSON"]
    )
    missing = [("lines[].sku", "MISSING_REQUIRED_FIELD"), ("lines[].qty", "MISSING_REQUIRED_FIELD")]
    assert outcome.codes == [missing]


def test_an_optional_object_is_absent_though_one_inside_it_is_required():
    geo = {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}
    place = {
        "type": "object",
        "properties": {"geo": geo, "city": TEXT},
        "required": ["geo", "city"],
    }
    flow = flow_of({"place": place}, {"place": {"geo": {"lat": "x"}, "city": "z"}})
    outcome = run(flow, [[None, None], ["1", "Oslo"], [None, "Oslo"]], ["x", "z"])
    assert [r["place"] for r in outcome.mapped] == [None, {"geo": {"lat": 1.0}, "city": "Oslo"}]
    assert outcome.codes == [[("place.geo.lat", "MISSING_REQUIRED_FIELD")]]


@pytest.mark.parametrize(
    ("expression", "letter", "word"),
    [
        ("x[2]", "b", "q"),
        ("x[-1]", "c", "q"),
        ("x[9]", "", None),
        ("x[z::INT]", "b", "q"),
        ("x[z::INT - 1]", "a", "p"),
        ("x[len(z)]", "a", "p"),
        ("upper(x[2])", "B", "Q"),
        ("len(x)", "3", "2"),
        ("length(x)", "3", "2"),
    ],
)
def test_a_place_is_that_of_a_letter_in_a_text_and_of_an_item_in_a_list(expression, letter, word):
    flow = flow_of({"y": {"type": ["string", "null"]}}, {"y": expression})
    texts = run(flow, [["abc", "2"]], ["x", "z"])
    lists = run(flow, [[["p", "q"], "2"]], ["x", "z"], types=["VARCHAR[]", "VARCHAR"])
    json_ = run(flow, [['"abc"', "2"], ['["p", "q"]', "2"]], ["x", "z"], types=["JSON", "VARCHAR"])
    assert [r["y"] for r in (*texts.mapped, *lists.mapped)] == [letter, word]
    assert [r["y"] for r in json_.mapped] == [letter, word]
