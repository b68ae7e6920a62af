"""A type that is told without the engine is the one that the engine tells."""

import pytest
from sqlglot import exp

from lume_dagster.errors import PlanError
from lume_dagster.plan.types import known_type
from lume_dagster_tests.plan.mapping import Duck, flow_of, run

TYPES = {"a": "VARCHAR", "b": "VARCHAR", "n": "BIGINT", "d": "DECIMAL(18,2)", "t": "BOOLEAN"}
TYPES |= {"day": "DATE", "moment": "TIMESTAMP", "j": "JSON"}
DUCK = Duck()

TOLD = [
    "a",
    "'x'",
    "(a)",
    "trim(a)",
    "ltrim(a, 'x')",
    "upper(lower(a))",
    "replace(a, 'x', b)",
    "concat_ws(', ', a, b || 'x')",
    "nullif(a, '')",
    "nullif(n, n)",
    "coalesce(a, b)",
    "coalesce(d, d)",
    "a = b",
    "n >= n",
    "day < day",
    "a IN ('x', 'y')",
    "a LIKE 'x%'",
    "a IS NULL",
    "t IS TRUE",
    "NOT t AND (a = b OR t)",
    "CASE WHEN a = b THEN a ELSE 'x' END",
    "CASE a WHEN 'x' THEN n WHEN 'y' THEN n END",
    "TRY_CAST(a AS BIGINT)",
    "CAST(n AS VARCHAR)",
    "CAST(n AS DECIMAL(18, 4))",
    "TRY_CAST(a AS TIMESTAMP)",
]
ASKED = [
    "n + 1",
    "regexp_matches(a, '(')",
    "regexp_extract(a, 'x')",
    "strptime(a, '%Q')",
    "upper(n)",
    "concat_ws(', ', a, n)",
    "coalesce(a, n)",
    "a = n",
    "CASE WHEN a = b THEN a ELSE n END",
    "CASE WHEN a = b THEN NULL ELSE n END",
    "CASE WHEN a THEN a END",
    "NULL",
    "upper(j)",
    "TRY_CAST(a AS INTEGER)",
    "unknown",
    "contains(a, 'x')",
]


def asked(expression: str) -> str:
    """What the engine says."""
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in TYPES.items())
    return DUCK.describe(f"SELECT {expression} FROM (SELECT {columns})")[0]


@pytest.mark.parametrize("expression", TOLD)
def test_what_is_told_is_what_the_engine_says(expression):
    tree = exp.maybe_parse(expression, dialect="duckdb")
    assert known_type(tree, TYPES) == asked(expression)


@pytest.mark.parametrize("expression", ASKED)
def test_the_engine_is_asked_where_it_may_have_something_to_complain_of(expression):
    tree = exp.maybe_parse(expression, dialect="duckdb")
    assert known_type(tree, TYPES) is None


@pytest.mark.parametrize("expression", ["strptime(x, '%Q')", "year(upper(x))"])
def test_what_the_engine_does_not_take_is_still_refused_with_its_words(expression):
    with pytest.raises(PlanError, match="mapping.y"):
        run(flow_of({"y": {"type": "string"}}, {"y": expression}), [])
