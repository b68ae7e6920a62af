"""Helpers that write: numbers as text, names in title case."""

import pytest

from lume_dagster.errors import FlowError, PlanError
from lume_dagster_tests.plan.mapping import flow_of, run

TEXT = {"type": "string"}


def text_of(expression, value, kind="VARCHAR"):
    outcome = run(flow_of({"y": TEXT}, {"y": expression}), [[value]], types=[kind])
    return outcome.mapped[0]["y"] if outcome.mapped else outcome.rejects[0]["errors"][0]["code"]


@pytest.mark.parametrize(
    ("value", "expression", "shown"),
    [
        (2.675, "format_number(x, 2)", "2.68"),
        (-2.5, "format_number(x, 0)", "-3"),
        (-0.001, "format_number(x, 2)", "0.00"),
        (1234567.125, "format_number(x, 2, ',')", "1,234,567.13"),
        (12.0, "format_number(x, 3)", "12.000"),
        (float("inf"), "format_number(x, 3)", "INVALID_NUMBER"),
        (4503599627370497.0, "format_number(x, 0)", "4503599627370497"),
        (5000.0, "format_number(x, 12)", "5000.000000000000"),
        (45035996273704.97, "format_number(x, 2, ',')", "45,035,996,273,704.97"),
        (1e20, "format_number(x, 1)", "100000000000000000000.0"),
        (26.24671916, "significant(x, 6)", "26.2467"),
        (0.00845351, "significant(x, 3)", "0.00845"),
        (1234567.0, "significant(x, 3)", "1234567"),
        (9.9999, "significant(x, 3)", "10"),
        (0.0, "significant(x, 3)", "0"),
        (-1e-20, "significant(x, 3)", "0"),
        (-120.50, "significant(x, 6)", "-120.5"),
    ],
)
def test_a_number_is_written_as_people_write_it(value, expression, shown):
    assert text_of(expression, value, "DOUBLE") == shown


def test_a_whole_number_is_written_to_the_last_digit_or_not_at_all():
    expression = "format_number(x, 0, ',')"
    assert text_of(expression, 2**53, "BIGINT") == "9,007,199,254,740,992"
    assert text_of(expression, 2**53 + 1, "BIGINT") == "INVALID_NUMBER"


def test_a_number_in_a_text_is_parsed_first():
    assert text_of("format_number(parse_number(x), 1, ',')", "$ 1234.25") == "1,234.3"
    with pytest.raises(PlanError, match="writes a number, not VARCHAR"):
        text_of("format_number(x, 2)", "12")


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("format_number(x, 99)", "from 0 to 12"),
        ("format_number(x, 2, '.')", "parted by ','"),
        ("significant(x, 0)", "from 1 to 15"),
        ("format_number(x)", "got 1 argument"),
    ],
)
def test_how_a_number_is_written_is_said_in_literals(expression, sentence):
    with pytest.raises(FlowError, match=sentence):
        text_of(expression, 1.0, "DOUBLE")


@pytest.mark.parametrize(
    ("text", "titled"),
    [
        ("JOHN o'neil", "John O'neil"),
        ("mary-jane  van dyke", "Mary-Jane  Van Dyke"),
        ("émile zola", "Émile Zola"),
        ("3rd street", "3rd Street"),
    ],
)
def test_title_case_raises_the_first_letter_of_each_word(text, titled):
    assert text_of("title_case(x)", text) == titled
