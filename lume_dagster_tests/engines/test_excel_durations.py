"""Hours of a day and more in a sheet are hours, and dates of 1900 are dates."""

from __future__ import annotations

import datetime as dt
import io

import openpyxl
import pytest

from lume_dagster.errors import BatchError

ELAPSED, DATE = "[h]:mm:ss", "yyyy-mm-dd hh:mm:ss"


def formatted(*rows, above=0, before=0):
    """A workbook of one column ``a``: values with their number formats, and where it begins."""
    book = openpyxl.Workbook()
    place = {"column": before + 1}
    book.active.cell(above + 1, value="a", **place)
    for number, (value, shown) in enumerate(rows, above + 2):
        cell = book.active.cell(number, value=value, **place)
        cell.number_format = shown
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (26.5, "26:30:00"),
        (24, "24:00:00"),
        (1.5, "01:30:00"),
        (1000, "1000:00:00"),
        (10_000.25, "10000:15:00"),
        (-1.5, "-01:30:00"),
        (-26.5, "-26:30:00"),
        (24 + 1.25 / 3600, "24:00:01.250"),
    ],
)
def test_hours_of_a_day_and_more_are_hours(stage, hours, text):
    span = dt.timedelta(hours=hours)
    for content in (
        formatted((span, ELAPSED)),
        formatted(("x", "@"), (span, ELAPSED), (7, "0"), (None, "@"), above=3, before=2),
    ):
        assert (text,) in stage({"a.xlsx": content}).values


def test_what_stands_beside_hours_stays_what_it_is(stage):
    span, text = dt.timedelta(hours=26), "1900-01-02 03:00:00"
    content = formatted((span, ELAPSED), (text, "@"), (5.5, "0.0"), (True, "General"))
    assert stage({"a.xlsx": content}).values == [("26:00:00",), (text,), ("5.5",), ("true",)]


def test_dates_of_1900_stay_dates(stage):
    days = [dt.datetime(1900, 3, 5), dt.datetime(1945, 5, 8), dt.datetime(2024, 2, 29)]
    content = formatted(*((day, DATE) for day in days))
    assert stage({"a.xlsx": content}).values == [(str(day),) for day in days]


def test_dates_above_hours_stay_dates(stage):
    content = formatted((dt.datetime(2024, 2, 29), DATE), (dt.timedelta(hours=26), ELAPSED))
    assert stage({"a.xlsx": content}).values == [("2024-02-29 00:00:00",), ("26:00:00",)]


def test_dates_below_hours_are_refused_with_the_row(stage):
    content = formatted((dt.timedelta(hours=26), ELAPSED), (dt.datetime(1900, 3, 5), DATE))
    told = r"dates and hours of a day and more.*'a': what stands in row 2 .*\n.*number format"
    with pytest.raises(BatchError, match=told):
        stage({"a.xlsx": content})
