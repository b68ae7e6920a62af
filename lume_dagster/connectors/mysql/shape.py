"""Look at the tables of a MySQL database, make those that are missing, refuse what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lume_dagster.connectors.mysql.session import Session
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
from lume_dagster.connectors.sql.tables import LEDGER, Tables, parse_table
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    from sqlglot import exp

DIALECT = "mysql"
_MOST_NAME, _MOST_COMMENT = 64, 1024  # characters
_LAST_LETTER = "\uffff"
_MOST_INDEX, _MOST_INDEX_COLUMNS = 3072, 16  # bytes, columns
_BYTES_A_CHARACTER, _MOST_PREFIX, _WIDEST_NUMBER = 4, 255, 18

#: As ``information_schema`` spells them, but for the display width of integers.
TYPES: Mapping[str, str] = {
    "string": "longtext",
    "integer": "bigint",
    "number": "double",
    "decimal": "decimal({0},{1})",
    "boolean": "tinyint(1)",
    "date": "date",
    "timestamp": "datetime(6)",
    "time": "time(6)",
    "uuid": "char(36)",
    "json": "json",
    "record": "longtext",  # exactly as it was: the type json would change its spelling
    "errors": "json",
}
_TEXTS = {"string", "uuid"}
#: The columns of texts that say which rows are meant, in the tables and in the ledger.
_NAMES = {RUN_ID, SOURCE_PATH, "target_table", "flow", "source_path", "run_id"}
_WIDTH = re.compile(r"(?<=int)\(\d+\)")

_COLUMNS = """
SELECT c.table_name, t.table_name, t.table_type, t.engine,
       c.column_name, c.column_type, c.is_nullable, c.generation_expression
FROM information_schema.columns c
JOIN information_schema.tables t
  ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = %s AND c.table_name IN (%s, %s, %s) ORDER BY c.ordinal_position
"""


def types_of(session: Session) -> Mapping[str, str]:
    """The types of this server: MariaDB's json is longtext under another name."""
    return {**TYPES, "json": "longtext", "errors": "longtext"} if session.is_mariadb else TYPES


def exact_collation(session: Session) -> str:
    """The collation in which texts are equal only when every byte is, spaces at the end too."""
    return "utf8mb4_nopad_bin" if session.is_mariadb else "utf8mb4_0900_bin"


def compared_exactly(collation: str) -> Callable[[exp.Expr], exp.Expr]:
    """Makes a statement, node by node, tell batches and runs apart to the byte.

    That is so whatever the collation of a table that somebody else has made, or converted.
    """
    from sqlglot import exp

    def exact(node: exp.Expr) -> exp.Expr:
        # No two runs differ in case only, and the index of a table of any collation finds one.
        is_run = isinstance(node.args.get("expression"), exp.Parameter) and node.this.name == RUN_ID
        if isinstance(node, exp.EQ) and node.this.name in _NAMES and not is_run:
            node.set("expression", _collated(node.expression, collation))
        if isinstance(node, exp.Order):
            by = node.expressions
            node.set(
                "expressions", [_collated(e, collation) if e.name in _NAMES else e for e in by]
            )
        return node

    return exact


def _collated(value: exp.Expr, collation: str) -> exp.Expr:
    from sqlglot import exp

    return exp.Collate(this=value, expression=exp.var(collation))


def tables_of(session: Session, table: str) -> Tables:
    """The tables of a flow's ``table``; a name without a database is in the connector's.

    Raises:
        ConnectorError: it is no name, too long, or in no database.
    """
    if table.count(".") > 1:
        raise ConnectorError(
            f"{table!r} is not the name of a table.",
            hint="write table or database.table: in MySQL a schema is a database",
        )
    folds = session.rows("SELECT @@lower_case_table_names")[0][0]
    name = table.lower() if folds else table
    default = session.login.database
    if "." not in name and default is None:
        raise ConnectorError(
            f"The table {name!r} is in no database.",
            hint=f"write database.{name}, or give the connector a database",
        )
    tables = parse_table(name, database="", schema=default or "", max_bytes=4 * _MOST_NAME)
    refuse_unkept_names([tables.schema, tables.rejects_name])
    return tables


def refuse_columns(session: Session, delivery: Delivery) -> None:
    """Refuse names and types that MySQL cannot keep."""
    for column in delivery.columns:
        sql_type(column, types_of(session))
        if column.name != column.name.rstrip(" "):
            raise ConnectorError(
                f"MySQL cannot keep a column named {column.name!r}.",
                hint="choose a name without a space at its end in the flow's schema",
            )
    refuse_twins(delivery.columns, "MySQL", str.lower)
    refuse_unkept_names([column.name for column in delivery.columns])


def refuse_unkept_names(names: Sequence[str]) -> None:
    """Refuse names that MySQL does not keep: it has three bytes for a letter of a name."""
    for name in names:
        strange = [letter for letter in name if letter == "\0" or letter > _LAST_LETTER]
        if strange:
            raise ConnectorError(
                f"MySQL cannot keep the name {name!r}: it holds {strange[0]!r}.",
                hint="choose a name of letters up to U+FFFF in the flow's target or schema",
            )
    for long in (name for name in names if len(name) > _MOST_NAME):
        raise ConnectorError(
            f"The name {long!r} is {len(long)} characters long; MySQL keeps {_MOST_NAME}.",
            hint="choose a shorter name in the flow's target or schema",
        )


def wanted_tables(delivery: Delivery, tables: Tables) -> Iterator[tuple[str, tuple[Column, ...]]]:
    """The tables a delivery writes to, by name, with their columns."""
    yield tables.name, mapped_columns(delivery.columns)
    yield tables.rejects_name, REJECT_COLUMNS
    yield LEDGER, LEDGER_COLUMNS


def tables_there(session: Session, tables: Tables) -> dict[str, list[Found]]:
    """Those of the delivery's tables that exist, with their columns."""
    names = (tables.name, tables.rejects_name, LEDGER)
    found: dict[str, list[Found]] = {}
    rows = session.rows(_COLUMNS, (tables.schema, *names))
    for name, same_name, kind, engine, *column in rows:
        if name not in names or name != same_name:
            continue  # MariaDB's catalog takes Orders and örders for orders
        if kind != "BASE TABLE" or engine != "InnoDB":
            what = "a view" if "VIEW" in kind else f"kept by the engine {engine}"
            raise ConnectorError(
                f"{tables.location(name)} is {what}: no batch can be made visible in one step.",
                hint="name a table of the engine InnoDB in the flow's target",
            )
        type_ = column[1] if column[1] == "tinyint(1)" else _WIDTH.sub("", column[1])
        found.setdefault(name, []).append(
            Found(column[0], type_, column[2] == "YES", computed=bool(column[3]))
        )
    return found


def refuse_other_shapes(
    session: Session, delivery: Delivery, tables: Tables, there: Mapping[str, Sequence[Found]]
) -> None:
    """Refuse tables that are there with other columns."""
    types = types_of(session)
    for name, columns in wanted_tables(delivery, tables):
        if name in there:
            refuse_other_shape(tables.location(name), columns, there[name], types, str.lower)


def create_missing(
    session: Session, delivery: Delivery, tables: Tables, there: Mapping[str, object]
) -> None:
    """Make what is not there: the database, the tables, and the indexes rows are found by."""
    query = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = %s"
    if not session.rows(query, (tables.schema,))[0][0]:
        session.run(f"CREATE DATABASE IF NOT EXISTS {quoted(tables.schema)}")
    indexes: dict[str, list[Sequence[str]]] = {
        tables.name: [[RUN_ID], delivery.key if delivery.mode == "merge" else []],
        tables.rejects_name: [[RUN_ID]],
        LEDGER: [[SOURCE_PATH.removeprefix("_lume_"), "flow", "target_table"]],
    }
    for name, columns in wanted_tables(delivery, tables):
        if name not in there:
            session.run(create_table(session, tables.sql(name), columns, indexes[name]))


def create_table(
    session: Session,
    table: exp.Table,
    columns: Sequence[Column],
    indexes: Sequence[Sequence[str]],
    kind: str = "TABLE",
) -> str:
    """The statement that makes a table with its indexes."""
    parts = [_definition(session, column) for column in columns]
    parts += [index for names in indexes if (index := _index(names, columns))]
    name, collation = table.sql(DIALECT), exact_collation(session)
    return (
        f"CREATE {kind} {name} ({', '.join(parts)}) "
        f"ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {collation}"
    )


def _definition(session: Session, column: Column) -> str:
    words = [quoted(column.name), sql_type(column, types_of(session))]
    words.append("NULL" if column.nullable else "NOT NULL")
    if column.description:
        words += ["COMMENT", session.connection.escape(column.description[:_MOST_COMMENT])]
    return " ".join(words)


def _index(names: Sequence[str], columns: Sequence[Column]) -> str | None:
    """An index; of texts it holds as many characters as an index may be long."""
    types = {column.name: column.type for column in columns}
    kept = [name for name in names if types[name] != "json"][:_MOST_INDEX_COLUMNS]
    texts = [name for name in kept if types[name] == "string"]
    if not kept:
        return None
    uuids = sum(types[name] == "uuid" for name in kept)
    room = _MOST_INDEX - _WIDEST_NUMBER * len(kept) - uuids * 36 * _BYTES_A_CHARACTER
    prefix = min(_MOST_PREFIX, max(1, room // _BYTES_A_CHARACTER // max(1, len(texts))))
    parts = [quoted(name) + (f"({prefix})" if name in texts else "") for name in kept]
    return f"INDEX ({', '.join(parts)})"


def same_key(session: Session, name: str, type_: str) -> str:
    """Equality of a key field of the rows ``old`` and ``fresh``: NULL is equal to NULL."""
    old, fresh = f"old.{quoted(name)}", f"fresh.{quoted(name)}"
    exact = f" COLLATE {exact_collation(session)}" if type_ in _TEXTS else ""
    return f"{old} <=> {fresh}{exact}"


def quoted(name: str) -> str:
    """A name as an identifier."""
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(DIALECT)
