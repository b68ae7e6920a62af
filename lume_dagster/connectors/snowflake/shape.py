"""The tables of a delivery in Snowflake: refuse those that do not fit, make those that lack.

Each question is a round trip of its own, so what is seldom the case is asked last: mostly all
tables are there, and ``DESCRIBE`` answers quicker than the information schema.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.snowflake.names import (
    MAX_NAME_BYTES,
    columns_spelled,
    literal,
    quoted,
)
from lume_dagster.connectors.snowflake.session import compiles, rows, run
from lume_dagster.connectors.sql.ddl import (
    REJECT_COLUMNS,
    Found,
    mapped_columns,
    refuse_other_shape,
    sql_type,
)
from lume_dagster.connectors.sql.ledger import LEDGER_COLUMNS
from lume_dagster.connectors.sql.tables import Tables, refuse_long_name
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

#: ``record`` is text, digit for digit as it was; ``errors`` can be asked: ``errors[0]:code``.
SNOWFLAKE_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "integer": "NUMBER(38,0)",
    "number": "FLOAT",
    "decimal": "NUMBER({0},{1})",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP_NTZ(6)",
    "time": "TIME(6)",
    "uuid": "VARCHAR",
    "json": "VARIANT",
    "record": "VARCHAR",
    "errors": "VARIANT",
}

#: A row where the schema is there, with the tables in it where it has any.
_LISTED = (
    "SELECT t.TABLE_NAME, t.TABLE_TYPE FROM {0}.INFORMATION_SCHEMA.SCHEMATA AS s "
    "LEFT JOIN {0}.INFORMATION_SCHEMA.TABLES AS t "
    "ON t.TABLE_SCHEMA = s.SCHEMA_NAME AND t.TABLE_NAME IN (?, ?, ?, ?) WHERE s.SCHEMA_NAME = ?"
)

# A length of VARCHAR that is Snowflake's longest, and a precision that holds microseconds.
_LONGEST = re.compile(r"VARCHAR\((16777216|134217728)\)")
_MICROSECONDS = re.compile(r"(TIMESTAMP_NTZ|TIME)\([6-9]\)")

_NOT_A_TABLE = {
    "VIEW": "a view",
    "MATERIALIZED VIEW": "a materialized view",
    "EXTERNAL TABLE": "an external table",
}
_NO_RIGHTS = 3001
#: What Snowflake answers of a table that is not there, or may not be seen.
NOT_THERE = frozenset({2003, 2043})

#: The table of one row that a delivery holds while it changes tables of the schema.
LOCK = "_lume_lock"
_HOLDER = "holder"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tables a delivery writes to, with their columns, as Snowflake spells them."""

    tables: Tables
    columns: Mapping[str, tuple[Column, ...]]

    def sql(self, name: str) -> str:
        """A quoted reference to a table."""
        return ".".join(quoted(part) for part in (self.tables.schema, name))

    @property
    def lock_name(self) -> str:
        """The lock of the schema."""
        return self.tables.spell(LOCK)

    @property
    def holder(self) -> str:
        """The lock's column, quoted."""
        return quoted(self.tables.spell(_HOLDER))


@dataclass(frozen=True, slots=True)
class There:
    """What is there of a delivery's tables."""

    columns: Mapping[str, Sequence[Found]]  # of those tables that were looked for and are there
    has_schema: bool = True


def wanted_tables(delivery: Delivery, tables: Tables) -> Wanted:
    """What a delivery needs in its schema.

    Raises:
        ConnectorError: names or types that Snowflake cannot keep.
    """
    for column in delivery.columns:
        sql_type(column, SNOWFLAKE_TYPES)
        refuse_long_name(column.name, MAX_NAME_BYTES)
    columns: dict[str, tuple[Column, ...]] = {
        tables.spell(LOCK): (Column(_HOLDER, "string"),),
        tables.name: mapped_columns(delivery.columns),
        tables.rejects_name: REJECT_COLUMNS,
        tables.ledger_name: LEDGER_COLUMNS,
    }
    spelled = {name: columns_spelled(these, tables.spell) for name, these in columns.items()}
    return Wanted(tables, spelled)


def tables_there(
    connection: SnowflakeConnection, wanted: Wanted, names: Sequence[str] | None = None
) -> There:
    """Those of the delivery's tables that exist (and may be seen), with their columns.

    ``names`` are those that matter, all unless said. Where the mapped table is missing, so are
    the others mostly: then the schema is asked for all of them.
    """
    mapped, has_schema = wanted.tables.name, True
    there = {mapped: _columns_of(connection, wanted.sql(mapped))}
    others: Collection[str] = set(names or wanted.columns) - {mapped}
    if not there[mapped]:
        kinds = _kinds(connection, wanted)
        others, has_schema = kinds or (), kinds is not None
    there |= {name: _columns_of(connection, wanted.sql(name)) for name in sorted(others)}
    return There({name: found for name, found in there.items() if found}, has_schema)


def _kinds(connection: SnowflakeConnection, wanted: Wanted) -> dict[str, str] | None:
    """Those of the delivery's tables that its schema lists, and what they are; None without it."""
    tables = wanted.tables
    query = _LISTED.format(quoted(tables.database))
    listed = rows(connection, query, (*wanted.columns, tables.schema))
    kinds = {row["table_name"]: row["table_type"] for row in listed if row["table_name"]}
    return kinds if listed else None


def _columns_of(connection: SnowflakeConnection, table: str) -> list[Found]:
    from snowflake.connector.errors import ProgrammingError

    try:
        described = rows(connection, f"DESCRIBE TABLE {table}")
    except ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
        return []
    return [Found(row["name"], _plain_type(row["type"]), row["null?"] == "Y") for row in described]


def _plain_type(type_: str) -> str:
    return _MICROSECONDS.sub(r"\1(6)", _LONGEST.sub("VARCHAR", type_))


def refuse_what_does_not_fit(connection: SnowflakeConnection, wanted: Wanted) -> None:
    """Refuse tables of another shape, a role without rights, and what is no table.

    A view has other columns, or cannot be written: only then is asked what it is.
    """
    from snowflake.connector.errors import ProgrammingError

    there = tables_there(connection, wanted)
    try:
        refuse_other_shapes(wanted, there)
        _refuse_missing_rights(connection, wanted, there)
    except (ConnectorError, ProgrammingError):
        _refuse_views(connection, wanted)
        raise


def _refuse_views(connection: SnowflakeConnection, wanted: Wanted) -> None:
    """Refuse what has the name of a table and is none."""
    for name, kind in (_kinds(connection, wanted) or {}).items():
        if kind in _NOT_A_TABLE:
            raise ConnectorError(
                f"{wanted.tables.location(name)} is {_NOT_A_TABLE[kind]}.",
                hint="name a table in the flow's target",
            )


def refuse_other_shapes(wanted: Wanted, there: There) -> None:
    """Refuse tables that are there with other columns."""
    for name, found in there.columns.items():
        where = wanted.tables.location(name)
        refuse_other_shape(where, wanted.columns[name], found, SNOWFLAKE_TYPES)


def _refuse_missing_rights(connection: SnowflakeConnection, wanted: Wanted, there: There) -> None:
    """Refuse a role that may not write: Snowflake compiles the statements and runs none.

    One statement needs all rights on a table; where it may not be run, each is asked for.
    """
    columns = {name: quoted(found[0].name) for name, found in there.columns.items()}
    lacking = [
        f"{right} on {wanted.tables.location(name)}"
        for name, column in columns.items()
        if not _may(connection, _probe(wanted.sql(name), column))
        for right, statement in _probes(wanted.sql(name), column).items()
        if not _may(connection, statement)
    ]
    if lacking:
        raise ConnectorError(
            f"The role {connection.role} lacks the right to {', '.join(lacking)}.",
            hint="have the owner GRANT it to the role, or set another role",
        )


def _probe(table: str, column: str) -> str:
    """A statement that needs every right."""
    return (
        f"MERGE INTO {table} AS held USING (SELECT {column} FROM {table}) AS seen ON FALSE "
        "WHEN MATCHED AND FALSE THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET {column} = seen.{column} "
        f"WHEN NOT MATCHED THEN INSERT ({column}) VALUES (seen.{column})"
    )


def _probes(table: str, column: str) -> dict[str, str]:
    """A statement that needs each right, by the right."""
    return {
        "SELECT": f"SELECT {column} FROM {table}",
        "INSERT": f"INSERT INTO {table} SELECT * FROM {table} WHERE FALSE",
        "UPDATE": f"UPDATE {table} SET {column} = {column} WHERE FALSE",
        "DELETE": f"DELETE FROM {table} WHERE FALSE",
    }


def _may(connection: SnowflakeConnection, statement: str) -> bool:
    error = compiles(connection, statement)
    if error is not None and error.errno != _NO_RIGHTS:
        raise error
    return error is None


def create_missing(connection: SnowflakeConnection, wanted: Wanted, there: There) -> None:
    """Make what is missing. Each statement commits by itself and may be run by several at once."""
    if not there.has_schema:
        run(connection, f"CREATE SCHEMA IF NOT EXISTS {quoted(wanted.tables.schema)}")
    for name in (name for name in wanted.columns if name not in there.columns):
        made = create_table(wanted.sql(name), wanted.columns[name], SNOWFLAKE_TYPES)
        run(connection, _create_lock(wanted) if name == wanted.lock_name else made)


def _create_lock(wanted: Wanted) -> str:
    """The statement that makes the lock with its row, so that there are never two rows."""
    table = wanted.sql(wanted.lock_name)
    return f"CREATE TABLE IF NOT EXISTS {table} AS SELECT CAST('' AS VARCHAR) AS {wanted.holder}"


def create_table(
    table: str, columns: Sequence[Column], types: Mapping[str, str], *, temporary: bool = False
) -> str:
    """The statement that makes a table, with its columns' descriptions."""
    definitions = ", ".join(_definition(column, types) for column in columns)
    kind = "TEMPORARY TABLE" if temporary else "TABLE IF NOT EXISTS"
    return f"CREATE {kind} {table} ({definitions})"


def _definition(column: Column, types: Mapping[str, str]) -> str:
    parts = [quoted(column.name), sql_type(column, types)]
    parts += [] if column.nullable else ["NOT NULL"]
    parts += [f"COMMENT {literal(column.description)}"] if column.description else []
    return " ".join(parts)
