"""WHERE: one system per file, as source and as target."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lume_dagster.connectors.azure_blob.connector import AzureBlobConnector
    from lume_dagster.connectors.databricks.connector import DatabricksConnector
    from lume_dagster.connectors.duckdb_file.connector import DuckDBConnector
    from lume_dagster.connectors.local_files.connector import LocalFilesConnector
    from lume_dagster.connectors.mysql.connector import MySQLConnector
    from lume_dagster.connectors.postgres.connector import PostgresConnector
    from lume_dagster.connectors.s3.connector import S3Connector
    from lume_dagster.connectors.snowflake.connector import SnowflakeConnector
    from lume_dagster.connectors.sqlserver.connector import SQLServerConnector

__all__ = [
    "AzureBlobConnector",
    "DatabricksConnector",
    "DuckDBConnector",
    "LocalFilesConnector",
    "MySQLConnector",
    "PostgresConnector",
    "S3Connector",
    "SQLServerConnector",
    "SnowflakeConnector",
]

_HOMES = {
    "AzureBlobConnector": "lume_dagster.connectors.azure_blob.connector",
    "DatabricksConnector": "lume_dagster.connectors.databricks.connector",
    "DuckDBConnector": "lume_dagster.connectors.duckdb_file.connector",
    "LocalFilesConnector": "lume_dagster.connectors.local_files.connector",
    "MySQLConnector": "lume_dagster.connectors.mysql.connector",
    "PostgresConnector": "lume_dagster.connectors.postgres.connector",
    "S3Connector": "lume_dagster.connectors.s3.connector",
    "SQLServerConnector": "lume_dagster.connectors.sqlserver.connector",
    "SnowflakeConnector": "lume_dagster.connectors.snowflake.connector",
}


def __getattr__(name: str) -> Any:
    """Import a connector's module when the connector is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
