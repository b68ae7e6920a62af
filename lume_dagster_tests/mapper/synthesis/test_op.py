"""How the steps of a learned transformation are told to people."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.synthesis.op import ordinal


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (1, "first"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (21, "21st"),
        (22, "22nd"),
        (113, "113th"),
        (-1, "last"),
        (-3, "third from the end"),
        (-23, "23rd from the end"),
    ],
)
def test_a_place_is_counted_as_people_count(place, said):
    assert ordinal(place) == said
