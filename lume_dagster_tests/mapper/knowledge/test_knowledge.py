"""Short forms, synonyms, and what people have said before."""

from __future__ import annotations

from collections import Counter

from lume_dagster.mapper.knowledge import Knowledge, default_knowledge, plain_name


def test_short_forms_are_written_out_and_empty_words_left_out():
    assert default_knowledge().expand(["dt", "of", "dlv"]) == ["date", "delivery"]


def test_a_name_of_empty_words_stays():
    assert default_knowledge().expand(["of", "the"]) == ["of", "the"]


def test_no_word_stands_for_itself():
    short = default_knowledge().abbreviations
    assert [word for word, long in short.items() if long == (word,)] == []


def test_every_group_of_synonyms_has_two_words_at_least_and_is_there_once():
    groups = default_knowledge().synonyms
    assert min(map(len, groups)) >= 2
    assert [group for group, count in Counter(groups).items() if count > 1] == []


def test_what_is_remembered_changes_the_digest():
    before = default_knowledge()
    after = before.remembering([("KD-NR", "customer.id")])
    assert after.same_names == {("kdnr", "customerid")}
    assert before.digest != after.digest
    assert before.digest == before.remembering([]).digest


def test_a_plain_name_has_no_case_and_no_punctuation():
    assert plain_name("lines[].SKU-No_1") == "linesskuno1"


def test_one_can_bring_knowledge_of_ones_own():
    assert Knowledge(abbreviations={"kd": ("kunde",)}).expand(["kd"]) == ["kunde"]


def test_words_that_are_one_only_together_are_joined():
    assert default_knowledge().expand(["e", "mail"]) == ["email"]


def test_words_that_are_known_apart_stay_apart():
    assert default_knowledge().expand(["first", "name"]) == ["first", "name"]
