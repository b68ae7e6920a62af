"""Headers in other languages: which language they are in, and what they mean."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match.names import are_letters, read_names


def meant(*headers):
    return read_names(headers, headers, default_knowledge()).long


@pytest.mark.parametrize(
    ("headers", "meanings"),
    [
        (("Kundennr", "Straße", "Geburtsdatum"), ("customer number", "street", "birth date")),
        (("Waehrung", "Rechnungsbetrag", "Menge"), ("currency", "invoice amount", "quantity")),
        (("prénom", "ville", "date de naissance"), ("first name", "city", "date birth")),
        (("fecha_nacimiento", "ciudad", "precio"), ("date birth", "city", "price")),
        (("Inquilino", "Canone mensile", "Scadenza"), ("tenant", "rent monthly", "expiry")),
        (("Doador", "Morada", "Telemóvel"), ("donor", "address", "mobile")),
        (("Laadplaats", "Ontvanger", "Vracht"), ("pickup city", "recipient", "freight")),
        (("Förnamn", "Postnr", "Månad"), ("first name", "postal code", "month")),
        (("Miejscowość", "Płatność", "Ulica"), ("city", "payment", "street")),
        (("Fødselsdato", "Beløb", "Kundenr"), ("birth date", "amount", "customer number")),
    ],
)
def test_headers_of_a_language_are_read_in_it(headers, meanings):
    assert [" ".join(words) for words in meant(*headers)] == list(meanings)


def test_one_foreign_word_among_english_ones_changes_nothing():
    assert meant("note", "art", "price", "customer_name", "stand")[0] == ("note",)


def test_few_words_tell_a_language_where_fewer_are_english():
    headers = ("Obj.", "Straße", "PLZ", "Ort", "Bj.", "EEK", "Wfl.", "x1", "x2", "x3", "x4", "x5")
    assert meant(*headers)[3] == ("city",)


def test_a_word_written_as_in_english_tells_nothing_of_the_language():
    assert meant("code", "region", "score", "bank", "art")[4] == ("art",)


def test_a_name_beside_a_first_name_is_the_last_name():
    assert meant("prénom", "nom", "ville")[1] == ("last", "name")
    assert meant("nom", "ville", "pays")[0] == ("name",)


def test_names_written_together_are_taken_apart_where_both_parts_are_known():
    knowledge = default_knowledge()
    assert knowledge.expand(["custname"]) == ["customer", "name"]
    assert knowledge.expand(["candidate"]) == ["candidate"]


def test_letters_above_a_spreadsheet_are_no_names():
    assert are_letters(["A", "C", "B"])
    assert not are_letters(["A", "Z", "B"])
    assert not are_letters(["x", "y"])


def test_words_are_known_in_other_forms_and_where_they_are_cut_short():
    assert meant("Pagada", "Fecha", "Cliente")[0] == ("paid",)
    assert meant("Abt.", "Vorname", "Nachname")[0] == ("department",)
    assert meant("Geb.", "Vorname", "Nachname")[0] == ("geb",)  # Geburt or Gebühr
