"""What holds for every test: a clean environment, no silent skip in CI, and one run of the demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lume_dagster_tests.servers.fleet import (
    may_be_missing,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_unconfigure,
)

__all__ = [
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_unconfigure",
]

ROOT = Path(__file__).parent.parent

# A project or an instance of the person who runs the tests must not leak into them.
for name in ("DAGSTER_HOME", "LUME_PROJECT"):
    os.environ.pop(name, None)
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI=true, everything that a test may need is installed: a skip is a failure."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if os.environ.get("CI") == "true" and skipped and not may_be_missing(item, report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"a test may not be skipped in continuous integration: {report.longrepr}"
    return report


@dataclass(frozen=True)
class Demo:
    """What `make demo` left and printed."""

    project: Path
    printed: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo on the real data, run once, as a person runs it, on a copy of the examples."""
    project = tmp_path_factory.mktemp("demo")
    for path in ("definitions.py", "workspace.yaml", "Makefile"):
        shutil.copy(ROOT / path, project)
    shutil.copytree(ROOT / "examples", project / "examples")
    done = subprocess.run(
        [sys.executable, "-m", "lume_dagster.cli", "demo"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Demo(project, done.stdout)
