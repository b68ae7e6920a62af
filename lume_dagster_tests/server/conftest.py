"""Servers for tests: one on a project as `lume init` writes it, and one on a stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lume_dagster import client
from lume_dagster.cli import lume
from lume_dagster_tests.orchestration.conftest import Bench, bench, blank_instance
from lume_dagster_tests.server.calling import Served, serving
from lume_dagster_tests.waiting import SOON

__all__ = ["bench", "blank_instance"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The starter project behind a server; tests leave its flow as it is."""
    folder: Path = tmp_path_factory.mktemp("served") / "shop"
    assert CliRunner().invoke(lume, ["init", str(folder)]).exit_code == 0
    with serving(folder) as served:
        yield served


@pytest.fixture(scope="module")
def ran(shop: Served) -> str:
    """The id of a run of the starter's batch, which has ended."""
    run = shop.start("contacts", "contacts.csv", run_metadata={"by": "test"})
    return str(shop.wait(run["id"])["id"])


@pytest.fixture
def stage(bench: Bench) -> Iterator[Served]:
    """A server on a project whose runs can be held, failed and killed."""
    with serving(bench.folder, "--max-runs", "3") as served:
        yield served
        for run in client.runs(project=bench.folder):
            run.wait(**SOON, raise_on_failure=False)
