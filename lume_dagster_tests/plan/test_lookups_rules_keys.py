"""Lookups in seeds, rules on rows, uniqueness of keys, lineage."""

import pytest

from lume_dagster.errors import FlowError, PlanError
from lume_dagster_tests.plan.mapping import flow_of, run

TEXT = {"type": "string"}
AIRPORTS = {
    "airports": (["faa", "name", "country"], [["JFK", "Kennedy", "us"], ["ORY", "Orly", "fr"]])
}
COUNTRIES = {"countries": (["code", "title"], [["us", "United States"], ["fr", "France"]])}
SEEDS = {"airports": {"path": "a.csv", "key": "faa"}, "countries": {"path": "c.csv", "key": "code"}}


def test_a_lookup_gives_the_seeds_value():
    flow = flow_of({"y": TEXT}, {"y": "lookup('airports', x, 'name')"}, seeds=SEEDS)
    assert run(flow, [["JFK"]], seeds=AIRPORTS | COUNTRIES).mapped[0]["y"] == "Kennedy"


def test_an_unknown_key_is_an_error_that_shows_the_key():
    flow = flow_of({"y": TEXT}, {"y": "lookup('airports', x, 'name')"}, seeds=SEEDS)
    outcome = run(flow, [["ZZZ"], [None]], seeds=AIRPORTS | COUNTRIES)
    assert outcome.codes == [[("y", "LOOKUP_NOT_FOUND")]]
    assert outcome.rejects[0]["errors"][0]["value"] == "ZZZ"


def test_try_lookup_forgives():
    flow = flow_of({"y": TEXT}, {"y": "try_lookup('airports', x, 'name')"}, seeds=SEEDS)
    assert [r["y"] for r in run(flow, [["ZZZ"]], seeds=AIRPORTS | COUNTRIES).mapped] == [None]


def test_a_lookup_may_use_what_another_found():
    expression = "lookup('countries', lookup('airports', upper(x), 'country'), 'title')"
    flow = flow_of({"y": TEXT}, {"y": expression}, seeds=SEEDS)
    outcome = run(flow, [["ory"], ["zzz"]], seeds=AIRPORTS | COUNTRIES)
    assert [r["y"] for r in outcome.mapped] == ["France"]
    assert outcome.codes == [[("y", "LOOKUP_NOT_FOUND")]]


def test_a_seed_is_joined_once_for_one_key():
    flow = flow_of(
        {"a": TEXT, "b": TEXT},
        {"a": "lookup('airports', x, 'name')", "b": "lookup('airports', x, 'country')"},
        seeds=SEEDS,
    )
    assert run(flow, [["JFK"]], seeds=AIRPORTS | COUNTRIES).plan.mapped.count("JOIN seed_0") == 1


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("lookup('airprots', x, 'name')", "no seed 'airprots'.\nHint: did you mean 'airports'"),
        ("lookup('airports', x, 'nme')", "no column 'nme'.\nHint: did you mean 'name'"),
        ("lookup(x, 'a', 'b')", "lookup takes"),
    ],
)
def test_a_lookup_that_cannot_be_is_refused(expression, says):
    with pytest.raises(FlowError, match=says):
        run(
            flow_of({"y": TEXT}, {"y": expression}, seeds=SEEDS),
            [["a"]],
            seeds=AIRPORTS | COUNTRIES,
        )


def rule(check, on_fail="reject", **more):
    return [{"name": "sound", "check": check, "on_fail": on_fail, **more}]


def test_a_rule_rejects_where_it_is_false_and_not_where_it_is_null():
    flow = flow_of({"y": TEXT}, {"y": "x"}, rules=rule("x <> 'bad'", message="bad is bad"))
    outcome = run(flow, [["good"], ["bad"], [None]])
    assert len(outcome.mapped) == 2
    assert outcome.rejects[0]["errors"] == [
        {"field": "sound", "code": "RULE_FAILED", "message": "bad is bad", "value": "bad"}
    ]


def test_a_rule_sees_source_columns_and_typed_target_fields():
    flow = flow_of({"y": {"type": "integer"}}, {"y": "x"}, rules=rule("target.y >= 10 OR z = 'ok'"))
    outcome = run(flow, [["9", "no"], ["9", "ok"], ["10", "no"]], ["x", "z"])
    assert [r["_lume_row"] for r in outcome.mapped] == [2, 3]


def test_a_conversion_that_fails_in_a_rule_breaks_the_rule():
    flow = flow_of({"y": TEXT}, {"y": "x"}, rules=rule("CAST(x AS INTEGER) > 0"))
    assert run(flow, [["one"]]).codes == [[("sound", "RULE_FAILED")]]


def test_a_rule_that_warns_keeps_the_row():
    outcome = run(flow_of({"y": TEXT}, {"y": "x"}, rules=rule("x <> 'bad'", "warn")), [["bad"]])
    assert len(outcome.mapped) == 1
    assert outcome.warned == (1, [1], [{"v": "bad"}])


def test_a_rule_that_is_no_condition_is_refused():
    with pytest.raises(
        PlanError, match=r"rules\.sound: a rule is true or false, this gives VARCHAR"
    ):
        run(flow_of({"y": TEXT}, {"y": "x"}, rules=rule("x")), [["a"]])


def keyed(**more):
    return flow_of(
        {"y": TEXT, "n": {"type": "integer"}},
        {"y": "x", "n": "z"},
        key=["y"],
        required=["y"],
        **more,
    )


def test_the_second_good_row_with_a_key_is_rejected():
    outcome = run(keyed(), [["a", "1"], ["b", "2"], ["a", "3"]], ["x", "z"])
    assert [r["_lume_row"] for r in outcome.mapped] == [1, 2]
    assert outcome.codes == [[("y", "DUPLICATE_KEY")]]


def test_a_bad_row_does_not_take_the_key_from_a_good_one():
    outcome = run(keyed(), [["a", "one"], ["a", "2"]], ["x", "z"])
    assert [r["_lume_row"] for r in outcome.mapped] == [2]
    assert outcome.codes == [[("n", "INVALID_INTEGER")]]


def test_lineage_names_the_columns_and_seeds_a_field_is_made_of():
    flow = flow_of(
        {"a": TEXT, "b": TEXT},
        {"a": "lookup('airports', x, 'name')", "b": "target.a || z"},
        seeds=SEEDS,
    )
    columns = run(flow, [], ["x", "z"], seeds=AIRPORTS | COUNTRIES).plan.columns
    assert [(c.sources, c.seeds) for c in columns] == [
        (("x",), (("airports", "name"),)),
        (("x", "z"), (("airports", "name"),)),
    ]
