"""The corpus of messy columns, and how values are compared with what is right."""

from __future__ import annotations

import pytest

from benchmarks.mapping.conversions import measure, same, summary
from benchmarks.mapping.corpus import cases
from lume_dagster.flows.schema import TargetSchema


def test_every_case_says_of_each_row_what_is_right():
    for case in cases():
        columns = {**case.columns, **case.beside}
        assert {len(values) for values in columns.values()} == {len(case.gold)}, case.id
        assert 20 <= len(case.gold) <= 60, case.id
        TargetSchema.parse({"type": "object", "properties": {case.name: dict(case.target)}})


def test_there_are_enough_cases_each_once_and_half_of_them_are_unseen():
    every = cases()
    assert len({case.id for case in every}) == len(every) >= 150
    assert 0.4 < sum(case.is_dev for case in every) / len(every) < 0.6


def test_the_corpus_is_always_the_same():
    assert cases() == cases()


@pytest.mark.parametrize(
    ("value", "gold", "right"),
    [
        ("12.0", 12, True),
        ("12.5", 12, False),
        ("true", True, True),
        ("1", True, False),
        (None, None, True),
        ("x", None, False),
        (None, "x", False),
        ('["a","b"]', ["a", "b"], True),
        ("2024-01-31", "2024-01-31", True),
    ],
)
def test_values_are_right_or_not(value, gold, right):
    assert same(value, gold) is right


def test_a_few_cases_are_measured_as_they_come_out():
    chosen = [c for c in cases() if c.id in ("gen-date-dot-dmy", "hand-range", "hand-enum-number")]
    outcomes = measure(chosen)
    assert {o.case.id: o.right for o in outcomes} == {
        "gen-date-dot-dmy": True,
        "hand-range": False,
        "hand-enum-number": True,
    }
    assert summary(outcomes)["wrong among auto"] == 0
