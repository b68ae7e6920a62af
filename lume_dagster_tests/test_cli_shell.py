"""How every verb of the shell speaks and how it ends when something is wrong."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from lume_dagster import errors
from lume_dagster.cli.running import pair
from lume_dagster.cli.shell import Shell, near, text_of, verb


def ending(error: BaseException, *arguments: str):
    @verb(name="break")
    def broken(shell: Shell) -> None:
        """End in an error."""
        raise error

    return CliRunner().invoke(broken, arguments)


def test_an_error_is_a_sentence_and_a_hint():
    ended = ending(errors.FlowError("flow.yaml:3: mapping.a: no.", hint="write yes."))
    assert ended.stderr == "Error: flow.yaml:3: mapping.a: no.\nHint: write yes\n"
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequestError("x"), 2),
        (errors.FlowError("x"), 3),
        (errors.PlanError("x"), 4),
        (errors.BatchError("x"), 5),
        (errors.TransientError("x"), 6),
        (errors.EngineError("x"), 7),
        (errors.MissingExtraError("x"), 8),
        (KeyError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_the_exit_code_says_what_kind_of_error_it_was(error, code):
    assert ending(error).exit_code == code


def test_a_script_reads_the_error_as_json():
    ended = ending(errors.FlowError("no.", hint="yes."), "--json")
    assert json.loads(ended.stderr) == {"error": "FlowError", "message": "no.", "hint": "yes"}


def test_a_fault_of_lume_itself_shows_no_traceback():
    ended = ending(ZeroDivisionError("division by zero"))
    assert "Traceback" not in ended.stderr
    assert "lume itself failed: ZeroDivisionError: division by zero" in ended.stderr
    assert "--debug" in ended.stderr


def test_debug_shows_the_traceback():
    assert "Traceback" in ending(ZeroDivisionError("x"), "--debug").stderr


def test_project_names_a_folder_that_is_there():
    ended = ending(KeyError("x"), "--project", "/no/such/folder")
    assert ended.exit_code == 2
    assert "does not exist" in ended.stderr


def table(columns, rows, *arguments):
    @verb()
    def show(shell: Shell) -> None:
        """Show a table."""
        shell.answer([*rows], lambda: shell.table(columns, rows))

    return CliRunner().invoke(show, arguments).stdout


def test_a_table_puts_numbers_to_the_right():
    shown = table(("code", "rows"), [("INVALID_NUMBER", 12345), ("TOO_LONG", 7)])
    assert shown == "code              rows\nINVALID_NUMBER  12,345\nTOO_LONG             7\n"


def test_a_table_of_nothing_is_its_headings():
    assert table(("code", "rows"), []) == "code  rows\n"


def test_a_script_reads_the_table_as_json():
    assert json.loads(table(("a", "b"), [("ä", 1)], "--json")) == [["ä", 1]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (0.0469, "0.0469"),
        ("a", "a"),
    ],
)
def test_a_value_is_written_as_a_person_reads_it(value, text):
    assert text_of(value) == text


def test_a_path_is_said_from_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert near(tmp_path / "a.csv") == "a.csv"
    assert near("/elsewhere/b.csv") == "/elsewhere/b.csv"


def test_metadata_is_split_at_the_first_equals_sign():
    assert pair("note=a=b") == ("note", "a=b")


def test_metadata_without_an_equals_sign_is_refused():
    with pytest.raises(click.BadParameter, match="'note' is not of the form key=value"):
        pair("note")
