"""How every verb of the shell speaks and how it ends when something is wrong."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from lume_dagster import errors
from lume_dagster.cli import lume
from lume_dagster.cli.progress import _lines
from lume_dagster.cli.running import pair
from lume_dagster.cli.shell import Shell, near, text_of, verb
from lume_dagster.cli.webhooks import tell_attempts
from lume_dagster.orchestration.webhooks.deliveries import Attempt


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


def test_what_the_machine_refuses_is_no_fault_of_lume():
    refused = OSError(errno.EROFS, "Read-only file system", "/data/.lume")
    ended = ending(refused)
    assert ended.exit_code == 7
    assert ended.stderr.startswith("Error: /data/.lume: read-only file system.\nHint: ")
    assert "Traceback" in ending(refused, "--debug").stderr


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


def verbs(group: click.Group = lume, path: str = "lume") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from verbs(command, f"{path} {name}")


@pytest.mark.parametrize("path", ["", *(p for p, c in verbs() if isinstance(c, click.Group))])
def test_no_verb_is_listed_by_half_a_sentence(path):
    shown = CliRunner().invoke(lume, [*path.split()[1:], "--help"], terminal_width=80).output
    listed = shown.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize(("path", "command"), [v for v in verbs() if v[1].epilog])
def test_the_examples_of_a_verb_name_it_and_options_that_it_has(path, command):
    for line in command.epilog.removeprefix("\b\n").splitlines()[1:]:
        if not line.startswith("  lume"):
            continue
        words = shlex.split(line)
        typed = " ".join(words)
        assert typed.startswith((path, path.removesuffix(" list")))
        known = {name for option in command.params for name in option.opts}
        assert {word for word in words if word.startswith("-")} <= known


def test_a_mistyped_verb_is_answered_with_the_nearest():
    said = CliRunner().invoke(lume, ["rnu"])
    assert said.exit_code == 2
    assert "Did you mean" in said.output


@pytest.mark.parametrize("typed", ["init", "run", "cancel", "partitions add"])
def test_a_missing_word_is_answered_with_an_example(typed):
    said = CliRunner().invoke(lume, typed.split())
    assert said.exit_code == 2
    assert re.search(rf"Missing argument '.*'\. For example: lume {typed} \S+", said.stderr)


def test_a_person_sees_how_long_each_phase_has_taken():
    done, here, ahead = _lines(1, [3.2, 61.0])
    assert done == ("✓", "green", "read the source      3 s")
    assert here[1:] == ("bold", "map the rows        61 s")
    assert ahead[2] == "write the target"


def on_a_screen(columns, tell, monkeypatch):
    """What a person sees in a terminal of so many columns."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    above, below = os.openpty()
    with os.fdopen(above, "rb", buffering=0) as seen:
        with os.fdopen(below, "w") as screen, contextlib.redirect_stdout(screen):
            tell()
        return b"".join(pieces_until_hung_up(seen)).decode()


def pieces_until_hung_up(terminal):
    """A terminal passes on what was written when it comes to it, in pieces, and ends in an error."""
    with contextlib.suppress(OSError):
        while piece := terminal.read(1 << 16):
            yield piece


RUN = "run_03dfeb67-0d89-5fa4-b948-85d058dc12aa"


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_ids_stay_whole_on_a_narrow_screen(columns, monkeypatch):
    at = datetime(2024, 5, 1, tzinfo=UTC)
    said = "the receiver did not answer in time, and will be asked again"
    attempt = Attempt("crm-of-the-sales-team", "m", RUN, 1, at, 0.2, None, said, delivered=False)
    shell = Shell(json=False)
    seen = on_a_screen(columns, lambda: tell_attempts(shell, [attempt]), monkeypatch)
    assert RUN in seen
    assert "asked again" in seen
