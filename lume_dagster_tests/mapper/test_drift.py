"""A batch with other columns than its flow was made for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.flow_file import parse
from lume_dagster.mapper.drift import find_drift, with_new_names
from lume_dagster.plan.used_columns import missing_columns
from lume_dagster_tests.mapper.samples import sample_of, sample_of_text

FLOW = parse("""\
lume: 1
flow: contacts
source: {connector: landing}
target: {connector: warehouse, table: contacts}
schema:
  type: object
  properties:
    email: {type: string, description: where we write to}
    full_name: {type: string}
    city: {type: string}
mapping:
  email: lower(email)
  full_name: first_name || ' ' || last_name
  city: city
""")
BEFORE = "email,first_name,last_name,city\na@b.org,Ann,Lee,Bonn\nc@d.org,Bo,Ek,Oslo\n"


def drift_of(folder, text, earlier=None):
    """What is found of a batch with this text."""
    known = sample_of_text(folder, earlier, "before.csv") if earlier else None
    return find_drift(FLOW, sample_of_text(folder, text), known)


def test_a_batch_as_it_was_has_no_drift(tmp_path):
    drift = drift_of(tmp_path, BEFORE)
    assert (drift.missing, drift.new, drift.renamed, list(drift.sentences())) == ((), (), (), [])


def test_a_quite_different_file_is_told_so_in_one_sentence(tmp_path):
    header = ",".join(f"x{number}" for number in range(30))
    drift = drift_of(tmp_path, f"{header}\n{header}\n")
    assert drift.is_cut()
    told, whole = list(drift.sentences()), list(drift.sentences(None))
    assert told[0] == "This looks like another file: all 4 columns the flow needs are missing."
    assert told[1].startswith("The columns ")
    assert told[1].endswith(" are gone, and none of the new ones looks like them.")
    assert told[-1].endswith(" and 20 more.") or told[-1].endswith(" and 19 more.")
    assert "more" not in whole[-1]


def test_a_file_that_lost_a_column_is_no_other_file(tmp_path):
    drift = drift_of(tmp_path, "email,first_name,last_name\na@b.org,Ann,Lee\n")
    assert list(drift.sentences()) == ["The column 'city' is gone."]
    assert not drift.is_cut()


def test_a_new_column_is_told_and_stops_nothing(tmp_path):
    drift = drift_of(tmp_path, "email,first_name,last_name,city,fax\na@b.org,Ann,Lee,Bonn,1\n")
    assert list(drift.sentences()) == ["The flow does not use: 'fax'."]


def test_renamed_columns_are_found_by_name(tmp_path):
    text = "E-Mail Address,given_name,Surname,town\na@b.org,Ann,Lee,Bonn\nx@y.org,Bo,Ek,Oslo\n"
    drift = drift_of(tmp_path, text)
    assert {(r.before, r.after) for r in drift.renamed} == {
        ("email", "E-Mail Address"),
        ("first_name", "given_name"),
        ("last_name", "Surname"),
        ("city", "town"),
    }


def test_renamed_columns_are_found_by_the_values_of_an_earlier_batch(tmp_path):
    rows = "".join(f"{name}{n}@b.org,Ann,Lee,Bonn\n" for n, name in enumerate("abcdefgh"))
    header, named = "email,first_name,last_name,city\n", "f1,first_name,last_name,city\n"
    drift = drift_of(tmp_path, named + rows, header + rows)
    assert [(r.before, r.after) for r in drift.renamed] == [("email", "f1")]


def test_a_column_that_is_gone_is_not_invented(tmp_path):
    drift = drift_of(tmp_path, "email,first_name,last_name,invoice_total\na@b.org,Ann,Lee,12.50\n")
    assert (drift.lost, drift.renamed) == (("city",), ())
    assert next(drift.sentences()) == (
        "The column 'city' is gone, and none of the new ones looks like it."
    )


def test_a_flow_with_the_new_names_can_do_with_the_batch(tmp_path):
    drift = drift_of(tmp_path, "mail,first_name,last_name,city\na@b.org,Ann,Lee,Bonn\n")
    flow = with_new_names(FLOW, drift.renamed)
    assert flow.source.also_called == {"email": ("mail",)}
    assert missing_columns(flow, ("mail", "first_name", "last_name", "city")) == ()


def test_there_is_nothing_to_write_where_nothing_is_renamed():
    with pytest.raises(InvalidRequestError, match="No column of contacts is known"):
        with_new_names(FLOW, ())


def test_places_inside_a_column_are_not_columns(tmp_path):
    sample = sample_of(
        tmp_path, [{"email": "a", "first_name": "b", "last_name": "c", "at": {"city": "x"}}]
    )
    drift = find_drift(FLOW, sample)
    assert (drift.missing, drift.new) == (("city",), ("at",))


def test_without_the_extra_a_missing_column_is_told_by_a_sentence():
    program = (
        "import sys; sys.modules['rapidfuzz'] = None\n"
        "from pathlib import Path; from tempfile import mkdtemp\n"
        "from lume_dagster.errors import MissingExtraError\n"
        "from lume_dagster_tests.mapper.test_drift import drift_of\n"
        "try: drift_of(Path(mkdtemp()), 'mail,first_name,last_name,city\\na,b,c,d\\n')\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "lume-dagster[mapper]" in done.stdout
