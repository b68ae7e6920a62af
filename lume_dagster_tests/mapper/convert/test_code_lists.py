"""Code lists and truth values: each value's meaning, and how sure it is."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.convert import Confidence, match_values
from lume_dagster.mapper.proposal import Verdict
from lume_dagster_tests.mapper.convert.converting import field_of, values, ways


def enum(*allowed, **keywords):
    return field_of(type="string", enum=list(allowed), **keywords)


@pytest.mark.parametrize(
    ("allowed", "pairs"),
    [
        (("open", "in_progress"), {"Open": "open", "In Progress": "in_progress"}),
        (("active", "inactive"), {"A": "active", "I": "inactive"}),
        (("male", "female"), {"M": "male", "weiblich": "female"}),
        (("DE", "US", "GB"), {"Deutschland": "DE", "USA": "US", "United Kingdom": "GB"}),
        (("USD", "EUR"), {"$": "USD", "Euro": "EUR"}),
        (("cancelled", "shipped"), {"canceled": "cancelled", "Dispatched": "shipped"}),
        (("PlayStation 4", "PlayStation 5"), {"PS4": "PlayStation 4", "PS5": "PlayStation 5"}),
        (("Human Resources", "Finance"), {"HR": "Human Resources", "Fin": "Finance"}),
        (("A+", "A-"), {"a+": "A+", "A -": "A-"}),
    ],
)
def test_values_are_found_by_case_initials_synonyms_and_codes(tmp_path, allowed, pairs):
    assert values(tmp_path, enum(*allowed), list(pairs)) == list(pairs.values())


def test_the_description_says_what_codes_mean(tmp_path):
    field = enum("Q", "W", description="Q = qualified, W = won")
    assert values(tmp_path, field, ["Qualified", "won"]) == ["Q", "W"]


def test_a_value_without_a_meaning_is_left_out_and_stays_an_error(tmp_path):
    first = ways(tmp_path, enum("red", "green"), {"x": ["Red", "GREEN", "mauve"] * 4})[0]
    assert "mauve" not in first.expression
    assert {c.value: c.mapped for c in first.codes} == {"Red": True, "GREEN": True, "mauve": False}
    assert (first.loss.failed, first.loss.failed_samples) == (4, ("mauve",))
    assert first.verdict == Verdict.REVIEW
    assert "What 'mauve' means is left to a person." in first.reasons


def test_confidence_is_a_word():
    codes = match_values(["red", "RED", "rde", "blu", "zzz"], ["red", "blue"], None)
    found = [c.confidence for c in codes]
    assert found[:2] == [Confidence.CONFIDENT, Confidence.CONFIDENT]
    assert found[3] in (Confidence.HIGH, Confidence.VERY_HIGH)
    assert found[4] == Confidence.INCORRECT


def test_two_that_fit_equally_well_are_not_sure():
    (code,) = match_values(["Sw"], ["switzerland", "sweden"], None)
    assert code.score < 0.7


def test_numbers_keep_their_distance():
    codes = match_values(["PS4", "level 2"], ["PlayStation 5", "level 3"], None)
    assert [c.mapped for c in codes] == [False, False]


def test_a_scorer_is_asked_for_what_spelling_does_not_tell():
    def scorer(value: str, allowed: str) -> float:
        return 0.9 if (value, allowed) == ("automobile", "car") else 0.0

    codes = match_values(["automobile", "Bus"], ["car", "bus"], None, scorer)
    assert [(c.target, c.mapped) for c in codes] == [("car", True), ("bus", True)]


def test_a_null_word_that_is_allowed_is_a_value(tmp_path):
    assert values(tmp_path, enum("none", "some"), ["None", "Some"]) == ["none", "some"]


def test_names_become_codes_where_the_pattern_asks_for_them(tmp_path):
    field = field_of("country", type="string", pattern="^[A-Z]{2}$")
    texts = ["Germany", "Österreich", "United States", "Côte d'Ivoire"]
    assert values(tmp_path, field, texts) == ["DE", "AT", "US", "CI"]


def test_namibia_is_no_null(tmp_path):
    field = field_of("country", type="string", pattern="^[A-Z]{2}$")
    assert values(tmp_path, field, ["NA", "ZA", "BW"]) == ["NA", "ZA", "BW"]


def test_na_among_codes_in_capitals_may_be_one_and_a_person_looks(tmp_path):
    first = ways(tmp_path, field_of(type="string"), {"x": ["GLU", "NA", "HGB", "K", "TSH"]})[0]
    assert first.review
    assert "'NA' is taken for no value." in first.reasons


def test_na_among_words_is_no_value_without_a_doubt(tmp_path):
    first = ways(tmp_path, field_of(type="string"), {"x": ["Ann Lee", "NA", "Bo Ek", "Cy Fox"]})[0]
    assert not first.review


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("Y", "N"),
        ("ja", "nein"),
        ("oui", "non"),
        ("sí", "no"),
        ("1", "0"),
        ("on", "off"),
        ("1.0", "0.0"),
        ("-1", "0"),
        ("Enabled", "Disabled"),
        ("✓", "✗"),
        ("paid", "unpaid"),
    ],
)
def test_yes_and_no_in_every_spelling(tmp_path, true, false):
    field = field_of("paid", type="boolean")
    assert values(tmp_path, field, [true, false]) == ["true", "false"]


def test_names_that_say_the_opposite_are_for_a_person(tmp_path):
    field = field_of("is_active", type="boolean")
    first, second, *_ = ways(tmp_path, field, {"disabled": ["yes", "no"] * 5})
    assert first.expression == "NOT parse_boolean(disabled)"
    assert Verdict.AUTO not in (first.verdict, second.verdict)


def test_a_mark_or_nothing_is_for_a_person(tmp_path):
    first = ways(tmp_path, field_of(type="boolean"), {"x": ["x", None, "x", None, "x", None]})[0]
    assert (first.expression, first.verdict) == ("squash(x) IS NOT NULL", Verdict.REVIEW)


def test_a_third_value_beside_yes_and_no_stays_an_error(tmp_path):
    first = ways(tmp_path, field_of(type="boolean"), {"x": ["1", "0", "2"] * 4})[0]
    assert first.loss.failed == 4
    assert first.verdict != Verdict.AUTO
