"""Move a staged batch into the tables of a Snowflake schema, in one transaction.

What takes long (sending the files, reading them into temporary tables) is done before, by as many
deliveries at once as like. The transaction begins by changing the one row of ``_lume_lock``, so the
deliveries into a schema take turns, and what one reads (the ledger) no other changes meanwhile.
Nothing in it is DDL, which would commit it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Checkpoint, Column, Delivery, Receipt
from lume_dagster.connectors.snowflake.names import quoted, statement
from lume_dagster.connectors.snowflake.session import rows, run, transaction
from lume_dagster.connectors.snowflake.shape import (
    Wanted,
    create_missing,
    refuse_other_shapes,
    tables_there,
)
from lume_dagster.connectors.snowflake.stage import sendable, stage
from lume_dagster.connectors.sql.ddl import (
    REJECT_COLUMNS,
    ROW,
    RUN_ID,
    SOURCE_PATH,
    mapped_columns,
)
from lume_dagster.connectors.sql.ledger import (
    Earlier,
    Statement,
    delete_run,
    earlier_deliveries,
    enter,
    stale_mapped,
    stale_rejects,
)
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import duckdb
    from snowflake.connector import SnowflakeConnection

#: How a staged value becomes the column's: JSON is parsed; reasons that are none stay text.
_PARSED = {
    "json": "PARSE_JSON({0})",
    "errors": "COALESCE(TRY_PARSE_JSON({0}), TO_VARIANT({0}))",
}


def load(
    connection: SnowflakeConnection,
    scratch: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    wanted: Wanted,
    checkpoint: Checkpoint,
) -> Receipt:
    """Replace the batch's earlier rows by its rows, with its rejects and the ledger."""
    there = tables_there(connection, wanted)
    refuse_other_shapes(wanted, there)
    with sendable(scratch, delivery) as sent:
        create_missing(connection, wanted, there)
        schema = wanted.tables.schema
        mapped, rejects = [stage(connection, schema, s) if s.rows else None for s in sent]
    checkpoint("staged")
    with transaction(connection):
        _take_turn(connection, delivery, wanted)
        earlier = _earlier(connection, delivery, wanted)
        _remove_stale(connection, delivery, wanted, earlier)
        checkpoint("cleared")
        receipt = _insert(connection, delivery, wanted, mapped, rejects)
        _enter(connection, delivery, wanted, receipt, anew=not earlier)
        checkpoint("before_commit")
        run(connection, "COMMIT")
    checkpoint("after_commit")
    return receipt


def _take_turn(connection: SnowflakeConnection, delivery: Delivery, wanted: Wanted) -> None:
    """Wait until no other delivery changes this schema, and keep them out until the commit."""
    lock = wanted.sql(wanted.lock_name)
    if run(connection, f"UPDATE {lock} SET {wanted.holder} = ?", (delivery.run_id,)) != 1:
        raise ConnectorError(
            f"{wanted.tables.location(wanted.lock_name)} should hold one row, and does not.",
            hint="drop that table; the next delivery makes it again",
        )


def _earlier(connection: SnowflakeConnection, delivery: Delivery, wanted: Wanted) -> list[Earlier]:
    tables = wanted.tables
    query, values = earlier_deliveries(tables.sql(tables.ledger_name), tables.qualified, delivery)
    found = rows(connection, statement(query, tables.spell), values)
    counts = ("version", "mapped_rows", "rejects_rows")
    return [Earlier(row["run_id"], *(int(row[name]) for name in counts)) for row in found]


def _remove_stale(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    earlier: Sequence[Earlier],
) -> None:
    tables = wanted.tables
    mapped, rejects = tables.sql(tables.name), tables.sql(tables.rejects_name)
    for run_id in stale_mapped(delivery, earlier):
        _run(connection, wanted, delete_run(mapped, delivery, run_id))
    for run_id in stale_rejects(earlier):
        _run(connection, wanted, delete_run(rejects, delivery, run_id))
    if delivery.mode == "replace":
        # Not TRUNCATE: that is DDL, and would commit.
        run(connection, f"DELETE FROM {wanted.sql(tables.name)}")


def _insert(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    mapped: str | None,
    rejects: str | None,
) -> Receipt:
    tables, last = wanted.tables, ""
    if delivery.mode == "merge" and mapped is not None:
        _remove_keys(connection, delivery, wanted, mapped)
        keys = ", ".join(quoted(name) for name in delivery.key)
        last = f" QUALIFY ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {quoted(ROW)} DESC) = 1"
    fill = partial(_fill, connection, delivery, wanted)
    columns = mapped_columns(delivery.columns)
    return Receipt(
        mapped_rows=fill(tables.name, columns, mapped + last) if mapped else 0,
        rejects_rows=fill(tables.rejects_name, REJECT_COLUMNS, rejects) if rejects else 0,
        mapped_location=tables.location(tables.name),
        rejects_location=tables.location(tables.rejects_name),
    )


def _fill(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    name: str,
    columns: Sequence[Column],
    source: str,
) -> int:
    """Insert staged rows with their run and batch; ``columns`` are named as they are staged."""
    bound = {RUN_ID: delivery.run_id, SOURCE_PATH: delivery.source_path}
    names = [quoted(wanted.tables.spell(column.name)) for column in columns]
    taken = [
        "?" if column.name in bound else _PARSED.get(column.type, "{0}").format(quoted(column.name))
        for column in columns
    ]
    values = [bound[column.name] for column in columns if column.name in bound]
    return run(
        connection,
        f"INSERT INTO {wanted.sql(name)} ({', '.join(names)}) "
        f"SELECT {', '.join(taken)} FROM {source}",
        values,
    )


def _remove_keys(
    connection: SnowflakeConnection, delivery: Delivery, wanted: Wanted, staged: str
) -> None:
    """Delete the rows whose key the batch brings again. An empty key is equal to an empty one."""
    table = wanted.sql(wanted.tables.name)
    optional = {column.name for column in delivery.columns if column.nullable}
    same = [
        f"{quoted(wanted.tables.name)}.{quoted(wanted.tables.spell(name))} "
        f"{'IS NOT DISTINCT FROM' if name in optional else '='} fresh.{quoted(name)}"
        for name in delivery.key
    ]
    run(connection, f"DELETE FROM {table} USING {staged} AS fresh WHERE {' AND '.join(same)}")


def _enter(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    receipt: Receipt,
    *,
    anew: bool,
) -> None:
    tables = wanted.tables
    counts = receipt.mapped_rows, receipt.rejects_rows
    ledger = tables.sql(tables.ledger_name)
    for one in enter(ledger, tables.qualified, delivery, counts, anew=anew):
        _run(connection, wanted, one)


def _run(connection: SnowflakeConnection, wanted: Wanted, made: Statement) -> None:
    run(connection, statement(made[0], wanted.tables.spell), made[1])
