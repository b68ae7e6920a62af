"""Move a staged batch into the tables of a Snowflake schema, in one transaction.

What takes long (sending the files, reading them into temporary tables) is done before, by as many
deliveries at once as like. The transaction begins by changing the one row of ``_lume_lock``, so the
deliveries into a schema take turns, and what one reads (the ledger) no other changes meanwhile.
Nothing in it is DDL, which would commit it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import rows_in
from lume_dagster.connectors.protocol import Checkpoint, Column, Delivery, Receipt
from lume_dagster.connectors.snowflake.names import quoted, statement
from lume_dagster.connectors.snowflake.session import rows, run, transaction
from lume_dagster.connectors.snowflake.shape import (
    NOT_THERE,
    Wanted,
    create_missing,
    refuse_other_shapes,
    tables_there,
)
from lume_dagster.connectors.snowflake.stage import Staged, sendable, stage
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
    tables = wanted.tables
    filled = [tables.name, tables.rejects_name] if rows_in(delivery.rejects) else [tables.name]
    there = tables_there(connection, wanted, filled)
    refuse_other_shapes(wanted, there)
    with sendable(scratch, delivery) as sent:
        if not all(name in there.columns for name in filled):
            create_missing(connection, wanted, there)
        staged = stage(connection, tables.schema, sent)
    checkpoint("staged")
    receipt = _move_into_place(connection, delivery, wanted, staged, checkpoint)
    checkpoint("after_commit")
    return receipt


def _move_into_place(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    staged: Staged | None,
    checkpoint: Checkpoint,
) -> Receipt:
    """Move the rows, and once more where the lock or the ledger was missing.

    They are not looked for before: they are missing only where somebody has dropped them, or has
    made the mapped table. A transaction that fails changes nothing.
    """
    from snowflake.connector.errors import ProgrammingError

    try:
        return _move(connection, delivery, wanted, staged, checkpoint)
    except ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
    create_missing(connection, wanted, tables_there(connection, wanted))
    return _move(connection, delivery, wanted, staged, checkpoint)


def _move(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    staged: Staged | None,
    checkpoint: Checkpoint,
) -> Receipt:
    with transaction(connection):
        _take_turn(connection, delivery, wanted)
        earlier = _earlier(connection, delivery, wanted)
        _remove_stale(connection, delivery, wanted, earlier)
        checkpoint("cleared")
        receipt = _insert(connection, delivery, wanted, staged)
        _enter(connection, delivery, wanted, receipt, earlier)
        checkpoint("before_commit")
        run(connection, "COMMIT")
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
    connection: SnowflakeConnection, delivery: Delivery, wanted: Wanted, staged: Staged | None
) -> Receipt:
    tables, mapped, rejects = wanted.tables, 0, 0
    if staged is not None and staged.has_mapped:
        which = staged.mapped_only
        if delivery.mode == "merge":
            _remove_keys(connection, delivery, wanted, staged)
            keys = ", ".join(quoted(name) for name in delivery.key)
            last = f"PARTITION BY {keys} ORDER BY {quoted(ROW)} DESC"
            which = f"{which} QUALIFY ROW_NUMBER() OVER ({last}) = 1"
        columns = [(column, column.name) for column in mapped_columns(delivery.columns)]
        mapped = _fill(connection, delivery, wanted, (tables.name, columns), (staged, which))
    if staged is not None and staged.has_rejects:
        columns = [(column, staged.prefix + column.name) for column in REJECT_COLUMNS]
        into, source = (tables.rejects_name, columns), (staged, staged.rejects_only)
        rejects = _fill(connection, delivery, wanted, into, source)
    return tables.receipt(mapped, rejects)


def _fill(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    into: tuple[str, Sequence[tuple[Column, str]]],
    source: tuple[Staged, str],
) -> int:
    """Insert staged rows with their run and batch.

    Args:
        connection: The session that has staged them.
        delivery: The batch.
        wanted: Its tables.
        into: The table, and its columns each with the name under which it is staged.
        source: Where they are staged, and which of them are meant.
    """
    (name, columns), (staged, which) = into, source
    bound = {RUN_ID: delivery.run_id, SOURCE_PATH: delivery.source_path}
    names = [quoted(wanted.tables.spell(column.name)) for column, _ in columns]
    taken = [
        "?" if column.name in bound else _PARSED.get(column.type, "{0}").format(quoted(as_staged))
        for column, as_staged in columns
    ]
    values = [bound[column.name] for column, _ in columns if column.name in bound]
    return run(
        connection,
        f"INSERT INTO {wanted.sql(name)} ({', '.join(names)}) "
        f"SELECT {', '.join(taken)} FROM {staged.table} WHERE {which}",
        values,
    )


def _remove_keys(
    connection: SnowflakeConnection, delivery: Delivery, wanted: Wanted, staged: Staged
) -> None:
    """Delete the rows whose key the batch brings again. An empty key is equal to an empty one."""
    table = wanted.sql(wanted.tables.name)
    optional = {column.name for column in delivery.columns if column.nullable}
    same = [
        f"{quoted(wanted.tables.name)}.{quoted(wanted.tables.spell(name))} "
        f"{'IS NOT DISTINCT FROM' if name in optional else '='} fresh.{quoted(name)}"
        for name in delivery.key
    ]
    keys = ", ".join(quoted(name) for name in delivery.key)
    fresh = f"(SELECT {keys} FROM {staged.table} WHERE {staged.mapped_only}) AS fresh"
    run(connection, f"DELETE FROM {table} USING {fresh} WHERE {' AND '.join(same)}")


def _enter(
    connection: SnowflakeConnection,
    delivery: Delivery,
    wanted: Wanted,
    receipt: Receipt,
    earlier: Sequence[Earlier],
) -> None:
    tables = wanted.tables
    counts = receipt.mapped_rows, receipt.rejects_rows
    ledger = tables.sql(tables.ledger_name)
    for one in enter(ledger, tables.qualified, delivery, counts, earlier):
        _run(connection, wanted, one)


def _run(connection: SnowflakeConnection, wanted: Wanted, made: Statement) -> None:
    run(connection, statement(made[0], wanted.tables.spell), made[1])
