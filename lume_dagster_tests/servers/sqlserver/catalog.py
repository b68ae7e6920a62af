"""The catalog views of a database, made of DuckDB's own and of what was declared."""

from __future__ import annotations

import duckdb

from lume_dagster_tests.servers.sqlserver.declared import TYPE_NAMES, Declared

_MINE = "database_name = current_database()"
_TYPES = ", ".join(f"({number}, '{name}')" for number, name in sorted(TYPE_NAMES.items()))
_EXTRAS = (
    "0 AS collation_id, 'SQL_Latin1_General_CP1_CI_AS' AS collation_name, "
    "coalesce(d.is_identity, false) AS is_identity, false AS is_computed"
)

_VIEWS = {
    "schemas": f"SELECT oid AS schema_id, schema_name AS name FROM duckdb_schemas() WHERE {_MINE}",
    "objects": f"""
        SELECT table_oid AS object_id, table_name COLLATE NOCASE AS name, schema_oid AS schema_id,
               'U' AS type, 'USER_TABLE' AS type_desc FROM duckdb_tables()
        WHERE {_MINE} AND schema_name <> 'sys'
        UNION ALL
        SELECT view_oid, view_name COLLATE NOCASE, schema_oid, 'V', 'VIEW' FROM duckdb_views()
        WHERE {_MINE} AND NOT internal AND schema_name <> 'sys'""",
    "tables": "SELECT * FROM sys.objects WHERE type = 'U'",
    "types": f"SELECT * FROM (VALUES {_TYPES}) AS t(user_type_id, name)",
    "columns": f"""
        SELECT c.table_oid AS object_id, c.column_name AS name, c.column_index AS column_id,
               coalesce(d.type_id, 231) AS user_type_id, coalesce(d.type_id, 231) AS system_type_id,
               coalesce(d.size, -1) AS max_length, coalesce(d.precision, 0) AS precision,
               coalesce(d.scale, 0) AS scale, c.is_nullable, {_EXTRAS}
        FROM (SELECT * FROM duckdb_columns() WHERE {_MINE}) AS c
        LEFT JOIN sys.declared AS d
        ON (c.schema_name, c.table_name, c.column_name) = (d.in_schema, d.in_table, d.name)""",
}

_VIEWS["extended_properties"] = f"""
    SELECT 1 AS class, c.table_oid AS major_id, c.column_index AS minor_id,
           'MS_Description' AS name, d.value
    FROM sys.described AS d JOIN (SELECT * FROM duckdb_columns() WHERE {_MINE}) AS c
    ON (c.schema_name, c.table_name, c.column_name) = (d.in_schema, d.in_table, d.name)"""

_MACROS = (
    "db_name() AS current_database()",
    "schema_id(n) AS (SELECT schema_id FROM sys.schemas WHERE name = n)",
    "quotename(n) AS '[' || replace(n, ']', ']]') || ']'",
    r"datalength(x) AS 2 * (length(x) + length(regexp_replace(x, '[\x{0}-\x{FFFF}]', '', 'g')))",
    "serverproperty(n) AS '16.0.0 stand-in'",
)

DECLARED = (
    "in_schema VARCHAR, in_table VARCHAR, name VARCHAR, type VARCHAR, type_id INTEGER, "
    "size INTEGER, precision INTEGER, scale INTEGER, is_identity BOOLEAN"
)
DESCRIBED = "in_schema VARCHAR, in_table VARCHAR, name VARCHAR, value VARCHAR"


def make_database(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """An empty database with its catalog; the connection is left in it."""
    connection.execute(f"ATTACH ':memory:' AS \"{name}\"")
    connection.execute(f'CREATE SCHEMA "{name}".dbo; CREATE SCHEMA "{name}".sys')
    connection.execute(f'USE "{name}".dbo')
    connection.execute(f"CREATE TABLE sys.declared ({DECLARED})")
    connection.execute(f"CREATE TABLE sys.described ({DESCRIBED})")
    for view, query in _VIEWS.items():
        connection.execute(f"CREATE VIEW sys.{view} AS {query}")
    for macro in _MACROS:
        connection.execute(f"CREATE MACRO {macro}")


def declare(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, column: str, type_: Declared
) -> None:
    """Remember how a column was declared."""
    connection.execute(
        "INSERT INTO sys.declared VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            *(schema, table, column),
            *(
                type_.name,
                type_.number,
                type_.size,
                type_.precision,
                type_.scale,
                type_.is_identity,
            ),
        ],
    )


def forget(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    """Forget a table that is dropped."""
    for view in ("declared", "described"):
        connection.execute(
            f"DELETE FROM sys.{view} WHERE in_schema = $1 AND in_table = $2", [schema, table]
        )


def declared_columns(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str
) -> dict[str, Declared]:
    """How a table's columns were declared."""
    rows = connection.execute(
        "SELECT name, type, type_id, size, precision, scale, is_identity FROM sys.declared "
        "WHERE lower(in_schema) = lower($1) AND lower(in_table) = lower($2)",
        [schema, table],
    ).fetchall()
    return {name.lower(): Declared(*rest) for name, *rest in rows}
