"""Names that are made of the beginnings of another name's words."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import names
from lume_dagster.mapper.match.beginnings import made_of_beginnings


def worth(short, long):
    words = tuple(names.words_of(long))
    return float(made_of_beginnings([short], ["".join(words)], [words])[0, 0])


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("custnm", "customer name"),
        ("ascty", "assay_cell_type"),
        ("srcasid", "srcAssayId"),
        ("dob", "date of birth"),
        ("catbirth", "category of birth"),
        ("addr1", "address_1"),
    ],
)
def test_beginnings_of_all_words_are_the_name(short, long):
    assert worth(short, long) == 1


def test_two_letters_say_less():
    assert 0 < worth("ci", "cell_id") < 1


def test_a_last_word_may_be_missing_which_says_less():
    assert 0 < worth("knofodev", "knowledge for development (marker)") < 1
    assert worth("kno", "knowledge for development") == 0


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("omernm", "customer name"),
        ("nmcust", "customer name"),
        ("custnmx", "customer name"),
        ("cust", "customer"),
        ("customername", "customer name"),
        ("addr2", "address_1"),
        ("", "customer name"),
        ("a+", "a+ (b"),
    ],
)
def test_other_letters_orders_and_single_words_are_not(short, long):
    assert worth(short, long) == 0


def test_either_side_may_be_the_short_one():
    knowledge = default_knowledge()
    sides = [names.read_names([name], [name], knowledge) for name in ("ASSTYP", "assay_type")]
    assert names.initials(*sides)[0, 0] == names.initials(*sides[::-1])[0, 0] == 1
