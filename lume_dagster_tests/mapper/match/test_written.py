"""Headers as people write them: accents, signs, units."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.match import match_names
from lume_dagster.mapper.match.names import words_of
from lume_dagster.mapper.match.written import without_units


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Nº Factura", ["no", "factura"]),
        ("N° client", ["no", "client"]),
        ("Tél.", ["tel"]),
        ("% IVA", ["percent", "iva"]),
        ("Item #", ["item", "number"]),
        ("Größe", ["große"]),
    ],
)
def test_signs_are_words_and_accents_are_none(header, words):
    assert words_of(header) == words


@pytest.mark.parametrize(
    ("header", "bare", "family"),
    [
        ("Weight (lbs)", "Weight", "mass"),
        ("weight_kg", "weight", "mass"),
        ("lead_time_days", "lead_time", "time"),
        ("batt_mV", "batt", "voltage"),
        ("CA annuel (k€)", "CA annuel", "count"),
        ("Actif (O/N)", "Actif", ""),
        ("working_hours", "working_hours", "time"),  # hours are what it holds
        ("Miles_per_Gallon", "Miles_per_Gallon", ""),
        ("kg", "kg", "mass"),
        ("temp_min", "temp_min", "time"),  # not minutes, but nobody cuts them
        ("Story Points (estimate)", "Story Points (estimate)", ""),
    ],
)
def test_a_unit_is_left_out_where_another_word_stays(header, bare, family):
    assert without_units([header]) == ([bare], [family])


def test_names_that_differ_in_the_unit_alone_keep_it():
    assert without_units(["price_eur", "price_usd", "weight_kg"])[0] == [
        "price_eur", "price_usd", "weight",
    ]  # fmt: skip


def test_a_header_finds_the_field_of_another_unit_and_not_of_another_measure():
    source = [("Weight (lbs)", "", ["1.5", "2"]), ("Length (in)", "", ["3", "4.25"])]
    target = [("length_cm", "", []), ("weight_kg", "", [])]
    assert [one.column for one in match_names(source, target)] == ["Length (in)", "Weight (lbs)"]
