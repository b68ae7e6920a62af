"""The servers that connector tests speak to."""

from lume_dagster_tests.servers.mysql import mariadb, mysql, mysql_database, mysql_like
from lume_dagster_tests.servers.postgres import postgres, postgres_database

__all__ = ["mariadb", "mysql", "mysql_database", "mysql_like", "postgres", "postgres_database"]
