"""The tables of a delivery in Unity Catalog: their names, their columns, and what does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lume_dagster.connectors.databricks.session import Session, identifier, literal
from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import (
    REJECT_COLUMNS,
    RUN_ID,
    SOURCE_PATH,
    Found,
    mapped_columns,
    refuse_other_shape,
    refuse_twins,
    sql_type,
)
from lume_dagster.connectors.sql.ledger import LEDGER_COLUMNS
from lume_dagster.connectors.sql.tables import LEDGER, Tables, parse_table, refuse_long_name
from lume_dagster.errors import ConnectorError

#: As DESCRIBE spells them. TIME is in beta on Databricks and VARIANT rounds numbers and is unknown
#: to older readers: times and JSON are text.
TYPES: Mapping[str, str] = {
    "string": "string",
    "integer": "bigint",
    "number": "double",
    "decimal": "decimal({0},{1})",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp_ntz",
    "time": "string",
    "uuid": "string",
    "json": "string",
    "record": "string",
    "errors": "array<struct<field:string,code:string,message:string,value:string>>",
}

#: An entry is ``writing`` until all of its rows are where they belong, then ``done``.
ATTEMPT, STATE, WRITING, DONE = "attempt", "state", "writing", "done"
ENTRY_COLUMNS = (
    *LEDGER_COLUMNS,
    Column(ATTEMPT, "string", nullable=False, description="a delivery, repeated or not"),
    Column(STATE, "string", nullable=False, description="writing, or done"),
)

MAX_NAME_BYTES = 255
_NOT_IN_DELTA = set(" ,;{}()\n\t=")
_STATISTICS = 32  # Delta keeps the least and the greatest value of so many columns
_NO_SCHEMA = "SCHEMA_NOT_FOUND"
_MISSING = ("TABLE_OR_VIEW_NOT_FOUND", _NO_SCHEMA)
_ALREADY_THERE = ("TABLE_OR_VIEW_ALREADY_EXISTS", "TABLE_ALREADY_EXISTS")


@dataclass(frozen=True, slots=True)
class Existing:
    """A table that is there: its columns in their order."""

    columns: tuple[Found, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order in which a row is inserted."""
        return tuple(column.name for column in self.columns)


def named(table: str, catalog: str, schema: str) -> Tables:
    """The tables that a flow's ``table`` stands for. Unity Catalog keeps names in lower case."""
    text = table.lower()
    parts = text.split(".")
    reached = parts[0] if len(parts) == 3 else catalog.lower()  # noqa: PLR2004 - catalog.schema.table
    return parse_table(text, database=reached, schema=schema.lower(), max_bytes=MAX_NAME_BYTES)


def reference(tables: Tables, name: str) -> str:
    """A table's quoted name in three levels."""
    return identifier(tables.database, tables.schema, name)


def wanted_tables(delivery: Delivery, tables: Tables) -> Iterator[tuple[str, tuple[Column, ...]]]:
    """The tables a delivery writes to, by name, with their columns."""
    yield tables.name, mapped_columns(delivery.columns)
    yield tables.rejects_name, REJECT_COLUMNS
    yield LEDGER, ENTRY_COLUMNS


def refuse_names(delivery: Delivery) -> None:
    """Refuse columns that Delta cannot keep."""
    for column in delivery.columns:
        sql_type(column, TYPES)
        refuse_long_name(column.name, MAX_NAME_BYTES)
        bad = sorted(_NOT_IN_DELTA & set(column.name))
        if bad:
            raise ConnectorError(
                f"Delta cannot keep the name {column.name!r}: it holds {bad[0]!r}.",
                hint="choose a name without spaces, commas, semicolons, brackets, tabs and =",
            )
    refuse_twins(delivery.columns, "Databricks", str.lower)


def tables_there(
    session: Session, delivery: Delivery, tables: Tables, names: Collection[str]
) -> dict[str, Existing]:
    """Those of the named tables that exist; a table of another shape is refused."""
    found = {name: _described(session, tables, name) for name in names}
    there = {name: Existing(columns) for name, columns in found.items() if columns is not None}
    _refuse_other_shapes(delivery, tables, there)
    return there


def refuse_what_does_not_fit(
    session: Session, delivery: Delivery, tables: Tables
) -> dict[str, Existing]:
    """The delivery's tables that exist; those of another shape, or stricter, are refused."""
    names = [name for name, _ in wanted_tables(delivery, tables)]
    there = tables_there(session, delivery, tables, names)
    if tables.name in there:
        strict, kept = _strict(session, tables), there[tables.name].columns
        known = tuple(Found(c.name, c.type, c.name not in strict) for c in kept)
        _refuse_other_shapes(delivery, tables, {tables.name: Existing(known)})
    return there


def _described(session: Session, tables: Tables, name: str) -> tuple[Found, ...] | None:
    try:
        lines = session.rows(f"DESCRIBE TABLE EXTENDED {reference(tables, name)}")
    except ConnectorError as error:
        if missing_is(error):
            return None
        raise
    names = [str(line[0]) for line in lines]
    end = next((i for i, n in enumerate(names) if not n or n.startswith("#")), len(names))
    details = {str(line[0]): str(line[1]) for line in lines[end:]}
    _refuse_other_kinds(tables.location(name), details)
    return tuple(Found(str(line[0]), str(line[1]), nullable=True) for line in lines[:end])


def _refuse_other_kinds(where: str, details: Mapping[str, str]) -> None:
    kind, provider = details.get("Type", "MANAGED"), details.get("Provider", "delta")
    if kind not in {"MANAGED", "EXTERNAL"}:
        word = kind.lower().replace("_", " ")
        hint = "name a table in the flow's target"
        raise ConnectorError(f"{where} is a {word}, not a table.", hint=hint)
    if provider.lower() != "delta":
        raise ConnectorError(
            f"{where} is a table in the format {provider}.",
            hint="only Delta tables are written to: nothing else changes in one step",
        )


def _strict(session: Session, tables: Tables) -> set[str]:
    """The columns that may not be NULL: DESCRIBE does not say, the columns of a result do."""
    schema = session.schema(f"SELECT * FROM {reference(tables, tables.name)} LIMIT 0")
    return {column.name for column in schema if not column.nullable}


def _refuse_other_shapes(delivery: Delivery, tables: Tables, there: Mapping[str, Existing]) -> None:
    """Refuse tables that are there with other columns."""
    for name, columns in wanted_tables(delivery, tables):
        if name in there:
            where, found = tables.location(name), there[name].columns
            refuse_other_shape(where, columns, found, TYPES, str.lower)


def missing_is(error: ConnectorError) -> bool:
    """Whether the warehouse says that a table or its schema is not there."""
    return any(word in error.message for word in _MISSING)


def create_missing(
    session: Session, delivery: Delivery, tables: Tables, there: Mapping[str, Existing]
) -> dict[str, Existing]:
    """Make what is not in ``there``; all the tables, as they are then.

    Where somebody else was quicker the table is his, with columns in an order of his own.
    """
    missing = {n: columns for n, columns in wanted_tables(delivery, tables) if n not in there}
    made = {name: _made(session, tables, name, columns) for name, columns in missing.items()}
    theirs = [name for name, columns in made.items() if columns is None]
    ours = {name: Existing(columns) for name, columns in made.items() if columns is not None}
    return {**there, **ours, **tables_there(session, delivery, tables, theirs)}


def _made(
    session: Session, tables: Tables, name: str, columns: Sequence[Column]
) -> tuple[Found, ...] | None:
    """Make a table, and its schema where that is missing; None where the table is there."""
    statement = _create_table(reference(tables, name), columns)
    try:
        try:
            session.write(statement)
        except ConnectorError as error:
            if _NO_SCHEMA not in error.message:
                raise
            # Not before: who may not make one may still use one.
            schema = identifier(tables.database, tables.schema)
            session.write(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            session.write(statement)
    except ConnectorError as error:
        if any(word in error.message for word in _ALREADY_THERE):
            return None
        raise
    return tuple(Found(c.name, sql_type(c, TYPES), nullable=True) for c in columns)


def _create_table(table: str, columns: Sequence[Column]) -> str:
    listed = ", ".join(_definition(column) for column in columns)
    return f"CREATE TABLE {table} ({listed}) USING DELTA{_properties(columns)}"


def _definition(column: Column) -> str:
    words = [identifier(column.name), sql_type(column, TYPES)]
    if not column.nullable:
        words.append("NOT NULL")
    if column.description:
        words.append(f"COMMENT {literal(column.description)}")
    return " ".join(words)


def _properties(columns: Sequence[Column]) -> str:
    """A wide table must know which files hold a batch: by its last columns, not its first."""
    if len(columns) <= _STATISTICS:
        return ""
    first = [c.name for c in columns if c.name not in {RUN_ID, SOURCE_PATH}]
    listed = ",".join(identifier(n) for n in (SOURCE_PATH, RUN_ID, *first[: _STATISTICS - 2]))
    return f" TBLPROPERTIES ('delta.dataSkippingStatsColumns' = {literal(listed)})"
