"""The servers that connector tests speak to."""

from lume_dagster_tests.servers.postgres import postgres, postgres_database

__all__ = ["postgres", "postgres_database"]
