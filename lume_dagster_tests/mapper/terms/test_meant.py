"""Which columns hold the values of a code list, in other words."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.terms.meant import share_meant


@pytest.mark.parametrize(
    ("values", "allowed", "share"),
    [
        ({"s", "c", "q"}, ("Southampton", "Cherbourg", "Queenstown"), 1),
        ({"w", "m", "d"}, ("female", "male", "other"), 1),
        ({"in progress", "to do", "x y"}, ("todo", "in_progress"), 2 / 3),
        ({"ledig", "verheiratet"}, ("single", "married"), 1),
        ({"a", "b"}, ("Aachen", "Augsburg"), 0),  # a may be either
        ({"red", "blue"}, ("open", "closed"), 0),
        ({str(n) for n in range(99)}, ("1", "2"), 0),
        (set(), ("1", "2"), 0),
    ],
)
def test_values_mean_allowed_ones(values, allowed, share):
    assert share_meant(values, allowed) == pytest.approx(share)
