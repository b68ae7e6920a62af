"""What can fail in an expression, fails for its row alone, and only where it is reached."""

import pytest

from lume_dagster.errors import FlowError, PlanError
from lume_dagster_tests.plan.mapping import flow_of, run

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
TEXT = {"type": "string"}


def codes(schema, expression, *rows, columns=("x",), **parts):
    return run(flow_of({"y": schema}, {"y": expression}, **parts), list(rows), columns).codes


def test_a_cast_in_an_expression_is_strict():
    assert codes(INTEGER, "CAST(x AS INTEGER) + 1", ["1"], ["1.5"]) == [[("y", "INVALID_INTEGER")]]


def test_try_cast_forgives():
    outcome = run(flow_of({"y": INTEGER}, {"y": "TRY_CAST(x AS INTEGER)"}), [["1"], ["1.5"]])
    assert [r["y"] for r in outcome.mapped] == [1, None]


def test_a_branch_that_is_not_taken_cannot_fail():
    expression = "CASE WHEN x = 'none' THEN NULL ELSE CAST(x AS INTEGER) END"
    outcome = run(flow_of({"y": INTEGER}, {"y": expression}), [["none"], ["7"], ["seven"]])
    assert [r["y"] for r in outcome.mapped] == [None, 7]
    assert outcome.codes == [[("y", "INVALID_INTEGER")]]


def test_a_case_with_a_subject_guards_its_branches_too():
    expression = "CASE x WHEN 'a' THEN CAST(z AS INTEGER) ELSE 0 END"
    outcome = run(flow_of({"y": INTEGER}, {"y": expression}), [["a", "?"], ["b", "?"]], ["x", "z"])
    assert [r["y"] for r in outcome.mapped] == [0]


def test_coalesce_reaches_its_second_value_only_without_the_first():
    expression = "coalesce(CAST(x AS INTEGER), CAST(z AS INTEGER))"
    rows = [["1", "?"], [None, "2"], [None, "?"]]
    outcome = run(flow_of({"y": INTEGER}, {"y": expression}), rows, ["x", "z"])
    assert [r["y"] for r in outcome.mapped] == [1, 2]
    assert outcome.codes == [[("y", "INVALID_INTEGER")]]


def test_the_value_shown_is_the_one_that_was_lost():
    outcome = run(
        flow_of({"y": INTEGER}, {"y": "CAST(x AS INTEGER) + CAST(z AS INTEGER)"}),
        [["1", "zwei"]],
        ["x", "z"],
    )
    assert [e["value"] for e in outcome.rejects[0]["errors"]] == ["zwei"]


@pytest.mark.parametrize("operator", ["/", "//", "%"])
def test_division_by_zero_is_an_error_of_the_row(operator):
    expression = f"CAST(x AS INTEGER) {operator} CAST(z AS INTEGER)"
    rows = [["6", "3"], ["6", "0"]]
    outcome = run(flow_of({"y": NUMBER}, {"y": expression}), rows, ["x", "z"])
    assert len(outcome.mapped) == 1
    assert outcome.codes == [[("y", "DIVISION_BY_ZERO")]]


@pytest.mark.parametrize(
    "expression",
    [
        "CAST(x AS BIGINT) + 9223372036854775807",
        "make_date(CAST(x AS INTEGER), 13, 1)::VARCHAR::BIGINT",
        "CAST(x AS BIGINT) * 9223372036854775807 * 4",
    ],
)
def test_what_overflows_does_not_stop_the_batch(expression):
    assert codes(INTEGER, expression, ["5"]) == [[("y", "EXPRESSION_FAILED")]]


def test_a_text_that_cannot_be_filled_up_rejects_its_row():
    flow = flow_of({"y": TEXT}, {"y": "rpad(x, 3, trim(z))"})
    outcome = run(flow, [["a", "-"], ["a", " "]], ["x", "z"])
    assert [r["y"] for r in outcome.mapped] == ["a--"]
    assert outcome.codes == [[("y", "EXPRESSION_FAILED")]]
    with pytest.raises(FlowError, match="need a text to fill up with"):
        codes(TEXT, "lpad(x, 3, '')", ["a"])


@pytest.mark.parametrize(
    "expression",
    [
        "x * z + x * z",
        "CASE WHEN x * z > 5 THEN x * z END",
        "if(x * z = 1, x * z, 2)",
        "coalesce(x * z, x * z + 1)",
        "nullif(x * z, z)",
        "if(x * z IN (1, z), 1, 2)",
        "if(x * z BETWEEN 1 AND z, 1, 2)",
        "CASE x * z WHEN 4 THEN x * z ELSE 0 END",
        "sum_of([x, z], if(item * item > 3, item * item, 0))",
    ],
)
def test_what_overflows_twice_does_not_stop_the_batch_either(expression):
    """The engine computes what stands twice once, ahead of the TRY it stands in."""
    flow = flow_of({"y": INTEGER, "more": INTEGER}, {"y": expression, "more": f"{expression} + 1"})
    rows = [[2**31 - 1, 2**31 - 1], [2, 2]]
    outcome = run(flow, rows, ["x", "z"], types=["INTEGER", "INTEGER"])
    assert [r["_lume_row"] for r in outcome.mapped] == [2]
    assert outcome.codes == [[("y", "EXPRESSION_FAILED"), ("more", "EXPRESSION_FAILED")]]


def test_the_engine_is_held_back_only_where_something_may_fail_twice():
    def tries_twice(more: str) -> bool:
        flow = flow_of({"y": INTEGER, "more": INTEGER}, {"y": "x::INT + 1", "more": more})
        return run(flow, [["1"]]).plan.tries_twice

    assert tries_twice("abs(x::INT + 1)")
    assert tries_twice("coalesce(x::INT + 1 + abs(x::INT + 1), 0)")
    assert not tries_twice("x::INT * 2")
    assert not tries_twice("(x::INT + 1) * 2")  # the first field's value is read


@pytest.mark.parametrize(
    "more", ["x * z + 1", "-(x * z)", "2 * (x * z - 1)", "x * z % 7", "x * z + x * z"]
)
def test_arithmetic_on_the_value_of_another_field_fails_where_that_does(more):
    flow = flow_of({"y": INTEGER, "more": INTEGER}, {"y": "x * z", "more": more})
    rows = [[2**31 - 1, 2**31 - 1], [2, 3], [None, 3]]
    outcome = run(flow, rows, ["x", "z"], types=["INTEGER", "INTEGER"])
    assert not outcome.plan.tries_twice
    assert [(r["_lume_row"], r["y"]) for r in outcome.mapped] == [(2, 6), (3, None)]
    assert outcome.codes == [[("y", "EXPRESSION_FAILED"), ("more", "EXPRESSION_FAILED")]]


@pytest.mark.parametrize("handling", [{"type": "warn"}, {"a.type": "warn"}])
def test_a_required_field_is_not_left_empty_by_a_warning(handling):
    flow = flow_of({"a": INTEGER}, {"a": "x"}, required=["a"], errors={"handling": handling})
    outcome = run(flow, [["1"], ["one"]])
    assert [r["a"] for r in outcome.mapped] == [1]
    assert outcome.codes == [[("a", "MISSING_REQUIRED_FIELD")]]
    lax = {**handling, "required": "warn"}
    flow = flow_of({"a": INTEGER}, {"a": "x"}, required=["a"], errors={"handling": lax})
    assert [r["a"] for r in run(flow, [["1"], ["one"]]).mapped] == [1, None]


def test_a_required_field_without_a_value_is_missing():
    assert codes(TEXT, "x", [""], [None], required=["y"]) == [[("y", "MISSING_REQUIRED_FIELD")]] * 2


def test_a_failed_conversion_is_not_reported_as_missing_too():
    assert codes(INTEGER, "x", ["one"], required=["y"]) == [[("y", "INVALID_INTEGER")]]


def test_a_field_computed_from_a_failed_one_is_not_blamed():
    flow = flow_of(
        {"a": INTEGER, "b": INTEGER}, {"a": "x", "b": "target.a * 2"}, required=["a", "b"]
    )
    assert run(flow, [["one"]]).codes == [[("a", "INVALID_INTEGER")]]


def test_every_error_of_a_row_is_reported():
    flow = flow_of(
        {"a": INTEGER, "b": {"type": "string", "maxLength": 2, "pattern": "^z"}},
        {"a": "x", "b": "x"},
    )
    assert run(flow, [["one"]]).codes == [
        [("a", "INVALID_INTEGER"), ("b", "PATTERN_MISMATCH"), ("b", "TOO_LONG")]
    ]


def test_null_texts_are_no_values():
    outcome = run(flow_of({"y": INTEGER}, {"y": "x"}, nulls=["NA"]), [["NA"], ["3"]])
    assert [r["y"] for r in outcome.mapped] == [None, 3]


def test_a_default_stands_in_for_nothing():
    outcome = run(flow_of({"y": {"type": "integer", "default": 5}}, {"y": "x"}), [[""], ["3"]])
    assert [r["y"] for r in outcome.mapped] == [5, 3]


def test_a_field_nobody_maps_is_null_or_its_default():
    flow = flow_of({"a": TEXT, "b": {"type": "string", "default": "z"}, "c": TEXT}, {"c": "x"})
    outcome = run(flow, [["q"]])
    assert [{k: r[k] for k in "abc"} for r in outcome.mapped] == [{"a": None, "b": "z", "c": "q"}]


def test_fields_that_need_each_other_are_refused():
    flow = flow_of({"a": INTEGER, "b": INTEGER}, {"a": "target.b", "b": "target.a"})
    with pytest.raises(FlowError, match=r"a -> b -> a"):
        run(flow, [["1"]])


@pytest.mark.parametrize(
    ("expression", "error", "says"),
    [
        ("nope", PlanError, r"mapping\.y: the source has no column 'nope'"),
        ("amout", PlanError, "did you mean 'amount'"),
        ("target.z", FlowError, "no target field 'z'"),
        ("x + 1", PlanError, r"mapping\.y: .*VARCHAR"),
        ("[1, 2]", PlanError, r"gives INTEGER\[\], the schema wants integer"),
        ("DATE '2024-13-01'", FlowError, "month must be in 1..12"),
    ],
)
def test_what_cannot_be_is_said_with_the_field(expression, error, says):
    with pytest.raises(error, match=says):
        run(flow_of({"y": INTEGER}, {"y": expression}), [["1", "2"]], ["x", "amount"])


def test_names_ignore_case_unless_two_differ_by_it():
    assert run(flow_of({"y": TEXT}, {"y": "AMOUNT"}), [["a"]], ["Amount"]).mapped[0]["y"] == "a"
    assert (
        run(flow_of({"y": TEXT}, {"y": "amount"}), [["a", "b"]], ["Amount", "amount"]).mapped[0][
            "y"
        ]
        == "b"
    )
    with pytest.raises(PlanError, match="could be any of"):
        run(flow_of({"y": TEXT}, {"y": "AMOUNT"}), [["a", "b"]], ["Amount", "amount"])


def test_a_quoted_name_may_hold_anything():
    odd = 'Total "€" (x); DROP TABLE t --'
    quoted = '"' + odd.replace('"', '""') + '"'
    assert run(flow_of({"y": TEXT}, {"y": quoted}), [["a"]], [odd]).mapped[0]["y"] == "a"


def test_an_empty_batch_is_called_empty():
    with pytest.raises(PlanError, match="the source has no columns.\nHint: the batch is empty"):
        run(flow_of({"y": TEXT}, {"y": "x"}), [], [])


def test_a_thing_that_is_wrong_in_two_ways_is_named_once():
    money = {"type": "number", "multipleOf": 0.01}
    flow = flow_of(
        {"x": money, "y": {"type": "number"}}, {"x": "parse_number(x)", "y": "x::DOUBLE"}
    )
    (reject,) = run(flow, [("abc",)]).rejects
    assert [error["message"] for error in reject["errors"]] == [
        "is not a number (decimal sign '.') or not one with at most 2 decimals, or has too many digits",
        "is not a finite number",
    ]
