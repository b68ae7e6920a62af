"""What the shell says of a project whose files are gone or do not open."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import lume_dagster as lume
from lume_dagster.cli import lume as command


def say(project: Path, *arguments: str) -> Result:
    """Call the command as a person does who stands in the project."""
    return CliRunner().invoke(command, [*arguments, "--project", str(project)])


@pytest.fixture
def project(tmp_path) -> Path:
    """A project as `lume init` writes it."""
    assert CliRunner().invoke(command, ["init", str(tmp_path / "shop")]).exit_code == 0
    return tmp_path / "shop"


def test_rejects_whose_files_are_gone_are_not_called_none(project, tmp_path):
    assert say(project, "run", "contacts", "contacts.csv").exit_code == 0
    shutil.rmtree(project / ".lume" / "output")
    for verb in (("rejects",), ("rejects", "--json")):
        said = say(project, *verb)
        assert said.exit_code == 2
        assert "rejected 3 rows, but" in said.stderr
    assert "pruned or moved" in say(project, "download", "last", str(tmp_path / "d")).stderr


def test_an_instance_that_does_not_open_is_told_with_its_place(project):
    (project / ".lume/dagster/history/runs.db").mkdir(parents=True)
    said = say(project, "runs")
    assert said.exit_code == 7
    assert re.search(r"instance in \S+dagster cannot be opened: unable to open", said.stderr)


@pytest.mark.parametrize("given", [None, 5])
def test_what_is_no_text_is_no_address_and_no_run(project, given):
    with pytest.raises(lume.InvalidRequestError, match=f"there is no flow '{given}'"):
        lume.run(given, "contacts.csv", project=project)
    with pytest.raises(lume.InvalidRequestError, match="is not a run id"):
        lume.run_status(given, project=project)
