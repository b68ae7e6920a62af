"""A project that was moved still finds what its runs left."""

from __future__ import annotations

import shutil
from pathlib import Path

from click.testing import CliRunner

from lume_dagster.cli import lume
from lume_dagster_tests.test_cli_verbs import answer, say


def test_what_a_run_left_is_found_where_the_project_was_moved_to(tmp_path):
    ran = tmp_path / "shop"
    assert CliRunner().invoke(lume, ["init", str(ran)]).exit_code == 0
    assert say(ran, "run", "contacts", "contacts.csv").exit_code == 0
    moved = tmp_path / "moved"
    shutil.copytree(ran, moved, ignore=shutil.ignore_patterns("__pycache__"))
    (output,) = answer(moved, "status")["metadata"]["outputs"]
    assert Path(output["folder"]).is_relative_to(moved)
    written = answer(moved, "download", "last", str(tmp_path / "out"))["files"]
    assert len(written) == 4
    assert len(answer(moved, "rejects")) == 3
    shutil.rmtree(moved / ".lume" / "output")
    (output,) = answer(moved, "status")["metadata"]["outputs"]
    assert Path(output["folder"]).is_relative_to(ran)
