"""Move a batch into the tables of a Databricks schema, exactly once without a transaction.

Delta changes one table in one atomic statement, and there is nothing that spans statements. So a
delivery is a row of steps, and whoever comes next can always tell how far it came:

1. **Files.** The rows go as Parquet into the volume, under the batch's name and a token.
2. **Intent.** The ledger gets an entry ``writing`` with the run and the token (a blind append,
   which conflicts with nobody). Then the batch's other entries are read: every run that may have
   rows of the batch in a table is among them, for no row is written before its entry.
3. **Mapped rows**, then 4. **rejects.** Each in one statement that takes out the rows of all those
   runs (its own too) and puts in the rows of the files: ``INSERT .. REPLACE WHERE``, ``MERGE`` or
   ``INSERT OVERWRITE``. A table never shows half a batch or a batch twice; a statement may be
   repeated, whether its first try was lost, answered or not. Mapped rows go first, because they are
   what a table may refuse: then nothing has changed.
5. **Completion.** One ``MERGE`` marks the entry ``done`` and forgets those whose rows are gone.

A delivery that dies leaves ``writing`` behind. Its batch is then old or new in each table, mapped
rows at most ahead of rejects; the retry replaces both and all three agree.

What died may still have a statement under way on the server. Before it writes, a delivery that
finds an unfinished entry **fences** it: it removes the other's files, so that a statement still
waiting finds nothing to read and fails; and it sets a property of both tables, for a change of
metadata makes every statement in flight on them fail
(https://docs.databricks.com/aws/en/optimizations/isolation-level). What was committed before, the
delivery sees and replaces. Two live deliveries of one batch fence each other until one is last.

Deliveries of different batches meet only in Delta's conflict checks. Every statement here may be
repeated, so a conflict is waited out (``conflict_timeout_seconds``) and then a TransientError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import rows_in
from lume_dagster.connectors.databricks import ledger, statements, upload, volume
from lume_dagster.connectors.databricks.session import Session, Values, literal
from lume_dagster.connectors.databricks.shape import (
    Existing,
    create_missing,
    missing_is,
    reference,
    tables_there,
)
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Receipt
from lume_dagster.connectors.sql.ddl import REJECT_COLUMNS, mapped_columns
from lume_dagster.connectors.sql.tables import Tables
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Load:
    """A delivery under way."""

    session: Session
    delivery: Delivery
    tables: Tables
    there: dict[str, Existing]
    shelf: volume.Shelf

    @property
    def mapped(self) -> str:
        """The quoted name of the mapped table."""
        return reference(self.tables, self.tables.name)

    @property
    def rejects(self) -> str:
        """The quoted name of the rejects table."""
        return reference(self.tables, self.tables.rejects_name)


def place(delivery: Delivery, tables: Tables, path: str) -> volume.Shelf:
    """Where the delivery's files lie in the volume."""
    where = f"{tables.database}.{tables.qualified}"
    return volume.shelf(path, where, delivery.flow, delivery.source_path)


def load(
    session: Session,
    scratch: duckdb.DuckDBPyConnection,
    target: tuple[Delivery, Tables, str],
    folder: Path,
    checkpoint: Checkpoint,
) -> Receipt:
    """Replace the batch's earlier rows by its rows, with its rejects and the ledger."""
    delivery, tables, path = target
    there = _make_ready(session, delivery, tables)
    run = Load(session, delivery, tables, there, place(delivery, tables, path))
    volume.clear_leftovers(session, run.shelf)
    with _cleared(run):
        mapped, rejects = _upload(run, scratch, folder)
        checkpoint("staged")
        batch = _intend(run, (mapped, rejects))
        if batch.unfinished:
            _fence(run)
        checkpoint("before_commit")
        session.write(*_mapped_statement(run, batch))
        checkpoint("mapped")
        _write_rejects(run, batch, rejects)
        checkpoint("rejects")
        ledger.complete(session, tables, delivery, run.shelf.token, batch)
        checkpoint("after_commit")
    return tables.receipt(mapped, rejects)


def _make_ready(session: Session, delivery: Delivery, tables: Tables) -> dict[str, Existing]:
    """The tables that rows come into, as they are; where one is missing, all that are.

    Each look is a statement: at the others only where one of them is needed and is not there.
    """
    filled = [tables.name, *([tables.rejects_name] if rows_in(delivery.rejects) else [])]
    there = tables_there(session, delivery, tables, filled)
    complete = all(name in there for name in filled)
    return there if complete else create_missing(session, delivery, tables, there)


def _intend(run: Load, rows: tuple[int, int]) -> ledger.Batch:
    """Enter the delivery, and once more where somebody has dropped the ledger."""
    given = run.session, run.tables, run.delivery, run.shelf.token, rows
    try:
        return ledger.intend(*given)
    except ConnectorError as error:
        if not missing_is(error):
            raise
    create_missing(run.session, run.delivery, run.tables, run.there)
    return ledger.intend(*given)


@contextmanager
def _cleared(run: Load) -> Iterator[None]:
    """Whatever happens but a kill, no file stays in the volume."""
    try:
        yield
    except BaseException as error:
        try:
            volume.clear_own(run.session, run.shelf)
        except Exception as left:  # noqa: BLE001 - the first error is the one to tell
            error.add_note(f"The delivery's files stay in the volume until the next one: {left}")
        raise
    volume.clear_own(run.session, run.shelf)


def _upload(run: Load, scratch: duckdb.DuckDBPyConnection, folder: Path) -> tuple[int, int]:
    mapped, mapped_rows = upload.mapped_files(scratch, run.delivery, folder)
    volume.upload(run.session, mapped, run.shelf, "mapped")
    rejects, rejects_rows = upload.reject_files(scratch, run.delivery, folder)
    volume.upload(run.session, rejects, run.shelf, "rejects")
    return mapped_rows, rejects_rows


def _fence(run: Load) -> None:
    """Let nothing that another delivery of the batch has under way be committed from now on."""
    volume.clear_leftovers(run.session, run.shelf)
    fence = f"SET TBLPROPERTIES ('lume.fence' = {literal(run.shelf.token)})"
    _change_rejects(run, f"ALTER TABLE {run.rejects} {fence}")
    run.session.write(f"ALTER TABLE {run.mapped} {fence}")


def _write_rejects(run: Load, batch: ledger.Batch, rows: int) -> None:
    delivery, runs = run.delivery, batch.runs_in_rejects(run.delivery)
    if rows:
        kept = run.there[run.tables.rejects_name]
        selected = statements.select_rows(run.shelf.files("rejects"), REJECT_COLUMNS, kept)
        statement = statements.replace_runs(run.rejects, selected, delivery, runs)
        run.session.write(*statement)
    elif batch.has_rejects:
        _change_rejects(run, *statements.remove_runs(run.rejects, delivery, runs))


def _change_rejects(run: Load, sql: str, values: Values | None = None) -> None:
    """Change what is in the table of rejects: nothing where somebody has dropped it."""
    try:
        run.session.write(sql, values)
    except ConnectorError as error:
        if not missing_is(error):
            raise


def _mapped_statement(run: Load, batch: ledger.Batch) -> statements.Statement:
    delivery, files = run.delivery, run.shelf.files("mapped")
    columns = mapped_columns(delivery.columns)
    if delivery.mode == "merge":
        return statements.merge(run.mapped, files, columns, delivery)
    selected = statements.select_rows(files, columns, run.there[run.tables.name])
    if delivery.mode == "replace":
        return statements.replace_all(run.mapped, selected, delivery)
    runs = batch.runs_in_mapped(delivery)
    return statements.replace_runs(run.mapped, selected, delivery, runs)
