"""How alike names are: by words, short forms, consonants, initials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import names

KNOWN = default_knowledge()


def read(*given_names):
    return names.read_names(given_names, given_names, KNOWN)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("customerName", ["customer", "name"]),
        ("CUST_NM", ["cust", "nm"]),
        ("HTTPServerId2", ["http", "server", "id", "2"]),
        ("straße-Nr", ["straße", "nr"]),
        ("名前", ["名前"]),
        ("__", []),
    ],
)
def test_a_name_falls_into_its_words(name, words):
    assert names.words_of(name) == words


@pytest.mark.parametrize(
    "name", ["c1", "C12", "col_3", "Column 7", "Unnamed: 0", "field", "12", ""]
)
def test_a_name_that_says_nothing_is_a_placeholder(name):
    assert names.is_placeholder(name)


@pytest.mark.parametrize("name", ["city", "co2", "v60_model", "address1", "x-ray"])
def test_a_name_that_says_something_is_not(name):
    assert not names.is_placeholder(name)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("cust_nm", "customer name"),
        ("dob", "birth date"),
        ("qty", "quantity"),
    ],
)
def test_short_forms_and_synonyms_agree(short, long):
    source, target = read(short), read(long)
    assert names.soft_words(source.long, target.long, KNOWN)[0, 0] >= 0.85


def test_names_without_their_vowels_are_recognised():
    assert names.skeletons(read("AgencyID"), read("gncd"))[0, 0] == 1


def test_names_without_any_consonant_are_not_all_the_same():
    assert names.skeletons(read("aeo"), read("uia"))[0, 0] == 0


def test_initials_spell_a_name():
    assert names.initials(read("moq"), read("minimum order quantity"))[0, 0] == 1


def test_what_all_names_begin_with_is_left_out():
    assert read("tbl_a1", "tbl_b2", "tbl_c3", "tbl_d4").words[0] == ("a", "1")


def test_three_names_may_begin_alike():
    assert read("tbl_a", "tbl_b", "tbl_c").words[0] == ("tbl", "a")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=6),
    st.lists(st.text(max_size=12), min_size=1, max_size=6),
)
def test_every_measure_of_any_names_is_a_number_from_0_to_1(ours, theirs):
    source, target = read(*ours), read(*theirs)
    found = [
        names.soft_words(source.long, target.long, KNOWN),
        names.skeletons(source, target),
        names.letters(source, target),
        names.initials(source, target),
        names.trigrams(source, target),
    ]
    for scores in found:
        assert scores.shape == (len(ours), len(theirs))
        assert np.isfinite(scores).all()
        assert scores.min() >= 0
        assert scores.max() <= 1 + 1e-6
