"""Look at the tables of a PostgreSQL schema, and refuse what cannot be delivered into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lume_dagster.connectors.postgres.session import rows
from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import (
    POSTGRES_TYPES,
    REJECT_COLUMNS,
    Found,
    mapped_columns,
    refuse_other_shape,
    sql_type,
)
from lume_dagster.connectors.sql.ledger import LEDGER_COLUMNS
from lume_dagster.connectors.sql.tables import LEDGER, Tables, refuse_long_name
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

MAX_NAME_BYTES = 63

_COLUMNS = """
SELECT c.relname::text, c.relkind::text, a.attname::text,
       format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       coalesce(to_jsonb(a) ->> 'attgenerated', '') <> ''
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = $1 AND c.relname IN ($2, $3, $4) ORDER BY a.attnum
"""
_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "i": "an index"}
#: What every table of PostgreSQL has already.
_SYSTEM_NAMES = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_ROW_SECURITY = "row security"


def wanted_tables(delivery: Delivery, tables: Tables) -> Iterator[tuple[str, tuple[Column, ...]]]:
    """The tables a delivery writes to, by name, with their columns."""
    yield tables.name, mapped_columns(delivery.columns)
    yield tables.rejects_name, REJECT_COLUMNS
    yield LEDGER, LEDGER_COLUMNS


def refuse_names(delivery: Delivery) -> None:
    """Refuse names and types that PostgreSQL cannot keep."""
    for column in delivery.columns:
        sql_type(column, POSTGRES_TYPES)
        refuse_long_name(column.name, MAX_NAME_BYTES)
        if column.name in _SYSTEM_NAMES:
            raise ConnectorError(
                f"PostgreSQL keeps the name {column.name!r} for itself.",
                hint="choose another name in the flow's schema",
            )


def tables_there(connection: Connection, tables: Tables) -> dict[str, list[Found]]:
    """Those of the delivery's tables that exist, with their columns."""
    names = (tables.name, tables.rejects_name, LEDGER)
    found: dict[str, list[Found]] = {}
    for name, kind, *column in rows(connection, _COLUMNS, (tables.schema, *names)):
        if kind not in {"r", "p"}:
            raise ConnectorError(
                f"{tables.location(name)} is {_KINDS.get(kind, 'not a table')}.",
                hint="name a table in the flow's target",
            )
        found.setdefault(name, []).append(Found(*column))
    return found


def refuse_other_shapes(
    delivery: Delivery, tables: Tables, there: Mapping[str, Sequence[Found]]
) -> None:
    """Refuse tables that are there with other columns."""
    for name, columns in wanted_tables(delivery, tables):
        if name in there:
            refuse_other_shape(tables.location(name), columns, there[name], POSTGRES_TYPES)


def refuse_missing_rights(
    connection: Connection, tables: Tables, there: Mapping[str, Sequence[Found]]
) -> None:
    """Refuse a user who may not write, before anything is written."""
    held = _held(connection, tables, list(there))
    lacking = [
        f"{right} on {tables.location(name)}"
        for name in there
        for right in _RIGHTS
        if right not in held[name]
    ]
    if len(there) < len((tables.name, tables.rejects_name, LEDGER)):
        lacking += _lacking_to_create(connection, tables)
    if lacking:
        user = rows(connection, "SELECT current_user::text")[0][0]
        raise ConnectorError(
            f"The user {user} lacks the right to {', '.join(lacking)}.",
            hint="have the owner GRANT it",
        )
    for name in there:
        if _ROW_SECURITY in held[name]:
            raise ConnectorError(
                f"Row-level security holds for this user on {tables.location(name)}, and COPY "
                "cannot write there.",
                hint="have the owner exempt the user (BYPASSRLS), or name another table",
            )


def _held(connection: Connection, tables: Tables, names: Sequence[str]) -> dict[str, set[str]]:
    """The rights on each table, and whether its rows are hidden from some: in one question."""
    asked = [
        f"SELECT {i} AS number, '{right}' AS held WHERE has_table_privilege(${i}, '{right}')"
        for i in range(1, len(names) + 1)
        for right in _RIGHTS
    ]
    asked += [
        f"SELECT {i}, '{_ROW_SECURITY}' WHERE row_security_active(${i})"
        for i in range(1, len(names) + 1)
    ]
    held: dict[str, set[str]] = {name: set() for name in names}
    if not names:
        return held
    quoted = [f"{_ident(tables.schema)}.{_ident(name)}" for name in names]
    for number, right in rows(connection, " UNION ALL ".join(asked), quoted):
        held[names[number - 1]].add(right)
    return held


def _lacking_to_create(connection: Connection, tables: Tables) -> list[str]:
    query = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1"
    if rows(connection, query, (tables.schema,))[0][0] == 0:
        has = _has(connection, "database", tables.database, "CREATE")
        return [] if has else [f"CREATE a schema in the database {tables.database}"]
    has = _has(connection, "schema", tables.schema, "CREATE")
    return [] if has else [f"CREATE tables in the schema {tables.schema}"]


def _has(connection: Connection, kind: str, name: str, right: str) -> bool:
    query = f"SELECT has_{kind}_privilege($1, $2)"
    return bool(rows(connection, query, (name, right))[0][0])


def _ident(name: str) -> str:
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql("postgres")
