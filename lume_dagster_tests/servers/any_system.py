"""An empty place in every system that a connector reaches, for laws that hold on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lume_dagster import connectors
from lume_dagster_tests.servers.azurite import azure_config, azurite
from lume_dagster_tests.servers.databricks.fixture import databricks
from lume_dagster_tests.servers.moto import moto, s3_config
from lume_dagster_tests.servers.mysql import mariadb
from lume_dagster_tests.servers.postgres import postgres
from lume_dagster_tests.servers.snowflake import snowflake
from lume_dagster_tests.servers.sqlserver.fixture import sqlserver

#: What a test module that asks for a system must have.
FIXTURES = {
    "azure_config": azure_config,
    "azurite": azurite,
    "databricks": databricks,
    "mariadb": mariadb,
    "moto": moto,
    "postgres": postgres,
    "s3_config": s3_config,
    "snowflake": snowflake,
    "sqlserver": sqlserver,
}


@contextmanager
def place_in(system: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Any]:
    """A connector to an empty place in a system; ``system`` is also its server's fixture."""
    with _PLACES[system](request, folder) as connector:
        yield connector


def _local(
    make: Callable[[Path], Any],
) -> Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Any]]:
    @contextmanager
    def place(_: pytest.FixtureRequest, folder: Path) -> Iterator[Any]:
        yield make(folder)

    return place


def _lake(folder: Path) -> Any:
    (folder / "lake").mkdir()
    return connectors.LocalFilesConnector(root=str(folder / "lake"))


def _by_config(
    kind: str, fixture: str
) -> Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Any]]:
    @contextmanager
    def place(request: pytest.FixtureRequest, _: Path) -> Iterator[Any]:
        yield getattr(connectors, kind)(**request.getfixturevalue(fixture))

    return place


def _by_database(
    kind: str, fixture: str
) -> Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Any]]:
    @contextmanager
    def place(request: pytest.FixtureRequest, _: Path) -> Iterator[Any]:
        server = request.getfixturevalue(fixture)
        with server.new_database() as database:
            yield getattr(connectors, kind)(**server.config(database))

    return place


@contextmanager
def _databricks(request: pytest.FixtureRequest, _: Path) -> Iterator[Any]:
    server = request.getfixturevalue("databricks")
    server.empty()
    yield connectors.DatabricksConnector(**server.config())


_PLACES: Mapping[str, Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Any]]] = {
    "duckdb": _local(lambda folder: connectors.DuckDBConnector(path=str(folder / "w.duckdb"))),
    "local_files": _local(_lake),
    "postgres": _by_database("PostgresConnector", "postgres"),
    "mariadb": _by_database("MySQLConnector", "mariadb"),
    "sqlserver": _by_database("SQLServerConnector", "sqlserver"),
    "snowflake": _by_database("SnowflakeConnector", "snowflake"),
    "databricks": _databricks,
    "moto": _by_config("S3Connector", "s3_config"),
    "azurite": _by_config("AzureBlobConnector", "azure_config"),
}

SYSTEMS = tuple(_PLACES)
