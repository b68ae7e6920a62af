"""Quarters and half years, and the parts of addresses; what may be read in two ways is not sure."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.proposal import Verdict
from lume_dagster_tests.mapper.convert.converting import field_of, values, ways
from lume_dagster_tests.mapper.generate.test_generate import by_path, draft_of
from lume_dagster_tests.mapper.samples import sample_of

BEGINS = field_of("starts_on", type="string", format="date", description="first day")
ENDS = field_of("ends_on", type="string", format="date", description="last day")


@pytest.mark.parametrize(
    ("texts", "first", "last"),
    [
        (["Q3 2024", "Q1 2023"], ["2024-07-01", "2023-01-01"], ["2024-09-30", "2023-03-31"]),
        (["2024-Q1", "2024-Q4"], ["2024-01-01", "2024-10-01"], ["2024-03-31", "2024-12-31"]),
        (["3Q2024", "4q2024"], ["2024-07-01", "2024-10-01"], ["2024-09-30", "2024-12-31"]),
        (["H1 2024", "H2/2023"], ["2024-01-01", "2023-07-01"], ["2024-06-30", "2023-12-31"]),
        (["2024 h2", None], ["2024-07-01", None], ["2024-12-31", None]),
    ],
)
def test_a_period_is_its_first_or_its_last_day(tmp_path, texts, first, last):
    assert values(tmp_path, BEGINS, texts) == first
    assert values(tmp_path, ENDS, texts) == last
    assert ways(tmp_path, BEGINS, {"x": texts * 4})[0].verdict is Verdict.AUTO


def test_which_day_is_meant_is_not_guessed(tmp_path):
    field = field_of("period", type="string", format="date")
    made = ways(tmp_path, field, {"x": ["Q3 2024", "Q1 2023"]})
    assert {one.verdict for one in made} <= {Verdict.REVIEW, Verdict.ABSTAIN}


@pytest.mark.parametrize(("name", "out"), [("quarter", ["3", "1"]), ("year", ["2024", "2023"])])
def test_a_quarter_has_a_number_and_a_year(tmp_path, name, out):
    assert values(tmp_path, field_of(name, type="integer"), ["Q3 2024", "Q1 2023"]) == out


@pytest.mark.parametrize("texts", [["Q5 2024"], ["Q3 2024", "soon"], ["FY24"], ["Q3"], ["H3 2024"]])
def test_what_is_no_period_is_not_read_as_one(tmp_path, texts):
    assert not any(one.kind == "period" for one in ways(tmp_path, BEGINS, {"x": texts}))


GERMAN = ["Hauptstr. 12, 53111 Bonn", "Am Alten Markt 3a, D-04109 Leipzig"]
AMERICAN = ["12 Main St, Springfield, IL 62704", "1600 Ocean Ave, Long Beach, CA 90802-1234"]
FRENCH = ["12 rue de Rivoli, 75001 Paris", "3, place du Marché, 69002 Lyon"]
BRITISH = ["12 High Street, London SW1A 1AA", "7 Mill Lane, Little Sodbury, B1 2CD"]


@pytest.mark.parametrize(
    ("texts", "name", "out"),
    [
        (GERMAN, "postal_code", ["53111", "04109"]),
        (GERMAN, "city", ["Bonn", "Leipzig"]),
        (GERMAN, "house_number", ["12", "3a"]),
        (GERMAN, "street_name", ["Hauptstr.", "Am Alten Markt"]),
        (GERMAN, "street_address", ["Hauptstr. 12", "Am Alten Markt 3a"]),
        (AMERICAN, "zip", ["62704", "90802-1234"]),
        (AMERICAN, "state", ["IL", "CA"]),
        (AMERICAN, "city", ["Springfield", "Long Beach"]),
        (AMERICAN, "house_number", ["12", "1600"]),
        (FRENCH, "city", ["Paris", "Lyon"]),
        (BRITISH, "postcode", ["SW1A 1AA", "B1 2CD"]),
        (["53111 Bonn", "04109 Leipzig"], "zip", ["53111", "04109"]),
        (["53111  Bonn ", "04109 Leipzig"], "city", ["Bonn", "Leipzig"]),
    ],
)
def test_a_part_of_an_address_is_taken(tmp_path, texts, name, out):
    made = ways(tmp_path, field_of(name, type="string"), {"address": texts * 4})[0]
    assert [row.after for row in made.shown] == out
    assert made.verdict is Verdict.AUTO


@pytest.mark.parametrize(
    ("column", "name", "verdict"),
    [
        ("billing_address", "billing_city", Verdict.AUTO),
        ("address", "birth_city", Verdict.REVIEW),
        ("shipping_address", "city", Verdict.REVIEW),
        ("shipping_address", "billing_zip", Verdict.REVIEW),
    ],
)
def test_a_part_of_what_may_be_another_address_is_not_sure(tmp_path, column, name, verdict):
    made = ways(tmp_path, field_of(name, type="string"), {column: GERMAN * 4})
    assert [one.verdict for one in made if one.kind == "part"] == [verdict]


def test_whether_the_number_belongs_to_the_street_is_for_a_person(tmp_path):
    made = ways(tmp_path, field_of("street", type="string"), {"address": GERMAN * 4})
    assert [one.verdict for one in made if one.kind == "part"] == [Verdict.REVIEW] * 2


@pytest.mark.parametrize(
    "texts",
    [GERMAN[:1], [*GERMAN, "somewhere"], [GERMAN[0], AMERICAN[0]], ["Bonn", "Leipzig"]],
)
def test_addresses_of_several_forms_are_not_taken_apart(tmp_path, texts):
    made = ways(tmp_path, field_of("city", type="string"), {"address": texts})
    assert not any(one.kind == "part" for one in made)


def test_one_column_of_addresses_feeds_several_fields(tmp_path):
    records = [{"id": n, "address": GERMAN[n % 2]} for n in range(8)]
    text = {"type": "string"}
    sample = sample_of(tmp_path, records)
    draft = draft_of(sample, tmp_path, {"postal_code": text, "city": text, "note": text})
    made = by_path(draft)
    assert made["city"].shown[1].after == "Leipzig"
    assert made["postal_code"].shown[0].after == "53111"
    assert made["note"].expression is None
