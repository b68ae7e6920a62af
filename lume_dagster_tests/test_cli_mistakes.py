"""What the shell says of mistakes that people make in a project's own files, and of a port in use."""

from __future__ import annotations

import re
import socket
from pathlib import Path

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


def test_the_ui_does_not_come_up_where_something_else_listens(project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = say(project, "ui", "--port", str(port))
    assert said.exit_code == 2
    assert f"cannot listen on port {port} of 127.0.0.1: address already in use.\n" in said.stderr


def test_a_dry_run_says_which_line_reads_like_the_header(project):
    file = project / "landing" / "titled.csv"
    text = (project / "landing" / "contacts.csv").read_text("utf-8")
    file.write_text("People of the sales team,,,,,\n" + text, "utf-8")
    said = say(project, "run", "contacts:draft", "titled.csv", "--dry-run", "2")
    assert said.exit_code == 4
    assert "Line 2 of titled.csv reads like its header." in said.stderr
    assert "skip_lines: 1 under source.format of the draft\n" in said.stderr
