"""A Snowflake database."""
