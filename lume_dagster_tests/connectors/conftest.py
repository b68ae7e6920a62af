"""The servers that connector tests speak to."""

from lume_dagster_tests.servers.databricks.fixture import databricks, faulty, warehouse_server
from lume_dagster_tests.servers.postgres import postgres, postgres_database

__all__ = ["databricks", "faulty", "postgres", "postgres_database", "warehouse_server"]
