"""What a column of texts looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster.mapper.profile import profile
from lume_dagster.mapper.profile.texts import number_of, shape_of, type_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a.b@c.ch", "email"), ("https://x.y", "url"), ("2024-01-02", "date"), ("3 Jan 2024", "date"),
        ("2.1.2024 12:30", "datetime"), ("12:30", "time"), ("1999", "year"), ("Yes", "boolean"),
        ("+41 44 123 45 67", "phone"), ("-12", "integer"), ("1.234,56", "number"), ("[1]", "list"),
        ("52.741497", "number"),
        ("3. März 2024", "date"), ("24/Aug/24 9:15 AM", "datetime"), ("AB-12", "code"), ("Bern", "word"), ("a text that is long enough to be prose", "text"),
    ],
)  # fmt: skip
def test_a_text_has_a_type(text, kind):
    assert type_of(text) == kind


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("1,234.5", 1234.5),
        ("1.234,50", 1234.5),
        ("$ 7", 7),
        ("5 %", 5),
        ("1e400", None),
        ("nan", None),
        ("x", None),
        ("1_0", None),
    ],
)
def test_a_text_may_spell_a_number(text, number):
    assert number_of(text) == number


def test_runs_are_one_in_a_shape():
    assert shape_of("AB-1234 x") == "a-9 a"


def test_shares_are_of_values_and_not_of_distinct_ones():
    seen = profile(["1", "1", "1", "x"])
    assert seen.kind == "number"
    assert seen.shapes == {"9": 0.75, "a": 0.25}
    assert seen.count == 4


def test_a_column_without_values_has_no_kind():
    seen = profile([None, "", "  "])
    assert (seen.count, seen.kind, seen.quantiles, seen.shown) == (0, "", None, ())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.text(max_size=30), max_size=30))
def test_any_texts_have_a_profile_of_finite_numbers(texts):
    seen = profile(texts)
    arrays = [
        seen.types,
        seen.lengths,
        seen.stats,
        *([] if seen.quantiles is None else [seen.quantiles]),
    ]
    assert all(np.isfinite(each).all() for each in arrays)
    assert seen.types.sum() == pytest.approx(1 if seen.count else 0)


def test_a_long_column_is_looked_at_evenly():
    seen = profile([f"{n:05}" for n in range(5_000)])
    assert len(seen.distinct) <= 1_000
    assert seen.quantiles is not None
    assert seen.quantiles[4] == pytest.approx(2_500, rel=0.05)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["J", "N", "N"], "boolean"),
        (["Sí", "No"], "boolean"),
        (["oui", "non", None], "boolean"),
        (["o", "o"], "text"),
        (["N", "S", "E"], "text"),
        (["1", "0"], "number"),
    ],
)
def test_yes_and_no_may_be_said_in_other_languages(values, kind):
    assert profile(values).kind == kind
