"""What the shell says of a project whose files are gone or do not open."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
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


def test_a_run_that_waits_for_the_warehouse_says_for_which_file_and_process(project):
    warehouse = project / ".lume" / "warehouse.duckdb"
    warehouse.parent.mkdir()
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = [sys.executable, "-m", "lume_dagster.cli", "run", "contacts", "contacts.csv"]
    with subprocess.Popen([sys.executable, "-c", hold, str(warehouse)], **pipes) as holder:
        holder.stdout.readline()
        with subprocess.Popen(run, cwd=project, text=True, **pipes) as waiting:
            told = waiting.stderr.readline()
            holder.stdin.close()
            assert waiting.communicate(timeout=120)[0].startswith("PARTIAL_FAILED")
    held = rf"{warehouse}, which another process \(\S+, PID {holder.pid}\) holds, for up to 60 sec"
    assert re.fullmatch(rf"Waiting for {held}onds\.\n", told)
