"""What the shell says of mistakes that people make in a project's own files, and of a port in use."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from lume_dagster.cli import lume


def say(project: Path, *arguments: str) -> Result:
    """Call the command as a person does who stands in the project."""
    return CliRunner().invoke(lume, [*arguments, "--project", str(project)])


@pytest.fixture
def project(tmp_path) -> Path:
    """A project as `lume init` writes it."""
    assert CliRunner().invoke(lume, ["init", str(tmp_path / "shop")]).exit_code == 0
    return tmp_path / "shop"


def edit_definitions(project: Path, before: str, after: str) -> None:
    file = project / "definitions.py"
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def test_validate_finds_what_keeps_dagster_from_loading_the_project(project):
    edit_definitions(project, "data=", "arrivals=[Arrival(flow='contcts', path='*')],\n    data=")
    edit_definitions(project, "import build_definitions", "import Arrival, build_definitions")
    said = say(project, "validate")
    assert said.exit_code == 3
    assert "The arrivals name the flow contcts" in said.stderr
    assert "did you mean 'contacts'?" in said.stderr
    assert say(project, "validate", "contacts").exit_code == 0


def test_a_field_that_a_connector_does_not_have_is_one_line(project):
    edit_definitions(project, "LocalFilesConnector(root=", "LocalFilesConnector(roots=")
    said = say(project, "validate").stderr
    assert re.search(r"definitions.py:\d+ cannot be loaded: LocalFilesConnector .*roots: ", said)
    assert len(said.splitlines()) == 2


MANY = """\
lume: 1
flow: many
descripton: a slip in a key
source: {connector: landng, format: {type: csv, delimeter: ";"}}
target: {connector: warehuse, table: crm.many, write: upsert, key: [nokey]}
seeds:
  countries: {path: seeds/none.csv, key: code}
schema:
  type: object
  required: [id]
  properties:
    id: {type: integr}
    at: {type: string, format: date}
    sum: {type: number}
    all: {type: array, items: {type: object, properties: {a: {type: string}}}}
mapping:
  id: nr +
  sum: parse_nmber(x)
  at: (SELECT 1)
  all: {each: lines, as: line, item: {a: now()}}
rules:
  - {name: r, check: "sum(x) > 3", on_fail: explode}
"""


def test_a_slip_in_the_file_hides_none_in_connectors_seeds_and_expressions(project):
    flow = project / "flows" / "many" / "flow.yaml"
    flow.parent.mkdir()
    flow.write_text(MANY, "utf-8")
    said = say(project, "validate").stderr
    assert re.findall(r"flow.yaml:(\d+):\d+: ([\w.\[\]]+): ", said) == [
        ("3", "descripton"),
        ("4", "source.connector"),
        ("4", "source.format.delimeter"),
        ("5", "target.connector"),
        ("5", "target.write"),
        ("7", "seeds.countries.path"),
        ("12", "schema.properties.id.type"),
        ("17", "mapping.id"),
        ("18", "mapping.sum"),
        ("19", "mapping.at"),
        ("20", "mapping.all.item.a"),
        ("22", "rules[0].check"),
        ("22", "rules[0].on_fail"),
    ]
    assert "known: append, merge" not in said


def test_a_seed_that_is_not_there_hides_no_expression_and_is_told_once(project):
    (project / "flows" / "contacts" / "seeds" / "countries.csv").unlink()
    flow = project / "flows" / "contacts" / "flow.yaml"
    flow.write_text(flow.read_text("utf-8").replace("lower(email)", "lowr(email)"), "utf-8")
    said = say(project, "validate").stderr
    assert said.startswith("Error: 2 problems:")
    assert "there is no seed file" in said
    assert "put the CSV file there" in said
    assert "did you mean 'lower'?" in said


def test_the_ui_does_not_come_up_where_something_else_listens(project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = say(project, "ui", "--port", str(port))
    assert said.exit_code == 2
    assert f"cannot listen on port {port} of 127.0.0.1: address already in use.\n" in said.stderr


def test_a_workbook_with_a_cover_sheet_says_which_other_sheets_it_has(project):
    book = openpyxl.Workbook()
    book.active["B3"] = "Report of March"
    for name in ("Data", "Notes"):
        book.create_sheet(name).append(["x"])
    book.create_sheet("Gone").sheet_state = "hidden"
    book.save(project / "landing" / "book.xlsx")
    flow = project / "flows" / "contacts" / "flow.yaml"
    flow.write_text(flow.read_text("utf-8").replace("type: csv, ", ""), "utf-8")
    told = (
        "The sheet 'Sheet' was read; the workbook has 'Data' and 'Notes', too.\nHint: if that is so"
    )
    said = say(project, "run", "contacts:draft", "book.xlsx", "--dry-run", "2")
    assert f"{told}: say sheet: Data under source.format of the draft\n" in said.stderr
    assert say(project, "publish", "contacts", "--activate", "--note", "x").exit_code == 0
    assert f"{told}: say sheet: Data under" in say(project, "run", "contacts", "book.xlsx").stderr


def test_a_dry_run_says_which_line_reads_like_the_header(project):
    file = project / "landing" / "titled.csv"
    text = (project / "landing" / "contacts.csv").read_text("utf-8")
    file.write_text("People of the sales team,,,,,\n" + text, "utf-8")
    said = say(project, "run", "contacts:draft", "titled.csv", "--dry-run", "2")
    assert said.exit_code == 4
    assert "Line 2 of titled.csv reads like its header." in said.stderr
    assert "skip_lines: 1 under source.format of the draft\n" in said.stderr
