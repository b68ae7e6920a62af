"""Dates and points in time out of texts, without examples."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.proposal import Verdict
from lume_dagster_tests.mapper.convert.converting import field_of, values, ways

DATE = field_of(type="string", format="date")
MOMENT = field_of(type="string", format="date-time")
TIME = field_of(type="string", format="time")


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (["2024-01-31"], "2024-01-31"),
        (["31/01/2024"], "2024-01-31"),
        (["1/31/2024"], "2024-01-31"),
        (["31.1.24"], "2024-01-31"),
        (["2024/01/31"], "2024-01-31"),
        (["20240131"], "2024-01-31"),
        (["31-JAN-24"], "2024-01-31"),
        (["January 31, 2024"], "2024-01-31"),
        (["Wed, 31 Jan 2024"], "2024-01-31"),
        (["31st January 2024"], "2024-01-31"),
        (["31. Januar 2024"], "2024-01-31"),
        (["31 janv. 2024"], "2024-01-31"),
        (["31 de enero de 2024"], "2024-01-31"),
        (["45322"], "2024-01-31"),
        (["1706659200"], "2024-01-31"),
        (["2024-W05-3"], "2024-01-31"),
        (["2024-01-31T00:00:00"], "2024-01-31"),
    ],
)
def test_a_day_is_read_however_it_is_written(tmp_path, texts, day):
    assert values(tmp_path, DATE, texts) == [day]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31T13:45:00Z", "2024-01-31 13:45:00"),
        ("2024-01-31T15:45:00+02:00", "2024-01-31 13:45:00"),
        ("1/31/2024 1:45 PM", "2024-01-31 13:45:00"),
        ("31.01.2024, 13:45:00", "2024-01-31 13:45:00"),
        ("31/Jan/2024:13:45:00 +0000", "2024-01-31 13:45:00"),
        ("1706708700", "2024-01-31 13:45:00"),
        ("1706708700000", "2024-01-31 13:45:00"),
        ("20240131134500", "2024-01-31 13:45:00"),
        ("45322.572916667", "2024-01-31 13:45:00"),
        ("2024-01-31", "2024-01-31 00:00:00"),
    ],
)
def test_a_point_in_time_is_read_however_it_is_written(tmp_path, text, moment):
    assert values(tmp_path, MOMENT, [text]) == [moment]


@pytest.mark.parametrize("text", ["1:45 PM", "13:45", "13.45", "1345", "13:45:00"])
def test_a_time_of_day_is_read_however_it_is_written(tmp_path, text):
    assert values(tmp_path, TIME, [text]) == ["13:45:00"]


def test_a_value_over_twelve_decides_and_says_so(tmp_path):
    first = ways(tmp_path, DATE, {"x": ["01/02/2024"] * 5 + ["31/01/2024"]})[0]
    assert first.expression == "parse_date(x, '%d/%m/%Y')"
    assert first.verdict == Verdict.AUTO
    assert "'31/01/2024' can only be read with the day first." in first.reasons


@pytest.mark.parametrize("mark", ["/", "-", "."])
def test_days_up_to_twelve_are_never_sure_and_both_readings_are_shown(tmp_path, mark):
    texts = [f"{n:02}{mark}{n % 12 + 1:02}{mark}2024" for n in range(1, 13)]
    first, second, *_ = ways(tmp_path, DATE, {"x": texts})
    assert (first.verdict, second.verdict == Verdict.AUTO) == (Verdict.REVIEW, False)
    formats = {f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"}
    assert {e.expression.split("'")[1] for e in (first, second)} == formats
    assert "cannot be told apart" in first.reasons[0]


def test_another_column_of_the_file_decides(tmp_path):
    low = ["01/02/2024", "03/04/2024", "05/06/2024", "07/08/2024", "09/10/2024"]
    other = ["01/31/2024", "02/28/2024", "03/30/2024", "04/15/2024", "05/05/2024"]
    first = ways(tmp_path, DATE, {"x": low}, beside={"shipped": other})[0]
    assert first.expression == "parse_date(x, '%m/%d/%Y')"
    assert "The column shipped has the month first." in first.reasons


def test_mixed_formats_are_listed_the_most_frequent_first(tmp_path):
    texts = ["2024-01-31", "2024-02-01", "31.03.2024"]
    first = ways(tmp_path, DATE, {"x": texts})[0]
    assert first.expression == "parse_date(x, '%Y-%m-%d', '%d.%m.%Y')"


def test_both_orders_in_one_column_are_for_a_person(tmp_path):
    first = ways(tmp_path, DATE, {"x": ["31/01/2024", "01/31/2024", "30/01/2024"]})[0]
    assert first.verdict != Verdict.AUTO
    assert first.loss.failed == 1


def test_texts_that_mean_no_date_become_null_and_lose_nothing(tmp_path):
    texts = ["31.01.2024", "N/A", "0000-00-00", "unbekannt", None] + ["30.01.2024"] * 4
    first = ways(tmp_path, DATE, {"x": texts})[0]
    assert first.expression.startswith("parse_date(null_if(x, ")
    assert (first.loss.failed, first.loss.new_nulls, first.verdict) == (0, 0, Verdict.AUTO)


def test_a_time_of_day_that_is_dropped_is_a_loss(tmp_path):
    first = ways(tmp_path, DATE, {"x": ["2024-01-31 13:45:00"] * 6})[0]
    assert first.loss.dropped == ("The time of day is dropped.",)
    assert first.verdict == Verdict.REVIEW


@pytest.mark.parametrize("texts", [["1998"] * 6, ["Jan 2024"] * 6, ["2024-W05"] * 6])
def test_a_day_that_nobody_wrote_is_for_a_person(tmp_path, texts):
    assert ways(tmp_path, DATE, {"x": texts})[0].verdict == Verdict.REVIEW


def test_a_birthday_with_two_digits_of_a_year_is_for_a_person(tmp_path):
    field = field_of("birth_date", type="string", format="date")
    assert ways(tmp_path, field, {"x": ["12/31/82"] * 6})[0].verdict == Verdict.REVIEW


def test_a_text_is_written_as_the_target_writes_dates(tmp_path):
    field = field_of("booked", type="string", examples=["2024/03/25"], description="date")
    assert values(tmp_path, field, ["31.01.2024"]) == ["2024/01/31"]


def test_a_date_and_a_time_column_make_a_point_in_time(tmp_path):
    columns = {"Date": ["31/01/2024"] * 5, "Time": ["1:45 PM"] * 5}
    first = ways(tmp_path, MOMENT, columns)[0]
    assert first.shown[0].after == "2024-01-31 13:45:00"
    assert first.sources == ("Date", "Time")


def test_year_month_and_day_make_a_date(tmp_path):
    columns = {"Day": ["31"], "Month": ["1"], "Year": ["2024"]}
    assert ways(tmp_path, DATE, columns)[0].shown[0].after == "2024-01-31"


def test_words_are_no_dates(tmp_path):
    assert all(w.probability < 0.2 for w in ways(tmp_path, DATE, {"x": ["red", "green"]}))


def test_of_days_that_read_the_same_both_ways_the_usual_order_is_taken(tmp_path):
    first = ways(tmp_path, DATE, {"Year": ["1970-01-01 00:00:00", "1971-01-01 00:00:00"]})[0]
    assert "%Y-%d-%m" not in first.expression


def test_digits_alone_down_to_the_minute_are_a_moment_and_no_milliseconds(tmp_path):
    texts = ["202402140715", "202402151009"]
    assert values(tmp_path, MOMENT, texts) == ["2024-02-14 07:15:00", "2024-02-15 10:09:00"]


def test_digits_that_are_no_time_of_day_are_milliseconds(tmp_path):
    first = ways(tmp_path, MOMENT, {"x": ["1709280000000", "1709280060000"]})[0]
    assert "milliseconds since 1970" in first.reasons[0]


def test_who_writes_am_and_pm_writes_the_month_first_but_a_person_looks(tmp_path):
    first = ways(tmp_path, MOMENT, {"x": ["3/4/2024 8:02 AM", "3/5/2024 5:35 PM"]})[0]
    assert first.shown[0].after == "2024-03-04 08:02:00"
    assert first.review
