"""Tests of one group run in one process, the longest group first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

CONFTEST = """\
import pytest
from lume_dagster_tests.servers import groups
from lume_dagster_tests.servers.groups import pytest_configure_node, pytest_xdist_make_scheduler

def pytest_collection_modifyitems(config, items):
    groups.arrange(config, items, [item.name.split("_")[1] for item in items])

def pytest_unconfigure():
    groups.close()

@pytest.fixture(autouse=True)
def said(request, worker_id):
    with (request.config.rootpath / worker_id).open("a") as file:
        file.write(request.node.name + "\\n")
"""
TESTS = "\n".join(
    f"def test_{group}_{n}(): pass" for n in range(6) for group in ("small", "moto", "postgres")
)


def test_a_group_runs_in_one_process_and_the_longest_begins_first(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(f"{TESTS}\n")
    (tmp_path / "pytest.ini").touch()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-p", "no:randomly"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ran = [(tmp_path / worker).read_text().split() for worker in ("gw0", "gw1")]
    kinds = [[name.split("_")[1] for name in names] for names in ran]
    assert {kind[0] for kind in kinds} == {"postgres", "moto"}
    for group in ("small", "moto", "postgres"):
        assert sorted(kind.count(group) for kind in kinds) == [0, 6], kinds
