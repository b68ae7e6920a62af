"""The servers that connector tests speak to."""

from lume_dagster_tests.servers.postgres import postgres, postgres_database
from lume_dagster_tests.servers.snowflake import snowflake, snowflake_database, snowflake_double

__all__ = [
    "postgres",
    "postgres_database",
    "snowflake",
    "snowflake_database",
    "snowflake_double",
]
