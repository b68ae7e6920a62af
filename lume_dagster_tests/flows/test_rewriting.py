"""A flow file is changed where it must be, and stays as people wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lume_dagster.flows.flow_file import parse, render
from lume_dagster.flows.rewriting import rewrite

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples/flows").rglob("flow.yaml"))

TEXT = """\
# Contacts of our customers.
lume: 1
flow: contacts
source: {connector: landing}   # the folder they write to
target: {connector: warehouse, table: crm.contacts}
schema:
  type: object
  required: [email]
  properties:
    email: {type: string}  # lower case
    name: {type: string}
mapping:
  # agreed with sales
  email: "lower(mail)"
  name: 'trim(name)'
checks:
  - {unique: email}   # one each
  - {row_count: {min: 1}}
"""


def changed(**updates):
    """The file rewritten for the flow with these parts."""
    return rewrite(TEXT, parse(TEXT).model_copy(update=updates))


def lines_that_differ(text):
    """Lines of the new text that the old one does not have."""
    return [line for line in text.splitlines() if line not in TEXT.splitlines()]


def test_a_changed_expression_changes_one_line():
    new = changed(mapping={"email": "lower(mail)", "name": "squash(name)"})
    assert lines_that_differ(new) == ["  name: 'squash(name)'"]
    assert len(new.splitlines()) == len(TEXT.splitlines())


def test_quotes_that_the_old_text_needed_go_with_it():
    text = TEXT.replace("'trim(name)'", "'NULL'")
    new = rewrite(text, parse(text).model_copy(update={"mapping": parse(TEXT).mapping}))
    assert lines_that_differ(new) == ["  name: trim(name)"]


def test_a_new_field_is_added_and_a_lost_one_goes_with_its_line():
    schema = {
        "type": "object",
        "properties": {"email": {"type": "string"}, "n": {"type": "integer"}},
    }
    new = changed(mapping={"email": "lower(mail)", "n": "n"}, schema_=schema)
    assert parse(new).mapping == {"email": "lower(mail)", "n": "n"}
    assert "# agreed with sales" in new
    assert "# lower case" in new
    assert "trim(name)" not in new


def test_a_check_that_is_added_stands_below_the_others():
    flow = parse(
        TEXT.replace(
            "  - {row_count: {min: 1}}\n", "  - {row_count: {min: 1}}\n  - {unique: name}\n"
        )
    )
    new = rewrite(TEXT, flow)
    assert lines_that_differ(new) == ["  - {unique: name}"]
    assert "# one each" in new


def test_what_says_the_same_is_not_touched():
    assert rewrite(TEXT, parse(TEXT)) == TEXT


def test_a_text_that_cannot_be_read_is_written_anew():
    flow = parse(TEXT)
    assert rewrite("flow: [", flow) == render(flow)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: "-".join(file.parts[-3:-1]))
def test_examples_become_one_another(file):
    flow = parse(file.read_text("utf-8"))
    for other in EXAMPLES:
        assert parse(rewrite(other.read_text("utf-8"), flow)) == flow
