"""Conversions: what is accepted, what it becomes, by which code the rest is refused."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster_tests.plan.mapping import flow_of, run

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
MONEY = {"type": "number", "multipleOf": 0.01}
BOOLEAN = {"type": "boolean"}
DATE = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
TIME = {"type": "string", "format": "time"}
UUID = {"type": "string", "format": "uuid"}

ACCEPTED = [
    (INTEGER, "42", 42),
    (INTEGER, " -7 ", -7),
    (INTEGER, "+5", 5),
    (INTEGER, "2.0", 2),
    (INTEGER, "9223372036854775807", 9223372036854775807),
    (NUMBER, "1.5", 1.5),
    (NUMBER, "-.5", -0.5),
    (NUMBER, "1e3", 1000.0),
    (MONEY, "12.5", Decimal("12.50")),
    (MONEY, "12.3400", Decimal("12.34")),
    (BOOLEAN, "TRUE", True),
    (BOOLEAN, " false ", False),
    (DATE, "2024-02-29", dt.date(2024, 2, 29)),
    (DATE, "0001-01-01", dt.date.min),
    (DATE, "1582-10-10", dt.date(1582, 10, 10)),
    (DATE, "9999-12-31", dt.date.max),
    (MOMENT, "9999-12-31T23:59:59.999999Z", dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    (MOMENT, "2024-02-29T10:20:30", dt.datetime(2024, 2, 29, 10, 20, 30)),
    (MOMENT, "2024-02-29 10:20", dt.datetime(2024, 2, 29, 10, 20)),
    (MOMENT, "2024-02-29T10:20:30Z", dt.datetime(2024, 2, 29, 10, 20, 30)),
    (MOMENT, "2024-02-29T10:20:30+02:00", dt.datetime(2024, 2, 29, 8, 20, 30)),
    (TIME, "10:20:30", dt.time(10, 20, 30)),
]

REFUSED = [
    (INTEGER, "1.5", "INVALID_INTEGER"),
    (INTEGER, "1e3", "INVALID_INTEGER"),
    (INTEGER, "1_000", "INVALID_INTEGER"),
    (INTEGER, "0x1F", "INVALID_INTEGER"),
    (INTEGER, "9223372036854775808", "INVALID_INTEGER"),
    (INTEGER, "twelve", "INVALID_INTEGER"),
    (NUMBER, "nan", "INVALID_NUMBER"),
    (NUMBER, "inf", "INVALID_NUMBER"),
    (NUMBER, "1e999", "INVALID_NUMBER"),
    (NUMBER, "1,5", "INVALID_NUMBER"),
    (NUMBER, ".", "INVALID_NUMBER"),
    (MONEY, "12.345", "INVALID_NUMBER"),
    (MONEY, "12345678901234567890", "INVALID_NUMBER"),
    (BOOLEAN, "t", "INVALID_BOOLEAN"),
    (BOOLEAN, "1", "INVALID_BOOLEAN"),
    (DATE, "2023-02-29", "INVALID_DATE_FORMAT"),
    (DATE, "2024-1-5", "INVALID_DATE_FORMAT"),
    (DATE, "epoch", "INVALID_DATE_FORMAT"),
    (DATE, "2024-02-29 10:00:00", "INVALID_DATE_FORMAT"),
    (MOMENT, "2024-02-29", "INVALID_TIMESTAMP_FORMAT"),
    (MOMENT, "2024-02-29T25:00:00", "INVALID_TIMESTAMP_FORMAT"),
    (DATE, "0000-01-01", "INVALID_DATE_FORMAT"),
    (DATE, "10000-01-01", "INVALID_DATE_FORMAT"),
    (MOMENT, "2024-02-29T24:00:00", "INVALID_TIMESTAMP_FORMAT"),
    (MOMENT, "0000-12-31T00:00:00", "INVALID_TIMESTAMP_FORMAT"),
    (MOMENT, "0001-01-01T00:00:00+14:00", "INVALID_TIMESTAMP_FORMAT"),
    (MOMENT, "9999-12-31T23:59:59-12:00", "INVALID_TIMESTAMP_FORMAT"),
    (TIME, "24:00:00", "INVALID_TIME_FORMAT"),
    (TIME, "25:00:00", "INVALID_TIME_FORMAT"),
    (UUID, "not-a-uuid", "INVALID_UUID"),
]


@pytest.mark.parametrize(("schema", "text", "value"), ACCEPTED)
def test_a_text_that_is_written_as_one_becomes_the_value(schema, text, value):
    outcome = run(flow_of({"y": schema}, {"y": "x"}), [[text]])
    assert [r["y"] for r in outcome.mapped] == [value]


@pytest.mark.parametrize(("schema", "text", "code"), REFUSED)
def test_a_text_that_is_not_written_as_one_is_an_error_of_the_field(schema, text, code):
    outcome = run(flow_of({"y": schema}, {"y": "x"}), [[text]])
    assert outcome.codes == [[("y", code)]]
    assert outcome.rejects[0]["errors"][0]["value"] == text
    assert outcome.rejects[0]["original"] == {"x": text}


@pytest.mark.parametrize("schema", [INTEGER, NUMBER, MONEY, BOOLEAN, DATE, MOMENT, TIME, UUID])
def test_nothing_becomes_nothing(schema):
    outcome = run(flow_of({"y": schema}, {"y": "x"}), [[None], [""]])
    assert [r["y"] for r in outcome.mapped] == [None, None]


@pytest.mark.parametrize(
    ("schema", "kind", "given", "expected"),
    [
        (INTEGER, "DOUBLE", 2.0, 2),
        (INTEGER, "DECIMAL(10,2)", Decimal("3.00"), 3),
        (MONEY, "DOUBLE", 0.1 + 0.2, Decimal("0.30")),
        (MONEY, "DOUBLE", 1000000.1 - 1000000, Decimal("0.10")),
        (MONEY, "DOUBLE", sum([123456.78] * 1000), Decimal("123456780.00")),
        (NUMBER, "BIGINT", 9007199254740992, 9007199254740992.0),
        (NUMBER, "BIGINT", -(2**63), -(2.0**63)),
        (DATE, "TIMESTAMP", dt.datetime(2024, 1, 2), dt.date(2024, 1, 2)),
        (MOMENT, "DATE", dt.date(2024, 1, 2), dt.datetime(2024, 1, 2)),
        ({"type": "string"}, "INTEGER", 5, "5"),
    ],
)
def test_a_typed_value_is_converted_where_nothing_is_lost(schema, kind, given, expected):
    outcome = run(flow_of({"y": schema}, {"y": "x"}), [[given]], types=[kind])
    assert [r["y"] for r in outcome.mapped] == [expected]


@pytest.mark.parametrize(
    ("schema", "kind", "given", "code"),
    [
        (INTEGER, "DOUBLE", 2.5, "INVALID_INTEGER"),
        (NUMBER, "DOUBLE", float("nan"), "INVALID_NUMBER"),
        (MONEY, "DOUBLE", 0.305, "NOT_MULTIPLE_OF"),
        ({"type": "number", "multipleOf": 1e-12}, "DOUBLE", 5e-13, "NOT_MULTIPLE_OF"),
        (NUMBER, "BIGINT", 9007199254740993, "INVALID_NUMBER"),
        (NUMBER, "BIGINT", -9007199254740993, "INVALID_NUMBER"),
        (NUMBER, "HUGEINT", 2**127 - 1, "INVALID_NUMBER"),
        (MONEY, "DECIMAL(10,3)", Decimal("0.305"), "NOT_MULTIPLE_OF"),
        (DATE, "TIMESTAMP", dt.datetime(2024, 1, 2, 3), "INVALID_DATE_FORMAT"),
    ],
)
def test_a_typed_value_is_refused_where_something_would_be_lost(schema, kind, given, code):
    outcome = run(flow_of({"y": schema}, {"y": "x"}), [[given]], types=[kind])
    assert outcome.codes == [[("y", code)]]


THOUSANDTHS = st.lists(st.integers(-(10**15), 10**15), min_size=20, max_size=60)


@settings(max_examples=20, deadline=None)
@given(THOUSANDTHS)
def test_a_double_is_an_amount_just_when_it_is_written_with_two_decimals(thousandths):
    """By the text that Python writes of it, however large it is."""
    values = [n / 1000 for n in thousandths] + [n * 10 / 1000 for n in thousandths]
    outcome = run(flow_of({"y": MONEY}, {"y": "x"}), [[v] for v in values], types=["DOUBLE"])
    written = {row: Decimal(repr(value)) for row, value in enumerate(values, 1)}
    amounts = {row: d for row, d in written.items() if d == round(d, 2)}
    assert {r["_lume_row"]: r["y"] for r in outcome.mapped} == amounts


@pytest.mark.parametrize("day", ["2024-12-31", "1960-12-31"])
def test_the_last_nanosecond_of_a_day_is_of_that_day(day):
    """As pandas writes the end of a month; the engine rounds it into the next."""
    flow = flow_of(
        {"y": MOMENT, "date": DATE, "text": {"type": "string"}, "year": INTEGER},
        {"y": "x", "date": "x::DATE", "text": "x", "year": "year(x)"},
    )
    last = f"{day} 23:59:59.999999999"
    (row,) = run(flow, [[last]], types=["TIMESTAMP_NS"]).mapped
    assert str(row["y"]) == f"{day} 23:59:59.999999"
    assert (str(row["date"]), row["text"], str(row["year"])) == (day, last, day[:4])


@pytest.mark.parametrize(
    "expression",
    [
        "coalesce(x, DATE '9999-12-31')",
        "CASE WHEN x = DATE '9999-12-31' THEN NULL ELSE x END",
        "greatest(x, TIMESTAMP '0001-01-01 00:00:00')",
    ],
)
def test_nanoseconds_stand_beside_days_that_have_none(expression):
    rows = [["2024-02-29 10:20:30"]]
    outcome = run(flow_of({"y": MOMENT}, {"y": expression}), rows, types=["TIMESTAMP_NS"])
    assert [r["y"] for r in outcome.mapped] == [dt.datetime(2024, 2, 29, 10, 20, 30)]
