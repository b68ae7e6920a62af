"""What holds for every test: a clean environment, no silent skip in CI, and one run of the demo."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from lume_dagster.collector import set_aside
from lume_dagster.orchestration import migrations
from lume_dagster_tests.left_behind import leaves_nothing_behind
from lume_dagster_tests.servers.fleet import (
    may_be_missing,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_unconfigure,
)
from lume_dagster_tests.servers.groups import pytest_configure_node, pytest_xdist_make_scheduler

__all__ = [
    "leaves_nothing_behind",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_unconfigure",
    "pytest_xdist_make_scheduler",
]

ROOT = Path(__file__).parent.parent
_ASIDE = ExitStack()  # what holds as long as tests run

# A project, an instance or a server of the person who runs the tests must not leak into them.
for name in ("DAGSTER_HOME", "LUME_PROJECT", "LUME_API_URL", "LUME_API_KEY", "LUME_CA_BUNDLE"):
    os.environ.pop(name, None)
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"

# Where a shell runs the tests behind its back, SIGINT is ignored: Dagster would ignore SIGTERM as
# well, and the servers that are started after it would not stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No law may fail because the machine is busy; in continuous integration this is the default.
hypothesis.settings.register_profile(
    "on a busy machine",
    parent=hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("on a busy machine")


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


@pytest.hookimpl(tryfirst=True)  # xdist's own comes first and last
def pytest_runtestloop() -> None:
    """What costs every test a little: dead objects are looked for among the test's own only."""
    gc.collect()
    _ASIDE.enter_context(set_aside())
    gc.set_threshold(20_000, 20, 20)
    _ASIDE.enter_context(migrations.read_once())
    _spare_the_disk()


def pytest_sessionfinish() -> None:
    """What held for the tests ends with them."""
    _ASIDE.close()


def _spare_the_disk() -> None:
    """Nobody pulls the plug: what SQLite gave to the system need not reach the disk at each commit.

    A run writes a hundred times, and on a slow disk its test would wait for each.
    """
    import sqlalchemy

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
    def trust_the_system(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")


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
