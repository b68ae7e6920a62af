"""A Databricks SQL warehouse."""
