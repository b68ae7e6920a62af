"""WHERE: one system per file, as source and as target."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lume_dagster.connectors.duckdb_file.connector import DuckDBConnector
    from lume_dagster.connectors.local_files.connector import LocalFilesConnector
    from lume_dagster.connectors.mysql.connector import MySQLConnector
    from lume_dagster.connectors.postgres.connector import PostgresConnector

__all__ = ["DuckDBConnector", "LocalFilesConnector", "MySQLConnector", "PostgresConnector"]

_HOMES = {
    "DuckDBConnector": "lume_dagster.connectors.duckdb_file.connector",
    "LocalFilesConnector": "lume_dagster.connectors.local_files.connector",
    "MySQLConnector": "lume_dagster.connectors.mysql.connector",
    "PostgresConnector": "lume_dagster.connectors.postgres.connector",
}


def __getattr__(name: str) -> Any:
    """Import a connector's module when the connector is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
