"""Move a batch into the tables of a DuckDB database, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import (
    bindings,
    engine_errors,
    first_line,
    last_of_each_key,
    select_mapped,
    select_rejects,
)
from lume_dagster.connectors.duckdb_file.frugal import for_wide_rows, in_little_memory
from lume_dagster.connectors.protocol import Checkpoint, Column, Delivery, Receipt
from lume_dagster.connectors.sql.ddl import (
    DUCKDB_TYPES,
    REJECT_COLUMNS,
    Found,
    create_schema,
    create_table,
    mapped_columns,
    refuse_other_shape,
    refuse_twins,
    sql_type,
)
from lume_dagster.connectors.sql.ledger import (
    LEDGER_COLUMNS,
    Earlier,
    delete_run,
    earlier_deliveries,
    enter,
    stale_mapped,
    stale_rejects,
)
from lume_dagster.connectors.sql.tables import LEDGER, Tables
from lume_dagster.errors import ConnectorError, TransientError

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

DIALECT = "duckdb"


def refuse_unfit(
    connection: duckdb.DuckDBPyConnection | None, delivery: Delivery, tables: Tables
) -> set[str]:
    """Refuse what cannot be delivered; ``connection`` is None where the file is not there yet.

    Returns:
        Those of the delivery's tables that are there.
    """
    refuse_twins(mapped_columns(delivery.columns), "DuckDB", str.casefold)
    for column in delivery.columns:
        sql_type(column, DUCKDB_TYPES)
    there = _found(connection, tables) if connection is not None else {}
    for name, columns in _wanted(delivery, tables):
        if name in there:
            where = tables.location(name)
            refuse_other_shape(where, columns, there[name], DUCKDB_TYPES, str.casefold)
    return set(there)


def load(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    tables: Tables,
    checkpoint: Checkpoint,
    memory_limit: str,
) -> Receipt:
    """Replace the batch's earlier rows by its rows, with its rejects and the ledger."""

    def in_a_transaction() -> Receipt:
        begin(connection, delivery, tables)
        moved = move(connection, delivery, tables, checkpoint)
        checkpoint("before_commit")
        connection.execute("COMMIT")
        checkpoint("after_commit")
        return receipts(connection, tables, [moved])[0]

    with load_errors(tables):
        if delivery.mode == "merge":  # its keys are held in memory
            return in_a_transaction()
        return in_little_memory(connection, memory_limit, in_a_transaction)


@dataclass(frozen=True, slots=True)
class Moved:
    """How many rows of a batch are now in the tables."""

    mapped: int
    rejects: int


def begin(connection: duckdb.DuckDBPyConnection, delivery: Delivery, tables: Tables) -> None:
    """Begin the transaction, in which the tables are there and fit."""
    there = refuse_unfit(connection, delivery, tables)  # nobody else has the file to change them
    connection.execute("BEGIN TRANSACTION")
    _create_missing(connection, delivery, tables, there)


def move(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    tables: Tables,
    checkpoint: Checkpoint,
) -> Moved:
    """Within a transaction: the batch's rows in place of its earlier ones, and in the ledger."""
    earlier = _earlier(connection, delivery, tables)
    _remove_stale(connection, delivery, tables, earlier)
    checkpoint("cleared")
    # Rejects first: what wants more memory is to fail before the many rows are through.
    rejects = _insert_rejects(connection, tables.sql(tables.rejects_name), delivery)
    mapped = _insert(connection, tables.sql(tables.name), delivery)
    checkpoint("staged")
    ledger, counts = tables.sql(LEDGER), (mapped, rejects)
    for statement, values in enter(ledger, ledger_name(tables), delivery, counts, earlier):
        connection.execute(statement.sql(DIALECT), values)
    return Moved(mapped, rejects)


def receipts(
    connection: duckdb.DuckDBPyConnection, tables: Tables, moved: Sequence[Moved]
) -> list[Receipt]:
    """What is now held of batches."""
    rows = _count(connection, tables.sql(tables.name))
    return [tables.receipt(each.mapped, each.rejects, table_rows=rows) for each in moved]


def _wanted(delivery: Delivery, tables: Tables) -> Iterator[tuple[str, Sequence[Column]]]:
    yield tables.name, mapped_columns(delivery.columns)
    yield tables.rejects_name, REJECT_COLUMNS
    yield LEDGER, LEDGER_COLUMNS


def ledger_name(tables: Tables) -> str:
    """DuckDB takes ``Ops.Orders`` and ``ops.orders`` for one table."""
    return tables.qualified.lower()


def _found(connection: duckdb.DuckDBPyConnection, tables: Tables) -> dict[str, list[Found]]:
    """Those of the delivery's tables that are there, with their columns."""
    names = (tables.name, tables.rejects_name, LEDGER)
    looked = {name: _columns(connection, tables.sql(name)) for name in names}
    return {name: columns for name, columns in looked.items() if columns}


def _columns(connection: duckdb.DuckDBPyConnection, table: exp.Table) -> list[Found]:
    """The columns of a table; none where there is no such table.

    Asked of the table itself: a look into the catalog makes DuckDB set up all its own views first.
    Not within a transaction, which a table that is not there would end.
    """
    import duckdb

    query = 'SELECT name, type, NOT "notnull" FROM pragma_table_info($1) ORDER BY cid'
    try:
        rows = connection.execute(query, [table.sql(DIALECT)]).fetchall()
    except duckdb.CatalogException:
        return []
    return [Found(*row) for row in rows]


def _create_missing(
    connection: duckdb.DuckDBPyConnection, delivery: Delivery, tables: Tables, there: set[str]
) -> None:
    connection.execute(create_schema(tables.schema, DIALECT, tables.catalog))
    for name, columns in _wanted(delivery, tables):
        if name not in there:
            for statement in create_table(tables.sql(name), columns, DUCKDB_TYPES, DIALECT):
                connection.execute(statement)


def _earlier(
    connection: duckdb.DuckDBPyConnection, delivery: Delivery, tables: Tables
) -> list[Earlier]:
    query, values = earlier_deliveries(tables.sql(LEDGER), ledger_name(tables), delivery)
    return [Earlier(*row) for row in connection.execute(query.sql(DIALECT), values).fetchall()]


def _remove_stale(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    tables: Tables,
    earlier: Sequence[Earlier],
) -> None:
    mapped, rejects = tables.sql(tables.name), tables.sql(tables.rejects_name)
    statements = [delete_run(mapped, delivery, run) for run in stale_mapped(delivery, earlier)]
    statements += [delete_run(rejects, delivery, run) for run in stale_rejects(earlier)]
    for statement, values in statements:
        connection.execute(statement.sql(DIALECT), values)
    if delivery.mode == "replace":
        connection.execute(f"DELETE FROM {mapped.sql(DIALECT)}")
    if delivery.mode == "merge":
        _remove_keys(connection, mapped, delivery)


def _remove_keys(
    connection: duckdb.DuckDBPyConnection, table: exp.Table, delivery: Delivery
) -> None:
    """Delete the rows that the batch brings anew; an absent key is a key like any other."""
    from sqlglot import exp

    rows = select_mapped(connection, delivery).subquery("fresh")
    keys = [exp.column(name, quoted=True) for name in delivery.key]
    fresh = exp.select(*keys).distinct().from_(rows).subquery("fresh")
    same = [
        exp.NullSafeEQ(
            this=exp.column(name, table="old", quoted=True),
            expression=exp.column(name, table="fresh", quoted=True),
        )
        for name in delivery.key
    ]
    old = exp.alias_(table.copy(), "old", table=True)
    statement = exp.Delete(this=old, using=[fresh], where=exp.Where(this=exp.and_(*same)))
    values = bindings(delivery, delivery.mapped)
    connection.execute(statement.sql(DIALECT), values)


def _insert(connection: duckdb.DuckDBPyConnection, table: exp.Table, delivery: Delivery) -> int:
    from sqlglot import exp

    rows = select_mapped(connection, delivery)
    if delivery.mode == "merge":
        rows = last_of_each_key(rows, delivery.key)
    names = [c.name for c in mapped_columns(delivery.columns)]
    values = bindings(delivery, delivery.mapped)
    return inserted(connection, exp.insert(rows, table, columns=quoted(names)), values)


def _insert_rejects(
    connection: duckdb.DuckDBPyConnection, table: exp.Table, delivery: Delivery
) -> int:
    from sqlglot import exp

    rows = select_rejects(connection, delivery)
    columns = quoted([c.name for c in REJECT_COLUMNS])
    values = bindings(delivery, delivery.rejects)
    with for_wide_rows(connection, delivery.rejects):
        return inserted(connection, exp.insert(rows, table, columns=columns), values)


def quoted(names: Sequence[str]) -> list[exp.Identifier]:
    """Names as identifiers."""
    from sqlglot import exp

    return [exp.to_identifier(name, quoted=True) for name in names]


def inserted(
    connection: duckdb.DuckDBPyConnection, statement: exp.Insert, values: dict[str, Any]
) -> int:
    """Insert, and tell how many rows."""
    row = connection.execute(statement.sql(DIALECT), values).fetchone()
    return int(row[0]) if row else 0


def _count(connection: duckdb.DuckDBPyConnection, table: exp.Table) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table.sql(DIALECT)}").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def load_errors(tables: Tables) -> Iterator[None]:
    """DuckDB's errors as errors of the tree; closing the connection rolls the transaction back."""
    import duckdb

    where = tables.location(tables.name)
    try:
        with engine_errors():
            yield
    except duckdb.TransactionException as error:
        raise TransientError(
            f"Another transaction changed {where} at the same time: {first_line(error)}"
        ) from error
    except duckdb.Error as error:
        raise ConnectorError(
            f"DuckDB refused the batch for {where}: {first_line(error)}",
            hint="nothing was written",
        ) from error
