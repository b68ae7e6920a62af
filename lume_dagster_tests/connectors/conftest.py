"""The servers that connector tests speak to."""

from lume_dagster_tests.servers.azurite import azure_config, azurite
from lume_dagster_tests.servers.databricks.fixture import databricks, faulty, warehouse_server
from lume_dagster_tests.servers.moto import moto, s3_config
from lume_dagster_tests.servers.postgres import postgres, postgres_database
from lume_dagster_tests.servers.sqlserver.fixture import sqlserver, sqlserver_database

__all__ = [
    "azure_config",
    "azurite",
    "databricks",
    "faulty",
    "moto",
    "postgres",
    "postgres_database",
    "s3_config",
    "sqlserver",
    "sqlserver_database",
    "warehouse_server",
]
