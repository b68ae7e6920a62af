"""Look at the tables of a schema, and refuse what cannot be delivered into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import (
    REJECT_COLUMNS,
    Found,
    mapped_columns,
    refuse_other_shape,
    refuse_twins,
    sql_type,
)
from lume_dagster.connectors.sql.ledger import LEDGER_COLUMNS
from lume_dagster.connectors.sql.tables import LEDGER, Tables, parse_table
from lume_dagster.connectors.sqlserver.session import Session
from lume_dagster.connectors.sqlserver.statement import utf16_bytes
from lume_dagster.connectors.sqlserver.types import SQLSERVER_TYPES, CatalogType
from lume_dagster.errors import ConnectorError

_MOST_UNITS = 128
_MOST_BYTES = 3 * _MOST_UNITS  # of a name in UTF-8, at most

_COLUMNS = """
SELECT CASE WHEN o.name = ? THEN 0 WHEN o.name = ? THEN 1 ELSE 2 END, o.type_desc,
       c.name, y.name, c.max_length, c.precision, c.scale, c.is_nullable,
       CASE WHEN c.is_computed = 1 OR c.is_identity = 1 THEN 1 ELSE 0 END
FROM sys.schemas AS s
JOIN sys.objects AS o ON o.schema_id = s.schema_id
JOIN sys.columns AS c ON c.object_id = o.object_id
JOIN sys.types AS y ON y.user_type_id = c.user_type_id
WHERE s.name = ? AND o.name IN (?, ?, ?) ORDER BY o.name, c.column_id
"""
_TABLE = "USER_TABLE"
_RIGHTS = ("ALTER", "SELECT", "INSERT", "UPDATE", "DELETE")
_OF_DATABASE = ("CREATE TABLE", "CREATE SCHEMA")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery goes, and whether names that differ in case only are one name there."""

    tables: Tables
    folds_case: bool

    def same_name(self, name: str) -> str:
        """The form of a name in which equal names are equal."""
        return name.casefold() if self.folds_case else name

    @property
    def ledger_name(self) -> str:
        """What the ledger calls the table."""
        return self.same_name(self.tables.qualified)


def find_place(session: Session, table: str, default_schema: str) -> Place:
    """A table and those beside it in the session's database."""
    tables = parse_table(
        table, database=session.database, schema=default_schema, max_bytes=_MOST_BYTES
    )
    return Place(tables, session.folds_case)


def wanted_tables(delivery: Delivery, tables: Tables) -> Iterator[tuple[str, tuple[Column, ...]]]:
    """The tables a delivery writes to, by name, with their columns."""
    yield tables.name, mapped_columns(delivery.columns)
    yield tables.rejects_name, REJECT_COLUMNS
    yield LEDGER, LEDGER_COLUMNS


def tables_there(session: Session, place: Place) -> dict[str, list[Found]]:
    """Those of the delivery's tables that exist, with their columns."""
    tables = place.tables
    names = (tables.name, tables.rejects_name, LEDGER)
    found: dict[str, list[Found]] = {}
    # Which of the names it is, the server says: its collation may take Café, cafe and CAFÉ for one.
    for number, kind, column, *type_, nullable, computed in session.rows(
        _COLUMNS, (*names[:2], tables.schema, *names)
    ):
        name = names[number]
        if kind != _TABLE:
            raise ConnectorError(
                f"{tables.location(name)} is a {kind.replace('_', ' ').lower()}, not a table.",
                hint="name a table in the flow's target",
            )
        shown = str(CatalogType(*type_))
        found.setdefault(name, []).append(Found(column, shown, bool(nullable), bool(computed)))
    return found


def refuse_other_shapes(
    delivery: Delivery, place: Place, there: Mapping[str, Sequence[Found]]
) -> None:
    """Refuse tables that are there with other columns."""
    for name, columns in wanted_tables(delivery, place.tables):
        if name in there:
            where = place.tables.location(name)
            refuse_other_shape(where, columns, there[name], SQLSERVER_TYPES, place.same_name)


def refuse_missing_rights(session: Session, tables: Tables) -> None:
    """Refuse a user who may not write, before anything is written."""
    of_database = [f"HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', '{r}')" for r in _OF_DATABASE]
    of_schema = [f"HAS_PERMS_BY_NAME(QUOTENAME(?), 'SCHEMA', '{r}')" for r in _RIGHTS]
    there = "(SELECT COUNT(*) FROM sys.schemas WHERE name = ?)"
    names = (tables.schema,) * (len(of_schema) + 1)
    asked = session.rows(f"SELECT {', '.join([*of_database, *of_schema, there])}", names)
    *answers, is_there = asked[0]
    may_table, may_schema, *rights = map(bool, answers)
    lacking = [] if may_table else ["CREATE TABLE in the database"]
    if is_there:
        missing = [right for right, has in zip(_RIGHTS, rights, strict=True) if not has]
        lacking += [f"{right} on the schema {tables.schema}" for right in missing]
    elif not may_schema:
        lacking.append("CREATE SCHEMA in the database")
    if lacking:
        user = session.rows("SELECT SUSER_SNAME()")[0][0]
        raise ConnectorError(
            f"The user {user} lacks the right to {', '.join(lacking)} ({tables.database}).",
            hint="have the owner GRANT it; a batch is loaded through a table of its own",
        )


def refuse_names(delivery: Delivery, place: Place) -> None:
    """Refuse names and types that SQL Server cannot keep."""
    columns = mapped_columns(delivery.columns)
    for column in columns:
        sql_type(column, SQLSERVER_TYPES)
    refuse_twins(columns, f"The database {place.tables.database}", place.same_name)
    for name in (place.tables.schema, place.tables.rejects_name, *(c.name for c in columns)):
        units = utf16_bytes(name) // 2
        if units > _MOST_UNITS:
            raise ConnectorError(
                f"The name {name!r} is {units} characters long; SQL Server keeps {_MOST_UNITS}.",
                hint="choose a shorter name in the flow",
            )
