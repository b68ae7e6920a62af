"""A project with a server before it, for all tests of the client."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lume_dagster.cli import lume
from lume_dagster.client import LumeRun
from lume_dagster.client.site import Order
from lume_dagster_tests.servers.lume_serve import Serving, serving
from lume_dagster_tests.waiting import SOON


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The project that `lume init` makes, served; each test has batches of its own."""
    project = tmp_path_factory.mktemp("served") / "shop"
    assert CliRunner().invoke(lume, ["init", str(project)]).exit_code == 0
    with serving(project) as server:
        yield server


@pytest.fixture
def batch(served: Serving, request: pytest.FixtureRequest) -> str:
    """A batch that no other test runs: the sample data under a name of its own."""
    landing = served.project / "landing"
    name = f"{request.node.name.partition('[')[0]}-{abs(hash(request.node.nodeid))}.csv"
    return Path(shutil.copy(landing / "contacts.csv", landing / name)).name


@pytest.fixture(scope="session")
def done(served: Serving) -> LumeRun:
    """A run of the sample data that has ended, three rows mapped and three rejected."""
    site = served.site()
    return LumeRun(site, site.start(Order("contacts:v1", "contacts.csv"))).wait(**SOON)
