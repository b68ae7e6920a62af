"""Sentences that are understood without a model, each tried on data by the real engine."""

from __future__ import annotations

import pytest

from lume_dagster.client.pipelines import Pipeline
from lume_dagster.errors import InvalidRequestError
from lume_dagster_tests.mapper.workshop.shop import place_in

RECORD = {
    "first name": "ada maria",
    "Last_Name": "Byron",
    "amount": "1.234,50",
    "minutes": "90",
    "born": "10/12/1815",
    "at": "10.12.1815 14:30",
    "flag": "ja",
    "status": "O",
    "code": "A-77-x",
    "none": None,
}


TYPES = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "day": {"type": "string", "format": "date"},
    "moment": {"type": "string", "format": "date-time"},
}
#: What kind of field, the sentence, and what comes out of the record.
SENTENCES = [
    ("text", "use column Last_Name", "Byron"),
    ("text", "Take the first name", "ada maria"),
    ("text", "copy 'last name'.", "Byron"),
    ("text", "always EUR", "EUR"),
    ("number", "set to 5", 5),
    ("flag", "always true", True),
    ("text", "use none then default to 'n/a'", "n/a"),
    ("text", "use column none; if empty use unknown", "unknown"),
    ("text", "join first name and last_name with a space", "ada maria Byron"),
    ("text", "concatenate Last_Name, first name and code with ' / '", "Byron / ada maria / A-77-x"),
    ("text", "upper case of last name", "BYRON"),
    ("text", "use first name, then make it upper case", "ADA MARIA"),
    ("text", "the second word of first name", "maria"),
    ("text", "the last word of first name", "maria"),
    ("text", "first 2 characters of code", "A-"),
    ("text", "part 2 of code split by a dash", "77"),
    ("text", "map status: O to OPEN, P to PAID", "OPEN"),
    ("text", "use status then map 'O' to 'still open' and 'P' to 'paid'", "still open"),
    ("number", "as a number with a decimal comma of amount", 1234.5),
    ("number", "divide minutes by 60", 1.5),
    ("number", "use minutes then divide by 7 then round to 2 decimals", 12.86),
    ("number", "multiply minutes by 60", 5400),
    ("flag", "yes or no from flag", True),
    ("day", "date in the format dd/mm/yyyy of born", "1815-12-10"),
    ("day", "use born then parse as date %d/%m/%Y", "1815-12-10"),
    ("moment", "date dd.mm.yyyy HH:mm of at", "1815-12-10 14:30:00"),
    ("text", "leave empty", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A session on a schema with a field for each sentence, and one of each type."""
    place = place_in(tmp_path_factory.mktemp("place"))
    fields = {f"f{n}": TYPES[kind] for n, (kind, *_) in enumerate(SENTENCES)}
    schema = {"type": "object", "properties": TYPES | fields}
    pipeline = Pipeline.create("said", schema, project=place)
    pipeline.create_job(RECORD)
    return pipeline.create_workshop()


@pytest.fixture(scope="module")
def mapping(workshop):
    said = {f"f{n}": sentence for n, (_, sentence, _) in enumerate(SENTENCES)}
    (mapping,) = workshop.run_prompt(said)
    assert mapping.message == "success"
    return mapping


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(SENTENCES)), ids=[s[1] for s in SENTENCES]
)
def test_a_sentence_is_done(mapping, number, case):
    assert mapping.mapped_record[f"f{number}"] == case[2]


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("make it nice", r"'make it nice' is not understood"),
        ("use column frist name", r"which is no source column\.\n.*did you mean 'first name'"),
        ("", "is not understood"),
        ("map status: O", "is not understood"),
    ],
)
def test_what_is_not_understood_gets_a_sentence_with_what_is(workshop, sentence, said):
    with pytest.raises(InvalidRequestError, match=said):
        workshop.run_prompt({"text": sentence})


@pytest.mark.parametrize("given", [{}, "upper case"])
def test_a_sentence_is_for_a_field(workshop, given):
    with pytest.raises(InvalidRequestError, match=r"no field with a sentence.*\n.*'upper case'"):
        workshop.run_prompt(given)


def test_a_step_that_goes_on_needs_something_to_go_on_from(workshop):
    workshop.run_mapper({"text": None, "number": "1"})
    with pytest.raises(InvalidRequestError, match="the field is made from nothing yet"):
        workshop.run_prompt({"text": "upper case"})


@pytest.mark.parametrize(
    ("field", "before", "sentence", "after"),
    [
        ("text", "code_list(status, {'p': 'PAID'})", "map O to OPEN, p to paid", "OPEN"),
        ("text", "code_list(status, {'o': 'OPEN'})", "map OPEN to still open", "still open"),
        ("number", "parse_number(amount)", "as a number with a decimal comma", 1234.5),
        ("day", "parse_date(born, '%m/%d/%Y')", "date in the format dd/mm/yyyy", "1815-12-10"),
        ("flag", "parse_number(flag)", "yes or no", True),
    ],
)
def test_a_sentence_mends_how_a_value_is_read(workshop, field, before, sentence, after):
    workshop.run_mapper({field: before})
    (mapping,) = workshop.run_prompt({field: sentence})
    assert mapping.mapped_record[field] == after
    workshop.run_mapper({field: None})


def test_codes_are_added_to_those_there_are(workshop):
    workshop.run_mapper({"text": "code_list(status, {'o': 'OPEN', 'p': 'PAID'})"})
    result = workshop.run_prompt({"text": "map X to GONE, P to SETTLED"})
    wanted = "code_list(status, {'o': 'OPEN', 'P': 'SETTLED', 'X': 'GONE'})"
    assert result.mapper["text"] == wanted


def test_a_constant_cannot_leave_its_quotes(workshop):
    (mapping,) = workshop.run_prompt({"text": "always \"it's '; DROP TABLE x\""})
    assert mapping.mapped_record["text"] == "it's '; DROP TABLE x"
