"""Numbers out of texts: marks, units, shares, and what is lost."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.proposal import Verdict
from lume_dagster_tests.mapper.convert.converting import field_of, values, ways

NUMBER = field_of(type="number")
INTEGER = field_of(type="integer")


def target(description="", name="f", **keywords):
    return field_of(name, **{"type": "number", "description": description, **keywords})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", "1234.5"),
        ("1,234.50", "1234.5"),
        ("1.234,50 €", "1234.5"),
        ("1 234,50", "1234.5"),
        ("1'234.50", "1234.5"),
        ("US$ 1,234.50", "1234.5"),
        ("USD 1,234.50", "1234.5"),
        ("(1,234.50)", "-1234.5"),
        ("1,234.50-", "-1234.5"),
        ("-$1,234.50", "-1234.5"),
        ("$1.2M", "1200000.0"),
        ("$2.8 billion", "2800000000.0"),
        ("2,8 Mrd. €", "2800000000.0"),
        ("850K", "850000.0"),
        ("1st", "1.0"),
        ("1e3", "1000.0"),
    ],
)
def test_a_number_is_read_however_it_is_written(tmp_path, text, number):
    assert values(tmp_path, NUMBER, [text]) == [number]


@pytest.mark.parametrize(
    ("texts", "name", "field", "number"),
    [
        (["27.85"], "runtime_min", target("", "seconds", type="integer"), "1671"),
        (["27.85 min"], "x", target("Duration in seconds", type="integer"), "1671"),
        (["1h 30min"], "x", target("Duration in minutes"), "90.0"),
        (["1 hr 30 mins"], "x", target("Duration in seconds"), "5400.0"),
        (["1:02:03"], "x", target("Duration in seconds", type="integer"), "3723"),
        (["PT1H2M"], "x", target("Duration in seconds", type="integer"), "3720"),
        (["150"], "weight_lb", target("", "weight_kg"), "68.0388555"),
        (["10 oz"], "x", target("", "weight_g"), "283.49523125"),
        (["5'11\""], "x", target("Height in cm"), "180.34"),
        (["212 °F"], "x", target("Temperature in Celsius"), "100.0"),
        (["90"], "length (sec)", target("", "length_minutes"), "1.5"),
        (["1200"], "price_cents", target("Price in euros"), "12.0"),
        (["350"], "Profit (in thousands)", target("Profit in dollars"), "350000.0"),
        (["12.5%"], "x", target(maximum=1), "0.125"),
        (["12.5%"], "x", target(maximum=100), "12.5"),
        (["12.5"], "vat_pct", target(maximum=1), "0.125"),
        (["87/100"], "x", target(maximum=100), "87.0"),
        (["$950 million"], "x", target("Revenue in billions of dollars"), "0.95"),
    ],
)
def test_units_that_are_stated_are_converted(tmp_path, texts, name, field, number):
    assert values(tmp_path, field, texts, name) == [number]


def test_a_decimal_comma_is_told_by_another_column(tmp_path):
    texts = ["1.234", "2.500", "3.125", "4.000", "5.750"]
    first = ways(tmp_path, NUMBER, {"x": texts}, beside={"y": ["1,5", "2,25", "3,1", "4,0", "5"]})[
        0
    ]
    assert first.expression == "parse_number(x, ',')"


@pytest.mark.parametrize("texts", [["1.234", "2.500"], ["1,234", "2,500"]])
def test_three_digits_after_one_mark_are_never_sure(tmp_path, texts):
    first = ways(tmp_path, NUMBER, {"x": texts * 5})[0]
    assert first.verdict == Verdict.REVIEW
    assert any("no value tells" in reason for reason in first.reasons)


def test_three_digits_after_one_mark_are_thousands_where_whole_numbers_are_wanted(tmp_path):
    assert values(tmp_path, INTEGER, ["1.234", "12"]) == ["1234", "12"]


def test_rounding_is_a_loss_and_never_taken_without_a_look(tmp_path):
    first = ways(tmp_path, INTEGER, {"x": ["27.85", "3.5", "2.0"] * 4})[0]
    assert first.loss.dropped == ("Decimals are rounded.",)
    assert first.verdict == Verdict.REVIEW


def test_minutes_are_not_taken_for_seconds_though_the_schema_would_allow_it(tmp_path):
    field = target("Duration in seconds", type="integer")
    first, *others = ways(tmp_path, field, {"runtime_min": ["27", "3", "12"] * 4})
    assert first.expression == "parse_number(runtime_min) * 60"
    assert all(o.probability < 0.2 for o in others if o.expression == "runtime_min")


@pytest.mark.parametrize(
    ("name", "field"),
    [("weight", target("", "weight_kg")), ("weight_kg", target("", "weight"))],
)
def test_a_unit_that_one_side_alone_states_is_for_a_person(tmp_path, name, field):
    first = ways(tmp_path, field, {name: ["12.5", "80"] * 6})[0]
    assert (first.expression, first.verdict) == (name, Verdict.REVIEW)


def test_a_unit_nobody_asked_for_is_not_dropped_without_a_word(tmp_path):
    first = ways(tmp_path, NUMBER, {"x": ["12 kg", "80 kg"] * 6})[0]
    assert first.loss.dropped[0].startswith("The unit kg is dropped")
    assert first.verdict == Verdict.REVIEW


def test_several_currencies_are_a_loss(tmp_path):
    first = ways(tmp_path, NUMBER, {"x": ["€ 12.00", "$ 15.00"] * 6})[0]
    assert first.loss.dropped == ("Several currencies are mixed: EUR, USD.",)


def test_minutes_or_hours_before_the_colon_are_two_readings(tmp_path):
    field = target("Length in seconds", type="integer")
    first, second, *_ = ways(tmp_path, field, {"x": ["3:45", "10:12"] * 5})
    assert {first.shown[0].after, second.shown[0].after} == {"225", "13500"}
    assert Verdict.AUTO not in (first.verdict, second.verdict)


def test_what_stands_beside_a_number_is_dropped_only_with_a_look(tmp_path):
    first = ways(tmp_path, INTEGER, {"x": ["~500", "ca. 80", "35 [1]"] * 4})[0]
    assert first.verdict == Verdict.REVIEW
    assert [s.after for s in first.shown] == ["500", "80", "35"]


def test_texts_that_mean_no_number_become_null(tmp_path):
    assert values(tmp_path, NUMBER, ["7.5", "tbd", "-", "n/a"]) == ["7.5", None, None, None]


@pytest.mark.parametrize(
    ("word", "verdict"), [("n/a", Verdict.AUTO), ("x", Verdict.REVIEW), ("free", Verdict.REVIEW)]
)
def test_a_word_that_may_be_meant_becomes_null_only_with_a_look(tmp_path, word, verdict):
    best = ways(tmp_path, INTEGER, {"c": [word, *map(str, range(4, 24))]})[0]
    assert (best.expression, best.verdict) == (f"null_if(c, '{word}')", verdict)
    assert any("taken for no value" in reason for reason in best.reasons) is (
        verdict is Verdict.REVIEW
    )


def test_a_typed_column_is_taken_as_it_is(tmp_path):
    assert ways(tmp_path, INTEGER, {"x": [1, 2, 3, 4, 5, 6]})[0].expression == "x"


def test_latitude_and_longitude_are_parts_of_one_text(tmp_path):
    texts = ["48.1371, 11.5754"] * 5
    for name, part in (("latitude", "48.1371"), ("longitude", "11.5754")):
        assert values(tmp_path, field_of(name, type="number"), texts)[0] == part


@pytest.mark.parametrize(
    ("texts", "name", "field", "number"),
    [
        (["3629"], "batt_mV", target("", "battery_v"), "3.629"),
        (["12,5"], "CA annuel (k€)", target("yearly revenue in EUR"), "12500.0"),
        (["2"], "area (ha)", target("", "area_sqm"), "20000.0"),
        (["1013"], "p (hPa)", target("", "pressure_bar (bar)"), "1.013"),
    ],
)
def test_units_stand_in_names_as_people_write_them(tmp_path, texts, name, field, number):
    assert values(tmp_path, field, texts, name) == [number]
