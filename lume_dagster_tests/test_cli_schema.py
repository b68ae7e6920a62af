"""`lume schema infer` in a person's hands."""

from __future__ import annotations

import json

import duckdb
import openpyxl
import pytest
from click.testing import CliRunner

from lume_dagster.cli import lume

DEFINITIONS = """\
from lume_dagster import build_definitions
from lume_dagster.connectors import DuckDBConnector

defs = build_definitions("flows", {"warehouse": DuckDBConnector(path="w.duckdb")})
"""


def say(*arguments: str):
    return CliRunner().invoke(lume, ["schema", "infer", *arguments])


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name, rows in (("a", "1,x@y.org\n"), ("b", "2,\n")):
        (tmp_path / "in" / f"{name}.csv").write_text("id,mail\n" + rows)
    return tmp_path


def test_files_here_give_the_schema_of_their_rows():
    said = say("in/*.csv")
    assert said.exit_code == 0, said.stderr
    assert json.loads(said.stdout) == {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "integer"}, "mail": {"type": "string", "format": "email"}},
    }


def test_a_path_may_lead_out_of_the_folder(here, monkeypatch):
    monkeypatch.chdir(here / "in")
    assert "integer" in say("../in/a.csv").stdout
    assert "integer" in say(str(here / "in" / "a.csv")).stdout


def test_lines_above_the_header_are_passed_over_when_asked(here):
    (here / "report.csv").write_text("Report;\nof May;\nn;who\n1;Ann\n")
    properties = json.loads(say("report.csv", "--format", "skip_lines=2").stdout)["properties"]
    assert list(properties) == ["n", "who"]


def test_a_workbook_that_begins_with_a_cover_says_how_to_name_its_sheet(here):
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    book.active.append(["Report"])
    orders = book.create_sheet("Orders")
    orders.append(["n", "who"])
    orders.append([1, "Ann"])
    book.save(here / "report.xlsx")
    said = say("report.xlsx")
    assert "The sample has no rows" in said.stderr
    assert "It is the sheet 'Cover'; --format sheet=NAME takes another." in said.stderr
    said = say("report.xlsx", "--format", "sheet=Orders")
    assert list(json.loads(said.stdout)["properties"]) == ["n", "who"]


def test_a_table_of_a_connector_gives_its_schema(here):
    (here / "definitions.py").write_text(DEFINITIONS)
    (here / "flows").mkdir()
    with duckdb.connect(str(here / "w.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS n, 1.50::DECIMAL(9,2) AS price, NULL::DATE AS d")
    said = say("--connector", "warehouse", "--query", "SELECT * FROM t")
    assert said.exit_code == 0, said.stderr
    assert json.loads(said.stdout)["properties"] == {
        "n": {"type": "integer"},
        "price": {"type": "number", "multipleOf": 0.01},
        "d": {"type": "string", "format": "date"},
    }


def test_a_file_that_is_there_is_not_written_over(here):
    assert say("in/a.csv", "-o", "schema.json").stdout == "schema.json: 2 fields of 1 row.\n"
    said = say("in/b.csv", "-o", "schema.json")
    assert (said.exit_code, said.stderr.splitlines()[0]) == (
        2,
        "Error: schema.json is there already.",
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nope.csv",), "There is no file nope.csv"),
        (("x", "--query", "SELECT 1"), "A query needs a database."),
        ((), "SAMPLE is missing."),
        (("in/empty.csv",), "in/empty.csv is empty: it has no columns and no rows."),
        (("in/a.csv", "--format", "skip_lns=1"), "did you mean 'skip_lines'?"),
        (("in/a.csv", "--format", "sheet"), "is not of the form key=value"),
        (("--query", "SELECT 1", "--connector", "w", "--format", "header=no"), "has no format"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(here, arguments, sentence):
    (here / "in" / "empty.csv").write_text("")
    said = say(*arguments)
    assert said.exit_code != 0
    assert sentence in said.stderr
