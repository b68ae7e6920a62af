"""Move a batch into the tables of a MySQL database, in one transaction.

MySQL ends a transaction at every CREATE TABLE, so what is missing is made first, under a lock;
empty tables do no harm. Then rows go straight into the mapped table by LOAD DATA inside the
transaction; ``merge`` first sends its keys into a temporary table. Deliveries of different batches
into a table run side by side; ``merge`` and ``replace`` wait for each other. ``replace`` works as
REPEATABLE READ, whose locks keep others from adding rows until it has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import last_of_each_key, select_mapped, select_rejects
from lume_dagster.connectors.mysql.lines import ENCODERS, Batch
from lume_dagster.connectors.mysql.read import fetch_bound
from lume_dagster.connectors.mysql.send import send
from lume_dagster.connectors.mysql.session import Session, whole_seconds
from lume_dagster.connectors.mysql.shape import (
    DIALECT,
    compared_exactly,
    create_missing,
    create_table,
    exact_collation,
    refuse_other_shapes,
    same_key,
    tables_there,
    wanted_tables,
)
from lume_dagster.connectors.mysql.wire import run_prepared
from lume_dagster.connectors.protocol import Checkpoint, Column, Delivery, Receipt
from lume_dagster.connectors.sql.ddl import REJECT_COLUMNS, mapped_columns
from lume_dagster.connectors.sql.ledger import (
    Earlier,
    Statement,
    delete_run,
    earlier_deliveries,
    enter,
    stale_mapped,
    stale_rejects,
)
from lume_dagster.connectors.sql.tables import LEDGER, Tables
from lume_dagster.errors import TransientError

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

_FRESH = "_lume_fresh"


@dataclass(frozen=True, slots=True)
class Work:
    """One delivery on its way through one session."""

    session: Session
    scratch: duckdb.DuckDBPyConnection
    delivery: Delivery
    tables: Tables
    lock_seconds: float

    def batch(self, files: Sequence[Path], columns: Sequence[Column], rows: exp.Select) -> Batch:
        """Rows of the delivery's files."""
        return Batch(self.scratch, self.delivery, files, columns, rows)


def load(work: Work, checkpoint: Checkpoint) -> Receipt:
    """Replace the batch's earlier rows by its rows, with its rejects and the ledger."""
    delivery, tables, session = work.delivery, work.tables, work.session
    _create_and_lock(work)
    mapped = select_mapped(work.scratch, delivery, ENCODERS)
    if delivery.mode == "merge":
        mapped = last_of_each_key(mapped, delivery.key)
        _send_keys(work, mapped)
    _begin(work)
    earlier = _remove_stale(work)
    checkpoint("cleared")
    rejects = _send_rejects(work)
    rows = work.batch(delivery.mapped, mapped_columns(delivery.columns), mapped)
    count = send(session, rows, tables.sql(tables.name))
    checkpoint("staged")
    counts = count, rejects
    for statement in enter(tables.sql(LEDGER), tables.qualified, delivery, counts, earlier):
        _run(session, statement)
    checkpoint("before_commit")
    session.connection.commit()
    checkpoint("after_commit")
    return tables.receipt(count, rejects)


def _create_and_lock(work: Work) -> None:
    """Take the locks, always in the order database, table, batch; make what is missing."""
    session, delivery, tables = work.session, work.delivery, work.tables
    there = tables_there(session, tables)
    if any(name not in there for name, _ in wanted_tables(delivery, tables)):
        lock = _lock(work, f"database {tables.schema}")
        there = tables_there(session, tables)
        refuse_other_shapes(session, delivery, tables, there)
        create_missing(session, delivery, tables, there)
        session.rows("SELECT RELEASE_LOCK(%s)", (lock,))
    if delivery.mode in {"merge", "replace"}:
        _lock(work, f"table {tables.qualified}")
    _lock(work, f"batch {tables.qualified} {delivery.flow} {delivery.source_path}")
    refuse_other_shapes(session, delivery, tables, tables_there(session, tables))


def _lock(work: Work, what: str) -> str:
    """A lock until it is released or the connection ends."""
    name = f"lume {hashlib.sha256(what.encode()).hexdigest()[:48]}"
    wait = whole_seconds(work.lock_seconds)
    if work.session.rows("SELECT GET_LOCK(%s, %s)", (name, wait))[0][0] != 1:
        raise TransientError(
            f"Another delivery holds the {what} for longer than {wait} seconds.",
            hint="raise lock_timeout_seconds or wait",
        )
    return name


def _begin(work: Work) -> None:
    level = "REPEATABLE READ" if work.delivery.mode == "replace" else "READ COMMITTED"
    work.session.run(f"SET TRANSACTION ISOLATION LEVEL {level}")
    work.session.run("START TRANSACTION")


def _remove_stale(work: Work) -> Sequence[Earlier]:
    """Take out the rows that this delivery replaces; what was delivered of the batch before."""
    session, delivery, tables = work.session, work.delivery, work.tables
    mapped, rejects = tables.sql(tables.name), tables.sql(tables.rejects_name)
    query, values = earlier_deliveries(tables.sql(LEDGER), tables.qualified, delivery)
    found = fetch_bound(session, *_bound(session, (query, values)))
    earlier = [Earlier(*row.values()) for row in found]
    stale = [delete_run(mapped, delivery, run_id) for run_id in stale_mapped(delivery, earlier)]
    stale += [delete_run(rejects, delivery, run_id) for run_id in stale_rejects(earlier)]
    for statement in stale:
        _run(session, statement)
    if delivery.mode == "replace":
        # Not TRUNCATE: it ends the transaction.
        session.run(f"DELETE FROM {mapped.sql(DIALECT)}")
    if delivery.mode == "merge":
        types = {column.name: column.type for column in delivery.columns}
        same = " AND ".join(same_key(session, name, types[name]) for name in delivery.key)
        fresh = tables.sql(_FRESH).sql(DIALECT)
        session.run(f"DELETE old FROM {fresh} AS fresh JOIN {mapped.sql(DIALECT)} AS old ON {same}")
    return earlier


def _send_keys(work: Work, rows: exp.Select) -> None:
    """The batch's keys into a temporary table, before the transaction."""
    from sqlglot import exp

    session, delivery, tables = work.session, work.delivery, work.tables
    columns = [column for column in delivery.columns if column.name in delivery.key]
    fresh = tables.sql(_FRESH)
    session.run(create_table(session, fresh, columns, [delivery.key], kind="TEMPORARY TABLE"))
    keys = exp.select(*(exp.column(c.name, quoted=True) for c in columns))
    send(session, work.batch(delivery.mapped, columns, keys.from_(rows.subquery("keys"))), fresh)
    session.rows(f"ANALYZE TABLE {fresh.sql(DIALECT)}")


def _send_rejects(work: Work) -> int:
    delivery, tables = work.delivery, work.tables
    query = select_rejects(work.scratch, delivery, ENCODERS)
    rows = work.batch(delivery.rejects, REJECT_COLUMNS, query)
    return send(work.session, rows, tables.sql(tables.rejects_name))


def _run(session: Session, statement: Statement) -> None:
    run_prepared(session.connection, *_bound(session, statement))


def _bound(session: Session, statement: Statement) -> tuple[str, list[str]]:
    """A statement with a question mark for each ``$n``, and the values in their order."""
    from sqlglot import exp

    exactly = compared_exactly(exact_collation(session))
    tree, values = statement[0].transform(exactly), statement[1]
    order = [int(node.name) for node in tree.find_all(exp.Parameter, bfs=False)]
    text = tree.transform(lambda n: exp.Placeholder() if isinstance(n, exp.Parameter) else n)
    return text.sql(DIALECT), [str(values[number - 1]) for number in order]
