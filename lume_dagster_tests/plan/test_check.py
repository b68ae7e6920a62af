"""Problems of expressions, found before there is a batch."""

from lume_dagster.plan.check import check_flow
from lume_dagster_tests.plan.mapping import Duck, flow_of

TEXT = {"type": "string"}


def problems(flow, seeds=None):
    return [error.message for error in check_flow(flow, seeds or {}, Duck())]


def test_a_sound_flow_has_no_problems():
    assert problems(flow_of({"y": TEXT}, {"y": "upper(x)"})) == []


def test_every_refused_expression_is_named_at_once():
    flow = flow_of(
        {"a": TEXT, "b": TEXT},
        {"a": "getenv('HOME')", "b": "(SELECT 1)"},
        rules=[{"name": "r", "check": "random() > 0"}],
    )
    found = problems(flow)
    assert [m.split(":")[0] for m in found] == ["mapping.a", "mapping.b", "rules.r"]


def test_types_are_checked_where_the_format_tells_them():
    flow = flow_of(
        {"a": {"type": "integer"}, "b": {"type": "integer"}}, {"a": "x + 1", "b": "target.c"}
    )
    found = problems(flow)
    assert "VARCHAR" in found[0]
    assert "no target field 'c'" in found[1]


def test_nested_mappings_are_looked_into():
    lines = {"type": "array", "items": {"type": "object", "properties": {"n": TEXT}}}
    mapping = {"each": "string_split(x, ';')", "as": "i", "item": {"n": "now()"}}
    assert problems(flow_of({"y": lines}, {"y": mapping}))[0].startswith("mapping.y.n: ")


def test_a_lookup_in_an_unknown_seed_column_is_a_problem_before_any_batch():
    flow = flow_of(
        {"y": TEXT}, {"y": "lookup('s', x, 'v')"}, seeds={"s": {"path": "s.csv", "key": "k"}}
    )
    assert problems(flow, {"s": ("k", "w")}) == ["mapping.y: the seed 's' has no column 'v'."]
