"""The planner's laws, held for any text: a row is mapped or rejected, never both, never neither."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.plan.compile import Compiler
from lume_dagster.plan.plan import SourceColumn
from lume_dagster_tests.plan.mapping import Duck, flow_of, run

FLOW = flow_of(
    {
        "id": {"type": "string", "maxLength": 5, "pattern": "^[a-z]"},
        "count": {"type": "integer", "minimum": 0},
        "price": {"type": "number", "multipleOf": 0.01},
        "day": {"type": "string", "format": "date"},
        "paid": {"type": "boolean"},
        "total": {"type": "number"},
    },
    {
        "id": "squash(a)",
        "count": "b",
        "price": "parse_number(c)",
        "day": "parse_date(d, '%Y-%m-%d', '%d.%m.%Y')",
        "paid": "parse_boolean(e)",
        "total": "target.count * target.price / target.count",
    },
    required=["id", "count"],
    key=["id"],
    rules=[{"name": "cheap", "check": "target.price < 100"}],
)
COLUMNS = list("abcde")
#: Texts that look like something, and texts that look like nothing.
cell = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "a", "ab", "1", "-1", "1.5", "1,000.10", "2024-02-29", "29.02.2023", "ja"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
rows = st.lists(st.tuples(*(cell for _ in COLUMNS)), max_size=8)
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@settings(quick, max_examples=40)
@given(rows)
def test_every_row_is_mapped_or_rejected_and_so_again(given_rows):
    """All that holds of one outcome: to map the rows takes longer than to look at what came out."""
    outcome = run(FLOW, given_rows, COLUMNS)
    numbers = [r["_lume_row"] for r in [*outcome.mapped, *outcome.rejects]]
    assert sorted(numbers) == list(range(1, len(given_rows) + 1))
    assert_rejects_have_reasons_and_their_original_values(outcome.rejects, given_rows)
    assert_rows_keep_to_the_schema(outcome.mapped)
    again = run(FLOW, given_rows, COLUMNS)
    assert (again.mapped, again.rejects) == (outcome.mapped, outcome.rejects)


def assert_rejects_have_reasons_and_their_original_values(rejects, given_rows):
    for reject in rejects:
        assert reject["errors"]
        assert tuple(reject["original"].values()) == given_rows[reject["_lume_row"] - 1]


def assert_rows_keep_to_the_schema(mapped):
    assert all(1 <= len(row["id"]) <= 5 and row["id"][0].islower() for row in mapped)
    assert all(row["count"] >= 0 for row in mapped)
    assert len({row["id"] for row in mapped}) == len(mapped)


@quick
@given(rows)
def test_a_row_is_rejected_just_when_a_test_finds_fault_with_it(given_rows):
    outcome = run(FLOW, given_rows, COLUMNS)
    assert outcome.rows_in_error() == [reject["_lume_row"] for reject in outcome.rejects]


@quick
@given(rows)
def test_a_fault_that_only_warns_excuses_no_other(given_rows):
    lenient = FLOW.model_copy(
        update={"errors": FLOW.errors.model_copy(update={"handling": {"count.type": "warn"}})}
    )
    outcome = run(lenient, given_rows, COLUMNS)
    assert outcome.rows_in_error() == [reject["_lume_row"] for reject in outcome.rejects]


def test_a_plan_is_the_same_text_every_time():
    columns = [SourceColumn(name, f"c{i}", "VARCHAR") for i, name in enumerate(COLUMNS)]
    assert Compiler(FLOW, columns, {}, Duck()).plan() == Compiler(FLOW, columns, {}, Duck()).plan()


def test_no_text_of_the_flow_reaches_the_sql_but_as_a_literal():
    hostile = "x'; DROP TABLE staged; --"
    flow = flow_of(
        {"y": {"type": "string", "enum": [hostile], "description": hostile}},
        {"y": "z"},
        nulls=[hostile],
        rules=[{"name": "r", "check": "z <> 'x''; DROP TABLE staged; --'", "message": hostile}],
    )
    outcome = run(flow, [["a"], [hostile]], ["z"])
    assert [e["message"] for e in outcome.rejects[0]["errors"]] == [f"is none of {hostile}"]
    assert outcome.mapped[0]["y"] is None
