"""The servers that connector tests speak to."""

from lume_dagster_tests.servers.azurite import azure_config, azurite
from lume_dagster_tests.servers.databricks.fixture import databricks, faulty, warehouse_server
from lume_dagster_tests.servers.moto import moto, s3_config
from lume_dagster_tests.servers.mysql import mariadb, mysql, mysql_database, mysql_like
from lume_dagster_tests.servers.postgres import postgres, postgres_database
from lume_dagster_tests.servers.snowflake import snowflake, snowflake_database, snowflake_double
from lume_dagster_tests.servers.sqlserver.fixture import sqlserver, sqlserver_database

__all__ = [
    "azure_config",
    "azurite",
    "databricks",
    "faulty",
    "mariadb",
    "moto",
    "mysql",
    "mysql_database",
    "mysql_like",
    "postgres",
    "postgres_database",
    "s3_config",
    "snowflake",
    "snowflake_database",
    "snowflake_double",
    "sqlserver",
    "sqlserver_database",
    "warehouse_server",
]
