"""`lume map` and `lume explain`: from a sample to a flow that runs, in a person's hands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lume_dagster.cli import lume

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "full name of the customer"},
        "birth_date": {"type": "string", "format": "date"},
        "amount": {"type": "number", "description": "invoice total"},
        "is_active": {"type": "boolean"},
        "height": {"type": "integer", "description": "height of the building"},
    },
}
ROWS = "name,birth_date,amount,c5\n" + "".join(
    f'Ann Lee{n},{n % 28 + 1:02}/03/199{n % 10},"1.{n:03},50",{"yes" if n % 2 else "no"}\n'
    for n in range(30)
)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project with somebody's file, and a schema to bring it to."""
    folder = tmp_path / "shop"
    assert CliRunner().invoke(lume, ["init", str(folder)]).exit_code == 0
    (folder / "landing" / "customers.csv").write_text(ROWS, "utf-8")
    (folder / "schema.json").write_text(json.dumps(SCHEMA), "utf-8")
    monkeypatch.chdir(folder)
    return folder


def say(*arguments: str, typed: str = ""):
    return CliRunner().invoke(lume, arguments, input=typed)


def test_without_a_flow_proposals_are_shown_and_nothing_is_written(project):
    before = sorted(project.rglob("*.yaml"))
    said = say("map", "landing/customers.csv", "--target", "schema.json")
    assert said.exit_code == 0, said.stderr
    assert "01/03/1990 -> 1990-03-01" in said.stdout
    assert "of 5 fields are sure" in said.stdout
    assert "for 2 nothing is proposed" in said.stdout
    assert "Not used: c5." in said.stdout
    assert sorted(project.rglob("*.yaml")) == before


def test_of_a_wide_file_some_of_the_columns_that_are_not_used_are_named(project):
    wide = ",".join(f"x{number}" for number in range(100))
    (project / "landing" / "wide.csv").write_text(f"{wide}\n{wide}\n", "utf-8")
    said = say("map", "landing/wide.csv", "--target", "schema.json").stdout
    told = next(line for line in said.splitlines() if line.startswith("Not used: "))
    assert len(told) < 150
    assert " and 7" in told or " and 8" in told


def test_how_the_file_is_written_goes_into_the_draft_and_is_known_from_then_on(project):
    (project / "landing" / "titled.csv").write_text(f"A report,,,\n{ROWS}", "utf-8")
    asked = ("map", "landing/titled.csv", "--flow", "titled")
    said = say(*asked, "--target", "schema.json", "--format", "skip_lines=1")
    assert said.exit_code == 0, said.stderr
    draft = (project / "flows" / "titled" / "flow.yaml").read_text("utf-8")
    assert "source: {connector: landing, format: {skip_lines: 1}}" in draft
    again = say(*asked)
    assert "01/03/1990 -> 1990-03-01" in again.stdout


def test_a_project_with_connectors_of_other_names_gets_a_draft_that_names_them(project):
    definitions = project / "definitions.py"
    text = definitions.read_text("utf-8").replace('"landing": ', '"inbox": ')
    definitions.write_text(text.replace('"warehouse": ', '"store": '), "utf-8")
    said = say("map", "landing/customers.csv", "--target", "schema.json", "--flow", "customers")
    assert "takes batches from inbox and writes to store." in said.stdout
    assert say("validate", "customers").exit_code == 0


def test_a_file_becomes_a_flow_that_runs(project):
    said = say("map", "landing/customers.csv", "--target", "schema.json", "--flow", "customers")
    assert said.exit_code == 0, said.stderr
    assert "lume validate customers; lume publish customers" in said.stdout
    assert say("validate", "customers").exit_code == 0
    assert say("publish", "customers").exit_code == 0
    ran = say("run", "customers", "customers.csv", "--json")
    assert json.loads(ran.stdout)["metrics"]["row_counts"]["mapped"] == 30


def test_decisions_are_kept_and_stand_when_it_is_mapped_again(project):
    arguments = ("map", "landing/customers.csv", "--flow", "customers")
    answers = "e\nparse_boolean(c5)\ny\nf\n"
    said = say(*arguments, "--target", "schema.json", "--accept", "auto", "-i", typed=answers)
    assert said.exit_code == 0, said.stderr
    review = (project / "flows" / "customers" / "review.yaml").read_text("utf-8")
    again = json.loads(say(*arguments, "--json").stdout)
    assert {f["path"]: (f["expression"], f["kind"]) for f in again["fields"]} == {
        "name": ("name", "kept"),
        "birth_date": ("parse_date(birth_date, '%d/%m/%Y')", "kept"),
        "amount": ("parse_number(amount, ',')", "kept"),
        "is_active": ("parse_boolean(c5)", "kept"),
        "height": (None, "none"),
    }
    assert review.count("APPROVED") == 3
    assert review.count("PROPOSED") == 1
    assert review.count("FLAGGED") == 1


def test_what_a_person_wrote_before_anything_was_proposed_is_kept(project):
    flow = project / "flows" / "contacts" / "flow.yaml"
    mine = "country: coalesce(lookup('countries', upper(country), 'name'), 'nowhere')"
    text = flow.read_text("utf-8").replace(
        "country: lookup('countries', upper(country), 'name')", mine
    )
    flow.write_text(text, "utf-8")
    for _ in "once", "again":
        said = say("map", "landing/contacts.csv", "--flow", "contacts")
        assert said.exit_code == 0, said.stderr
        assert mine in flow.read_text("utf-8")
        assert "trim(first_name || ' ' || last_name)" in flow.read_text("utf-8")


def test_what_was_published_is_kept_and_what_was_only_proposed_is_proposed_anew(project):
    assert (
        say("map", "landing/customers.csv", "--target", "schema.json", "--flow", "c").exit_code == 0
    )
    flow = project / "flows" / "c" / "flow.yaml"
    proposed = flow.read_text("utf-8")
    head, mapping = proposed.split("mapping:\n")
    odd = f"{head}mapping:\n" + re.sub(r"  name: .*", "  name: upper(name)", mapping)
    flow.write_text(odd, "utf-8")
    assert say("map", "landing/customers.csv", "--flow", "c").exit_code == 0
    assert flow.read_text("utf-8") == proposed
    flow.write_text(odd, "utf-8")
    assert say("publish", "c").exit_code == 0
    assert say("map", "landing/customers.csv", "--flow", "c").exit_code == 0
    assert "name: upper(name)" in flow.read_text("utf-8")


def test_an_expression_that_is_none_is_refused_and_asked_for_again(project):
    answers = "s\ne\nread_csv('x')\ne\nCAST(length(name) AS INTEGER)\ny\n"
    arguments = ("map", "landing/customers.csv", "--target", "schema.json", "--flow", "customers")
    said = say(*arguments, "-i", typed=answers)
    assert said.exit_code == 0, said.stderr
    assert "read_csv" in said.stdout
    assert "-> 8" in said.stdout
    flow = (project / "flows/customers/flow.yaml").read_text("utf-8")
    assert "height: CAST(length(name) AS INTEGER)" in flow


def test_what_was_approved_is_explained(project):
    arguments = ("map", "landing/customers.csv", "--target", "schema.json", "--flow", "customers")
    assert say(*arguments, "--accept", "auto").exit_code == 0
    told = json.loads(say("explain", "customers:draft", "birth_date", "--json").stdout)
    assert (told["expression"], told["columns"], told["decision"]) == (
        "parse_date(birth_date, '%d/%m/%Y')",
        ["birth_date"],
        "APPROVED",
    )
    assert "Seeds: countries.name" in say("explain", "contacts", "country").stdout
    assert "made from nothing" in say("explain", "customers:draft", "height").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("map", "landing/customers.csv"), "There is nothing to map to."),
        (("map", "landing/customers.csv", "--flow", "nope"), "There is no flow 'nope' yet."),
        (("map", "nope.csv", "--target", "schema.json"), "There is no file nope.csv"),
        (("map", "x", "--target", "schema.json", "-i"), "Decisions are kept beside the draft"),
        (
            ("map", "landing/customers.csv", "--target", "landing/customers.csv"),
            "holds no JSON Schema",
        ),
        (
            ("map", "landing/customers.csv", "--target", "schema.json", "--model", "gpt"),
            "The model 'gpt' names no provider.",
        ),
        (("explain", "contacts", "nope"), "contacts has no field 'nope'."),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(project, arguments, sentence):
    said = say(*arguments)
    assert said.exit_code not in (0, 1)
    assert sentence in said.stderr
