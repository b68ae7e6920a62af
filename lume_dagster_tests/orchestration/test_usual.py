"""How many rows are usual: robust against a few odd batches, and never stricter than chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.orchestration.checks.usual import usual

COUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("before", "rows", "is_usual"),
    [
        ([1000] * 20, 1000, True),
        ([1000] * 20, 1100, True),
        ([1000] * 20, 12, False),
        ([1000] * 20, 3000, False),
        ([1000] * 19 + [12], 12, False),  # that once happened is not usual
        ([1000] * 15 + [100] * 5, 100, True),  # weekends
        ([3, 1, 4, 1, 5], 9, True),
        ([3, 1, 4, 1, 5], 0, False),
        ([3, 0, 4, 1, 5], 0, True),
        ([0] * 5, 0, True),
        ([0] * 5, 50, False),
    ],
)
def test_what_is_usual(before, rows, is_usual):
    assert usual(before, 5.0).holds(rows) is is_usual


@given(COUNTS)
def test_the_median_is_usual_and_bounds_are_in_order(rows):
    found = usual(rows, 5.0)
    assert found.low <= found.high
    assert found.holds(round(found.median)) or found.median < 1
    assert (found.least, found.most, found.batches) == (min(rows), max(rows), len(rows))


@given(COUNTS, st.randoms(use_true_random=False))
def test_the_order_of_batches_does_not_matter(rows, chance):
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert usual(rows, 5.0) == usual(shuffled, 5.0)


@given(st.integers(10, 10**6), st.integers(0, 10**9))
def test_one_odd_batch_of_many_moves_no_bound_beyond_chance(rows, odd):
    """A batch like the others stays usual, and what is ten times as large does not become it."""
    found = usual([*[rows] * 19, odd], 5.0)
    assert found.holds(rows)
    assert not found.holds(10 * rows)
