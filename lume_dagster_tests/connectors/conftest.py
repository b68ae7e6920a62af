"""The servers that connector tests speak to."""

from lume_dagster_tests.servers.postgres import postgres, postgres_database
from lume_dagster_tests.servers.sqlserver.fixture import sqlserver, sqlserver_database

__all__ = ["postgres", "postgres_database", "sqlserver", "sqlserver_database"]
