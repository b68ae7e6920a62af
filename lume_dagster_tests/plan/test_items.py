"""Figures over the items of a list: how many, their sum, the least, the first, all as one text."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster.errors import FlowError, PlanError
from lume_dagster.plan.used_columns import used_columns
from lume_dagster_tests.plan.mapping import flow_of, run

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
NUMBER = {"type": "number"}
DATE = {"type": "string", "format": "date"}
LINES = [
    {"sku": "A", "qty": 2, "price": "1.50", "due": "2024-03-01"},
    {"sku": "B", "qty": 10, "price": "0.30", "due": "2024-02-01"},
    {"sku": None, "qty": None, "price": None, "due": None},
]


def of(schema, expression, *lists, kind="JSON", **parts):
    """What an expression makes of rows whose column ``lines`` is a list."""
    rows = [[json.dumps(x) if kind == "JSON" and x is not None else x] for x in lists]
    return run(flow_of({"y": schema}, {"y": expression}, **parts), rows, ["lines"], types=[kind])


def value_of(schema, expression, lines, kind="JSON"):
    outcome = of(schema, expression, lines, kind=kind)
    assert outcome.rejects == []
    return outcome.mapped[0]["y"]


@pytest.mark.parametrize(
    ("schema", "expression", "value"),
    [
        (WHOLE, "count_of(lines)", 3),
        (WHOLE, "count_of(lines, item.qty::INT > 5)", 1),
        (WHOLE, "sum_of(lines, item.qty)", 12),
        (NUMBER, "sum_of(lines, item.price)", 1.8),
        (NUMBER, "sum_of(lines, item.qty::INT * item.price::DECIMAL(9,2))", 6.0),
        (NUMBER, "min_of(lines, item.price::DOUBLE)", 0.3),
        (WHOLE, "max_of(lines, item.qty::INT)", 10),
        (DATE, "min_of(lines, item.due::DATE)", dt.date(2024, 2, 1)),
        (TEXT, "first_of(lines, item.sku)", "A"),
        (TEXT, "join_of(lines, ', ', item.sku)", "A, B"),
        (TEXT, "join_of(lines, '/', item.qty::INT + 1)", "3/11"),
        (TEXT, "upper(first_of(lines, lower(item.sku))) || '!'", "A!"),
    ],
)
def test_figures_over_items(schema, expression, value):
    assert value_of(schema, expression, LINES) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("count_of(lines)", 0),
        ("sum_of(lines, item.qty)", 0),
        ("max_of(lines, item.qty::INT)", None),
        ("first_of(lines, item.qty::INT)", None),
    ],
)
def test_an_empty_list_has_nothing_and_adds_up_to_nothing(expression, value):
    assert value_of(WHOLE, expression, []) == value
    assert value_of(WHOLE, expression, None) is None


def test_no_value_in_any_item_is_no_sum():
    assert value_of(WHOLE, "sum_of(lines, item.qty)", [{"qty": None}, {}]) is None
    assert value_of(TEXT, "join_of(lines, ', ', item.sku)", [{}]) is None


def test_lists_of_plain_values_need_no_name_for_the_item():
    assert value_of(WHOLE, "sum_of(lines)", [1, 2, 3]) == 6
    assert value_of(TEXT, "join_of(lines, '; ')", ["a", "b"]) == "a; b"
    assert value_of(TEXT, "first_of(lines)", ["a", "b"]) == "a"


def test_typed_lists_keep_their_types():
    kind = "STRUCT(qty INTEGER, sku VARCHAR)[]"
    assert value_of(WHOLE, "sum_of(lines, item.qty)", LINES[:2], kind=kind) == 12
    assert value_of(WHOLE, "max_of(lines)", [3, 7], kind="INTEGER[]") == 7
    assert value_of(WHOLE, "max_of(string_split('3,7', ','), item::INT)", []) == 7


def test_what_fails_for_an_item_fails_for_its_row_and_shows_the_first():
    bad = [{"qty": "2"}, {"qty": "two"}, {"qty": "three"}]
    outcome = of(WHOLE, "sum_of(lines, item.qty)", LINES, bad)
    assert [r["y"] for r in outcome.mapped] == [12]
    assert outcome.codes == [[("y", "INVALID_NUMBER")]]
    assert outcome.rejects[0]["errors"][0]["value"] == "two"


def test_what_is_no_list_is_an_error_of_its_row():
    assert of(WHOLE, "count_of(lines)", {"a": 1}).codes == [[("y", "INVALID_ARRAY")]]


def test_a_branch_that_is_not_taken_cannot_fail():
    expression = "if(count_of(lines) > 1, sum_of(lines, item.qty), 0)"
    assert value_of(WHOLE, expression, [{"qty": "x"}]) == 0
    assert value_of(WHOLE, "TRY_CAST(first_of(lines, item.qty) AS INT)", [{"qty": "x"}]) is None


def test_decimals_add_up_exactly():
    money = {"type": "number", "multipleOf": 0.01}
    assert value_of(money, "sum_of(lines)", ["0.1", "0.2"]) == Decimal("0.30")


def test_a_sum_that_does_not_fit_is_an_error_of_its_row():
    outcome = of(WHOLE, "sum_of(lines, item::DECIMAL(38,0))", ["9" * 38, "9" * 38])
    assert outcome.codes == [[("y", "EXPRESSION_FAILED")]]


def test_lists_within_lists_and_columns_of_the_row():
    orders = [{"lines": [{"q": 1}, {"q": 2}]}, {"lines": [{"q": 4}]}]
    assert value_of(WHOLE, "sum_of(lines, sum_of(item.lines, item.q))", orders) == 7
    schema = {"type": "array", "items": {"type": "object", "properties": {"n": WHOLE}}}
    flow = flow_of(
        {"o": schema},
        {"o": {"each": "lines", "item": {"n": "sum_of(item.lines, item.q::INT * f::INT)"}}},
    )
    types = ["JSON", "VARCHAR"]
    outcome = run(flow, [[json.dumps(orders), "10"]], ["lines", "f"], types=types)
    assert outcome.mapped[0]["o"] == [{"n": 30}, {"n": 40}]


def test_an_item_that_fails_within_an_item_of_the_target_fails_for_the_row():
    schema = {"type": "array", "items": {"type": "object", "properties": {"n": WHOLE}}}
    node = {"each": "lines", "item": {"n": "sum_of(item.lines, item.q)"}}
    flow = flow_of({"o": schema}, {"o": node})
    rows = [[json.dumps([{"lines": [{"q": 1}]}, {"lines": [{"q": "x"}]}])]]
    assert run(flow, rows, ["lines"], types=["JSON"]).codes == [[("o[].n", "INVALID_NUMBER")]]


@pytest.mark.parametrize(
    ("expression", "error", "sentence"),
    [
        ("sum_of()", FlowError, r"sum_of got 0 argument\(s\)"),
        ("sum_of(lines, item.a, item.b)", FlowError, r"sum_of got 3 argument\(s\)"),
        ("join_of(lines)", FlowError, r"join_of got 1 argument\(s\)"),
        ("join_of(lines, item.a)", FlowError, "text in single quotes"),
        (
            "min_of(lines, item.a)",
            PlanError,
            "min_of cannot do with VARCHAR.*\n.*say what they are",
        ),
        ("sum_of(lines, item.a::DATE)", PlanError, "sum_of cannot do with DATE"),
        ("count_of(lines, item.a)", PlanError, "count_of cannot do with VARCHAR"),
        ("sum_of(n, item.a)", PlanError, "a list is wanted, the expression gives VARCHAR"),
        ("sum_of(lines, item.a + item)", PlanError, "mapping.y"),
        ("item.a", PlanError, "no column 'item'"),
    ],
)
def test_what_cannot_be_is_a_sentence(expression, error, sentence):
    flow = flow_of({"y": TEXT}, {"y": expression})
    with pytest.raises(error, match=sentence):
        run(flow, [["[]", "1"]], ["lines", "n"], types=["JSON", "VARCHAR"])


def test_an_item_is_no_column_but_in_front_of_the_list_it_is():
    flow = flow_of({"y": WHOLE}, {"y": "sum_of(item, item.qty) + source.item_no::INT"})
    assert used_columns(flow) == ("item", "item_no")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.none() | st.integers(-(10**6), 10**6), max_size=8))
def test_figures_are_those_of_python(numbers):
    there = [n for n in numbers if n is not None]
    properties = dict.fromkeys(("n", "total", "least", "most", "first"), WHOLE)
    flow = flow_of(
        {**properties, "all": TEXT},
        {
            "n": "count_of(lines)",
            "total": "sum_of(lines)",
            "least": "min_of(lines, item::INT)",
            "most": "max_of(lines, item::INT)",
            "first": "first_of(lines, item::INT)",
            "all": "join_of(lines, ',')",
        },
    )
    found = run(flow, [[json.dumps(numbers)]], ["lines"], types=["JSON"]).mapped[0]
    assert (found["n"], found["total"]) == (
        len(numbers),
        sum(there) if there or not numbers else None,
    )
    assert (found["least"], found["most"]) == (min(there, default=None), max(there, default=None))
    assert (found["first"], found["all"]) == (
        next(iter(there), None),
        ",".join(map(str, there)) or None,
    )
