"""The same name on both sides is the same, whether or not it says anything."""

from __future__ import annotations

from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.core import default_maker, match_columns


def columns_taken(source, target):
    sides = [[Column(name, name, values=("1", "2")) for name in side] for side in (source, target)]
    return [match.column for match in match_columns(*sides, default_maker())]


def test_a_name_that_says_nothing_finds_its_like():
    assert columns_taken([f"col_{n}" for n in range(40)], ["col_7", "col_31"]) == [
        "col_7",
        "col_31",
    ]


def test_a_name_that_begins_as_all_others_finds_its_like():
    source = [f"cust_{word}" for word in ("no", "name", "street", "zip", "city")]
    assert columns_taken(source, ["cust_zip"]) == ["cust_zip"]
