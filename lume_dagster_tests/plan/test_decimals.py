"""Rounding by the nearest double gives just what the engine's own cast gives, or asks it."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lume_dagster.plan.decimals import round_decimal
from lume_dagster.plan.sql import cast, column
from lume_dagster_tests.plan.mapping import Duck

DUCK = Duck()


def rounded(value: Decimal, of: str, to: str) -> tuple[Decimal | None, Decimal | None]:
    """By way of the double, and by the engine's cast."""
    sooner = round_decimal(column("x"), of, to, lambda sql: sql).sql("duckdb")
    typed = cast(column("x"), of).sql("duckdb")
    query = f"SELECT {sooner}, TRY_CAST(x AS {to}) FROM (SELECT {typed} AS x FROM (SELECT $1 AS x))"
    return DUCK.con.execute(query, [str(value)]).fetchone()


def numbers(places: int) -> st.SearchStrategy[Decimal]:
    """Up to the widest there is, and often near the middle between two cents."""
    cent = 10 ** (places - 2)
    near = st.tuples(st.integers(-(10**14), 10**14), st.integers(-2, 2)).map(
        lambda t: t[0] * cent + cent // 2 + t[1]
    )
    anything = st.integers(-(10**38) + 1, 10**38 - 1)
    return st.one_of(anything, near).map(lambda n: Decimal(f"{n}e-{places}"))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([3, 8, 12, 20]).flatmap(lambda p: st.tuples(st.just(p), numbers(p))))
@example((12, Decimal("0.005")))
@example((12, Decimal("-0.005")))
@example((12, Decimal("9999999999999999.995")))
@example((12, Decimal("9999999999999999.994999999999")))
def test_every_number_rounds_as_the_engine_rounds_it(case):
    places, value = case
    sooner, plain = rounded(value, f"DECIMAL(38,{places})", "DECIMAL(18,2)")
    assert sooner == plain


@pytest.mark.parametrize(
    ("of", "to"),
    [
        ("DECIMAL(18,4)", "DECIMAL(18,2)"),
        ("DECIMAL(38,2)", "DECIMAL(18,2)"),
        ("DECIMAL(38,1)", "DECIMAL(18,2)"),
        ("DECIMAL(38,30)", "DECIMAL(18,2)"),
    ],
)
def test_a_number_that_needs_no_slow_division_is_just_cast(of, to):
    value = round_decimal(column("x"), of, to, lambda sql: sql)
    assert value.sql("duckdb").replace(" ", "") == f"TRY_CAST(xAS{to})"
