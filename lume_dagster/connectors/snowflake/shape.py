"""The tables of a delivery in Snowflake: refuse those that do not fit, make those that lack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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

_TABLES = (
    "SELECT TABLE_NAME, TABLE_TYPE FROM {}.INFORMATION_SCHEMA.TABLES "
    "WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?, ?)"
)
_SCHEMATA = "SELECT SCHEMA_NAME FROM {}.INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME = ?"

# A length of VARCHAR that is Snowflake's longest, and a precision that holds microseconds.
_LONGEST = re.compile(r"VARCHAR\((16777216|134217728)\)")
_MICROSECONDS = re.compile(r"(TIMESTAMP_NTZ|TIME)\([6-9]\)")

_NOT_A_TABLE = {
    "VIEW": "a view",
    "MATERIALIZED VIEW": "a materialized view",
    "EXTERNAL TABLE": "an external table",
}
_NO_RIGHTS = 3001
_NOT_THERE = {2003, 2043}

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


def tables_there(connection: SnowflakeConnection, wanted: Wanted) -> dict[str, list[Found]]:
    """Those of the delivery's tables that exist (and may be seen), with their columns."""
    there = {name: _columns_of(connection, wanted.sql(name)) for name in wanted.columns}
    return {name: found for name, found in there.items() if found}


def _columns_of(connection: SnowflakeConnection, table: str) -> list[Found]:
    from snowflake.connector.errors import ProgrammingError

    try:
        described = rows(connection, f"DESCRIBE TABLE {table}")
    except ProgrammingError as error:
        if error.errno not in _NOT_THERE:
            raise
        return []
    return [Found(row["name"], _plain_type(row["type"]), row["null?"] == "Y") for row in described]


def _plain_type(type_: str) -> str:
    return _MICROSECONDS.sub(r"\1(6)", _LONGEST.sub("VARCHAR", type_))


def refuse_views(connection: SnowflakeConnection, wanted: Wanted) -> None:
    """Refuse what has the name of a table and is none."""
    tables = wanted.tables
    query = _TABLES.format(quoted(tables.database))
    for row in rows(connection, query, (tables.schema, tables.name, tables.rejects_name)):
        if row["table_type"] in _NOT_A_TABLE:
            raise ConnectorError(
                f"{tables.location(row['table_name'])} is {_NOT_A_TABLE[row['table_type']]}.",
                hint="name a table in the flow's target",
            )


def refuse_other_shapes(wanted: Wanted, there: Mapping[str, Sequence[Found]]) -> None:
    """Refuse tables that are there with other columns."""
    for name, found in there.items():
        where = wanted.tables.location(name)
        refuse_other_shape(where, wanted.columns[name], found, SNOWFLAKE_TYPES)


def refuse_missing_rights(
    connection: SnowflakeConnection, wanted: Wanted, there: Mapping[str, Sequence[Found]]
) -> None:
    """Refuse a role that may not write: Snowflake compiles the statements and runs none.

    One statement needs all rights on a table; where it may not be run, each is asked for.
    """
    columns = {name: quoted(found[0].name) for name, found in there.items()}
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


def create_missing(
    connection: SnowflakeConnection, wanted: Wanted, there: Mapping[str, Sequence[Found]]
) -> None:
    """Make what is missing. Each statement commits by itself and may be run by several at once."""
    tables = wanted.tables
    missing = [name for name in wanted.columns if name not in there]
    if missing:
        query = _SCHEMATA.format(quoted(tables.database))
        if not rows(connection, query, (tables.schema,)):
            run(connection, f"CREATE SCHEMA IF NOT EXISTS {quoted(tables.schema)}")
    for name in missing:
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
