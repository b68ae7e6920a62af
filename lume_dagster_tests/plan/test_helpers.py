"""The helpers for messy data, each as a table of what it makes of a text."""

import datetime as dt
from decimal import Decimal

import pytest

from lume_dagster.errors import FlowError, PlanError
from lume_dagster_tests.plan.mapping import flow_of, run

MONEY = {"type": "number", "multipleOf": 0.01}
DATE = {"type": "string", "format": "date"}


def value_or_code(schema, expression, text):
    outcome = run(flow_of({"y": schema}, {"y": expression}), [[text]])
    return outcome.mapped[0]["y"] if outcome.mapped else outcome.rejects[0]["errors"][0]["code"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.5", Decimal("1234.50")),
        ("1,234.50", Decimal("1234.50")),
        ("1 234.50", Decimal("1234.50")),
        ("1'234.50", Decimal("1234.50")),
        ("€ 1,234.50", Decimal("1234.50")),
        ("US$1,234.50", Decimal("1234.50")),
        ("1,234.50 EUR", Decimal("1234.50")),
        ("$-12.00", Decimal("-12.00")),
        ("(12.00)", Decimal("-12.00")),
        ("12.00-", Decimal("-12.00")),
        ("1,23", "INVALID_NUMBER"),
        ("12,34.50", "INVALID_NUMBER"),
        ("1.2.3", "INVALID_NUMBER"),
        ("€", "INVALID_NUMBER"),
        ("twelve", "INVALID_NUMBER"),
        ("12.345", "INVALID_NUMBER"),
        ("1 000 500", Decimal("1000500.00")),
        ("12 34", "INVALID_NUMBER"),
        ("1 EUR 50", "INVALID_NUMBER"),
        ("1€50", "INVALID_NUMBER"),
        ("0,500", "INVALID_NUMBER"),
        ("1'234,567", "INVALID_NUMBER"),
    ],
)
def test_parse_number_reads_what_people_write(text, value):
    assert value_or_code(MONEY, "parse_number(x)", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,50", Decimal("1234.50")),
        ("1234,5", Decimal("1234.50")),
        ("1234", Decimal("1234.00")),
        ("-1.234.567,89 €", Decimal("-1234567.89")),
        ("1,234.50", "INVALID_NUMBER"),
    ],
)
def test_parse_number_reads_decimal_commas_when_told(text, value):
    assert value_or_code(MONEY, "parse_number(x, ',')", text) == value


def test_parse_number_is_a_number_inside_a_calculation():
    assert value_or_code(MONEY, "round(parse_number(x) * 2, 2)", "1,000.25") == Decimal("2000.50")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-02-01", dt.date(2024, 2, 1)),
        ("01/02/2024", dt.date(2024, 2, 1)),
        ("1/2/24", dt.date(2024, 2, 1)),
        (" 1 Feb 2024 ", dt.date(2024, 2, 1)),
        ("31/02/2024", "INVALID_DATE_FORMAT"),
        ("yesterday", "INVALID_DATE_FORMAT"),
    ],
)
def test_parse_date_tries_formats_in_turn(text, value):
    formats = "'%Y-%m-%d', '%d/%m/%Y', '%d/%m/%y', '%-d %b %Y'"
    assert value_or_code(DATE, f"parse_date(x, {formats})", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-02-29 00:00:00", dt.date(2024, 2, 29)),
        (" 2024-02-29 00:00:00 ", dt.date(2024, 2, 29)),
        ("2023-02-29 00:00:00", "INVALID_DATE_FORMAT"),
        ("2024-02-29 00:00:01", "INVALID_DATE_FORMAT"),
        ("24-2-29   00:00:00", "INVALID_DATE_FORMAT"),
    ],
)
def test_parse_date_takes_a_day_of_a_spreadsheet_where_it_takes_that_day(text, value):
    assert value_or_code(DATE, "parse_date(x)", text) == value
    assert value_or_code(DATE, "parse_date(x, '%d.%m.%Y', '%Y-%m-%d')", text) == value
    assert value_or_code(DATE, "parse_date(x, '%d.%m.%Y')", text) == "INVALID_DATE_FORMAT"


@pytest.mark.parametrize(
    "formats",
    [
        ["%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%d %b %Y", "%d-%m-%Y"],
        ["%Y%m%d", "%d%m%Y", "%m/%d/%Y", "%d/%m/%Y"],
        ["%d %m %Y", "%d%m%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%H:%M %d.%m.%Y"],
    ],
)
def test_looking_at_the_shape_first_changes_no_date(formats):
    """Every text is read as by the formats in turn, whatever its shape."""
    texts = (
        "01/02/2024|13/01/2024|01/13/2024|2024-02-29|29.02.2023|20240229|31122024|12312024|"
        " 1/02/2024|1/2/2024|01/02/24|2 Feb 2024|01 02 2024|0001-01-01|2024-1-05 |10:20 1.2.2024|"
        "2024-02-29 10:20:30|2024-02-29T10:20:30|99/99/9999|aa/bb/cccc|--/--/----|2024-13-01|"
        "12345678|        |\uff101/02/2024"
    ).split("|")
    listed = ", ".join(f"'{f}'" for f in formats)
    moment = {"y": {"type": "string", "format": "date-time"}}
    outcome = run(flow_of(moment, {"y": f"parse_timestamp(x, {listed})"}), [[t] for t in texts])
    found = {row["_lume_row"]: row["y"] for row in outcome.mapped}
    each = ", ".join(f"try_strptime(trim(x), '{f}')" for f in formats)
    for number, text in enumerate(texts, 1):
        tried = outcome.con.execute(f"SELECT {each} FROM (SELECT $1 AS x)", [text]).fetchone()
        wanted = next((m for m in tried if m is not None and m.year >= 1000), None)
        assert found.get(number) == wanted, text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("  a   b ", "a b"),
        ("a\tb\r\nc", "a b c"),
        ("a\u00a0b", "a b"),
        ("a \fb", "a b"),
        ("a\f\fb", "a b"),
        ("a\fb", "a\fb"),
        (" \t ", None),
        ("a b", "a b"),
    ],
)
def test_squash_makes_runs_of_white_space_one(text, value):
    assert value_or_code({"type": ["string", "null"]}, "squash(x)", text) == value


def test_a_two_digit_year_is_not_a_four_digit_one():
    assert value_or_code(DATE, "parse_date(x, '%d/%m/%Y')", "1/2/24") == "INVALID_DATE_FORMAT"
    assert value_or_code(DATE, "strptime(x, '%d/%m/%Y')", "1/2/24") == "INVALID_DATE_FORMAT"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Y", True),
        ("ja", True),
        ("1", True),
        ("Off", False),
        ("NEIN", False),
        ("não", False),
        ("maybe", "INVALID_BOOLEAN"),
    ],
)
def test_parse_boolean_knows_the_usual_spellings(text, value):
    assert value_or_code({"type": "boolean"}, "parse_boolean(x)", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("p", "PAID"), (" P ", "PAID"), ("o", "OPEN"), ("z", "NOT_IN_CODE_LIST"), ("", None)],
)
def test_code_list_translates_codes_whatever_their_case(text, value):
    assert (
        value_or_code({"type": "string"}, "code_list(x, {'p': 'PAID', 'O': 'OPEN'})", text) == value
    )


@pytest.mark.parametrize("text", ["ΟΔΟΣ", "οδοσ", "İ", "i"])
def test_a_code_is_found_as_it_is_written_in_any_script(text):
    expression = "code_list(x, {'ΟΔΟΣ': 'a', 'İ': 'a'})"
    assert value_or_code({"type": "string"}, expression, text) == "a"


def test_a_code_may_mean_nothing_in_an_item_too():
    codes = "code_list({}, {{'n/a': NULL, 'p': 'PAID'}})"
    flow = flow_of(
        {"y": {"type": "string"}, "all": {"type": "string"}},
        {
            "y": codes.format("x"),
            "all": "join_of(string_split(z, ';'), ',', " + codes.format("item") + ")",
        },
    )
    outcome = run(flow, [["N/A", "p;n/a;P"], ["q", "n/a;q"]], ["x", "z"])
    assert [(r["y"], r["all"]) for r in outcome.mapped] == [(None, "PAID,PAID")]
    assert outcome.codes == [[("y", "NOT_IN_CODE_LIST"), ("all", "NOT_IN_CODE_LIST")]]


@pytest.mark.parametrize(("text", "value"), [("-", None), (" n/a ", None), ("a", "a")])
def test_null_if_takes_away_texts_that_mean_nothing(text, value):
    assert value_or_code({"type": "string"}, "null_if(x, '-', 'n/a')", text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("  a \t b  ", "a b"), ("a\u00a0 b", "a b"), ("   ", None), ("a b", "a b")]
)
def test_squash_leaves_single_spaces(text, value):
    assert value_or_code({"type": "string"}, "squash(x)", text) == value


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("parse_number(x, ';')", "decimal sign"),
        ("parse_number()", "0 argument"),
        ("parse_date(x, y)", "single quotes"),
        ("code_list(x, 'p')", "PAID"),
        ("code_list(x, {'p': 'A', 'P': 'B'})", "listed twice"),
        ("lookup('s', x)", "lookup takes"),
        ("lookup('s', x, 'y')", "no seed 's'"),
    ],
)
def test_a_helper_called_wrongly_says_how_it_is_called(expression, says):
    with pytest.raises(FlowError, match=says):
        run(flow_of({"y": {"type": "string"}}, {"y": expression}), [["a"]])


def test_a_helper_for_text_refuses_a_number():
    with pytest.raises(PlanError, match="parse_date reads text, not BIGINT"):
        run(flow_of({"y": DATE}, {"y": "parse_date(x)"}), [[1]], types=["BIGINT"])


UNITS = "parse_quantity(x, {'s': 1, 'min': 60, 'h': 3600, '': 60})"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("27.85 min", 1671.0),
        ("1h 30min", 5400.0),
        ("1 h, 30 MIN.", 5400.0),
        ("2", 120.0),
        ("-2 h", -7200.0),
        ("1,200 s", 1200.0),
        ("2 days", "INVALID_QUANTITY"),
        ("min", "INVALID_QUANTITY"),
        ("2 h 30", "INVALID_QUANTITY"),
        ("12,34 s", "INVALID_QUANTITY"),
        ("1 200 s", 1200.0),
        ("1 2 h", "INVALID_QUANTITY"),
        ("0,500 s", "INVALID_QUANTITY"),
        ("1€50 s", "INVALID_QUANTITY"),
        ("1234567890123 h 5 min", "INVALID_QUANTITY"),
        ("0.123456789 h", "INVALID_QUANTITY"),
        ("0.12345678000 h", 444.444408),
        (None, None),
    ],
)
def test_parse_quantity_counts_each_unit_as_it_is_told(text, value):
    assert value_or_code({"type": ["number", "null"]}, UNITS, text) == value


def test_parse_quantity_is_exact_and_reads_decimal_commas_and_money():
    expression = "parse_quantity(x, {'mio.': 1000000, '%': 0.01, 'lb': 0.45359237}, ',')"
    number = {"type": "number"}
    assert value_or_code({"type": "integer"}, expression, "€ 2,3 Mio.") == 2300000
    assert value_or_code(number, expression, "12,5 %") == 0.125
    assert value_or_code(number, expression, "1.000 lb") == 453.59237
    assert value_or_code(number, expression, "12") == "INVALID_QUANTITY"


def test_a_quantity_that_is_too_much_is_an_error_of_its_row():
    expression = "parse_quantity(x, {'a': 12345678901234567, 'b': 0.12345678901234567})"
    assert value_or_code({"type": "number"}, expression, "999999999999 a") == "INVALID_QUANTITY"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("parse_quantity(x, 's')", "a list such as {'min': 60"),
        ("parse_quantity(x, {'s': 'a'})", "the factor of 's' must be a positive number"),
        ("parse_quantity(x, {'s': 1}, ';')", "the decimal sign"),
        ("parse_quantity(x, {'s': 123456789012345678})", "more than 17 digits"),
        ("parse_quantity(x)", "parse_quantity got 1"),
    ],
)
def test_parse_quantity_says_what_it_takes(expression, message):
    with pytest.raises(FlowError, match=message):
        value_or_code({"type": "number"}, expression, "1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5. März 2024", "5. Mar 2024"),
        ("1 août 2024", "1 Aug 2024"),
        ("5 de Enero de 2024", "5 de Jan de 2024"),
        ("Sept. 5, 2024", "Sep 5, 2024"),
        ("12-DÉC.-2024", "12-Dec-2024"),
        ("Marmalade", "Marmalade"),
        ("december", "Dec"),
        (None, None),
    ],
)
def test_month_names_become_english_short_forms(text, value):
    assert value_or_code({"type": ["string", "null"]}, "month_names(x)", text) == value


def test_dates_with_german_months_are_read():
    assert value_or_code(
        DATE, "parse_date(month_names(x), '%d. %b %Y')", "5. Dez. 2024"
    ) == dt.date(2024, 12, 5)
