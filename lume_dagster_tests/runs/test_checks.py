"""Checks hold a whole batch to bounds."""

from __future__ import annotations

import pytest

from lume_dagster.flows.model import Bounds, Check, NullRate
from lume_dagster.runs.checks import check_names, run_checks
from lume_dagster.runs.metrics import RowCounts

ROWS = RowCounts(input=10, mapped=8, rejects=2)
MEASURES = {"unique:id": 0, "unique:a,b": 2, "null_rate:email": 4}


@pytest.mark.parametrize(
    ("check", "value", "passed"),
    [
        (Check(unique="id"), 0, True),
        (Check(unique=("a", "b")), 2, False),
        (Check(row_count=Bounds(min=8)), 8, True),
        (Check(row_count=Bounds(min=9)), 8, False),
        (Check(row_count=Bounds(max=7)), 8, False),
        (Check(reject_rate=Bounds(max=0.2)), 0.2, True),
        (Check(reject_rate=Bounds(max=0.1)), 0.2, False),
        (Check(null_rate=NullRate(field="email", max=0.5)), 0.5, True),
        (Check(null_rate=NullRate(field="email", max=0.4)), 0.5, False),
    ],
    ids=str,
)
def test_a_check_has_a_value_and_a_verdict(check, value, passed):
    (result,) = run_checks([check], ROWS, MEASURES)
    assert (result.value, result.passed) == (value, passed)


def test_an_empty_batch_has_rates_of_nothing():
    checks = [Check(reject_rate=Bounds(max=0)), Check(null_rate=NullRate(field="e", max=0))]
    results = run_checks(checks, RowCounts(0, 0, 0), {"null_rate:e": 0})
    assert all(r.passed for r in results)


def test_checks_of_one_kind_have_names_of_their_own():
    bounds = Check(row_count=Bounds(min=1))
    names = check_names([bounds, bounds, Check(unique=("a.b", "c"))])
    assert names == ("row_count", "row_count_2", "unique_a_b_c")


def test_a_result_speaks():
    (result,) = run_checks([Check(row_count=Bounds(min=9, max=12))], ROWS, {})
    assert result.sentence == "row_count is 8, wanted at least 9 and at most 12"
