"""Texts of a known form, parts of texts, lists, lookups and constants."""

from __future__ import annotations

import json

import pytest

from lume_dagster.flows.model import Seed
from lume_dagster.mapper.proposal import Verdict
from lume_dagster_tests.mapper.convert.converting import field_of, values, ways

PHONE = field_of("phone", type="string", pattern=r"^\+[1-9]\d{6,14}$")
TEXT = field_of(type="string")
LIST = field_of(type="array", items={"type": "string"})


@pytest.mark.parametrize(
    ("keywords", "text", "value"),
    [
        ({"format": "email"}, " Ann@Example.COM ", "ann@example.com"),
        ({"format": "email"}, "mailto:ann@example.com", "ann@example.com"),
        ({"format": "email"}, "Ann Lee <ann@example.com>", "ann@example.com"),
        (
            {"format": "uuid"},
            "{6F9619FF8B86D011B42D00C04FC964FF}",
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        ),
        ({"format": "uri"}, "www.example.com/a", "https://www.example.com/a"),
        ({"pattern": r"^\d{5}$"}, "1234", "01234"),
        ({"pattern": "^[A-Z]{2}-\\d+$"}, "ab-12", "AB-12"),
        ({"pattern": r"^\d{13}$"}, "978-3-16-148410-0", "9783161484100"),
        ({}, "  a   b ", "a b"),
    ],
)
def test_a_text_takes_the_form_the_target_asks_for(tmp_path, keywords, text, value):
    assert values(tmp_path, field_of(type="string", **keywords), [text]) == [value]


@pytest.mark.parametrize(
    ("text", "country", "value"),
    [
        ("+49 (30) 123-4567", None, "+49301234567"),
        ("0049 30 1234567", None, "+49301234567"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("030 1234567", "DE", "+49301234567"),
        ("(202) 555-0123", "US", "+12025550123"),
    ],
)
def test_phones_become_international(tmp_path, text, country, value):
    assert values(tmp_path, PHONE, [text], country=country) == [value]


def test_a_country_of_phones_is_never_invented(tmp_path):
    assert ways(tmp_path, PHONE, {"x": ["030 1234567"] * 6}) == ()


def test_a_scheme_that_nobody_wrote_is_for_a_person(tmp_path):
    first = ways(tmp_path, field_of(type="string", format="uri"), {"x": ["example.com"] * 6})[0]
    assert first.verdict == Verdict.REVIEW


def test_null_words_of_a_text_are_null(tmp_path):
    assert values(tmp_path, TEXT, ["Ann", "N/A", "-", "?"]) == ["Ann", None, None, None]


@pytest.mark.parametrize(("name", "part"), [("first_name", "Ann"), ("last_name", "Lee")])
@pytest.mark.parametrize("text", ["Ann Lee", "Lee, Ann"])
def test_a_name_is_split(tmp_path, name, part, text):
    assert values(tmp_path, field_of(name, type="string"), [text]) == [part]


def test_names_of_three_words_are_for_a_person(tmp_path):
    field = field_of("first_name", type="string")
    assert ways(tmp_path, field, {"x": ["Ann Lee", "Mary Jane Watson"] * 5})[0].verdict == (
        Verdict.REVIEW
    )


def test_a_first_name_alone_is_taken_as_it_is(tmp_path):
    field = field_of("first_name", type="string")
    first = ways(tmp_path, field, {"fname": ["Ann", "Bob", "Cleo", "Dan", "Eve"]})[0]
    assert (first.expression, first.verdict) == ("fname", Verdict.AUTO)


def test_first_and_last_name_are_put_together_in_that_order(tmp_path):
    columns = {"last_name": ["Lee"], "first_name": ["Ann"]}
    first = ways(tmp_path, field_of("full_name", type="string"), columns)[0]
    assert first.shown[0].after == "Ann Lee"


@pytest.mark.parametrize(
    "text", ["a, b", "a|b", "a; b", "a ;b", '["a", "b"]', "['a', 'b']", "[a, b]"]
)
def test_lists_come_out_of_delimited_texts(tmp_path, text):
    assert json.loads(values(tmp_path, LIST, [text])[0]) == ["a", "b"]


def test_a_seed_is_looked_up(tmp_path):
    (tmp_path / "ports.csv").write_text("code,name\nHAM,Hamburg\nRTM,Rotterdam\n", encoding="utf-8")
    first = ways(
        tmp_path,
        field_of("port_name", type="string"),
        {"port": ["HAM", "RTM"] * 4},
        seeds={"ports": Seed(path="ports.csv", key="code")},
    )[0]
    assert first.expression == "lookup('ports', port, 'name')"
    assert first.verdict == Verdict.AUTO


def test_a_key_the_seed_does_not_know_is_told(tmp_path):
    (tmp_path / "ports.csv").write_text("code,name\nHAM,Hamburg\n", encoding="utf-8")
    first = ways(
        tmp_path,
        field_of("port_name", type="string"),
        {"port": ["HAM", "HAM", "XXX"]},
        seeds={"ports": Seed(path="ports.csv", key="code")},
    )[0]
    assert first.loss.failed_samples == ("XXX",)


def test_the_one_value_of_a_schema_needs_no_column(tmp_path):
    field = field_of(type="string", const="erp")
    assert ways(tmp_path, field, {"x": ["a"]})[0].expression == "'erp'"


@pytest.mark.parametrize("keywords", [{"type": "string"}, {"type": "integer"}])
def test_a_column_of_nothing_is_never_sure(tmp_path, keywords):
    found = ways(tmp_path, field_of(**keywords), {"x": [None, None]})
    assert all(w.verdict != Verdict.AUTO and w.probability <= 0.3 for w in found)


def test_one_record_is_enough_for_an_answer(tmp_path):
    assert values(tmp_path, field_of(type="integer"), ["7"]) == ["7"]


def test_what_a_person_says_is_right_decides(tmp_path):
    field = field_of(type="string", format="date")
    texts = ["01/02/2024", "03/04/2024"] * 3
    first = ways(tmp_path, field, {"x": texts}, examples={0: "2024-02-01", 1: "2024-04-03"})[0]
    assert first.expression == "parse_date(x, '%d/%m/%Y')"


def test_the_same_input_gives_the_same_proposals(tmp_path):
    columns = {"x": ["A", "I", "pending", "zzz"] * 3}
    field = field_of(type="string", enum=["active", "inactive", "pending"])
    found = [ways(tmp_path / str(n), field, columns) for n in range(2) if _made(tmp_path, n)]
    assert repr(found[0]) == repr(found[1])


def _made(folder, number):
    (folder / str(number)).mkdir()
    return True


def test_items_of_a_list_are_converted_one_by_one(tmp_path):
    records = [{"lines": [{"d": "31.01.2024"}, {"n": 1}]}, {"lines": [{"d": "30.01.2024"}]}]
    from lume_dagster.mapper.convert import convert
    from lume_dagster.mapper.trial import Trial
    from lume_dagster_tests.mapper.samples import sample_of, settings_of

    sample = sample_of(tmp_path, records)
    with Trial(settings_of(tmp_path), sample) as trial:
        field = field_of(type="string", format="date")
        first = convert(field, [sample.column("lines[].d")], trial)[0]
    assert first.expression == "parse_date(item.d, '%d.%m.%Y')"
    assert [s.after for s in first.shown] == ["2024-01-31", "2024-01-30"]


@pytest.mark.parametrize(
    ("name", "columns", "is_sure"),
    [
        ("customer_name", {"Vorname": "Ada", "Nachname": "Byron"}, True),
        ("address", {"street": "Main St", "house number": "7"}, True),
        ("customer_name", {"Bestell-Nr": "B-1", "Kunden-Nr": "K-7"}, False),
        ("customer_id", {"Nachname": "Byron", "PLZ": "10115"}, False),
        ("customer_id", {"first_name": "Ada", "last_name": "Byron"}, False),
        ("customer_name", {"first_name": "Ada", "city": "London"}, False),
    ],
)
def test_columns_are_put_together_where_their_names_and_the_fields_say_so(
    tmp_path, name, columns, is_sure
):
    given = {column: [f"{text}{n}" for n in range(6)] for column, text in columns.items()}
    best = ways(tmp_path, field_of(name, type="string"), given)[0]
    assert best.kind == "concat"
    assert (best.probability >= 0.8, best.review) == (is_sure, not is_sure)


def test_a_column_of_last_names_is_not_cut(tmp_path):
    field = field_of("last_name", type="string")
    names = ["van Dijk", "Ek", "de la Cruz", "van den Berg"]
    assert values(tmp_path, field, names, "Nachname") == names


@pytest.mark.parametrize("field", ["first_name", "last_name", "givenName"])
def test_a_part_of_a_name_is_not_put_together(tmp_path, field):
    columns = {"Vorname": ["Ann", "Bo"], "Nachname": ["Lee", "Ek"]}
    found = ways(tmp_path, field_of(field, type="string"), columns)
    assert all(one.probability < 0.8 for one in found if one.kind == "concat")


@pytest.mark.parametrize(("given", "sure"), [("First Name", True), ("Middle Name", False)])
def test_a_name_is_put_together_from_the_first_name_and_not_the_middle_one(tmp_path, given, sure):
    field = field_of("full_name", type="string", description="first and last name")
    parts = {
        given: ["Ann", "Bo", "Cy", "Di", "Ed"],
        "Last Name": ["Lee", "Ek", "Fox", "Moe", "Orr"],
    }
    assert (ways(tmp_path, field, parts)[0].probability > 0.9) is sure
