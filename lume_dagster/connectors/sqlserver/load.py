"""Move a batch into the tables of a SQL Server schema.

Rows are bulk copied into stage tables, side by side with other deliveries. One transaction then
makes missing tables, takes out earlier rows, moves the stage, writes the ledger and drops the
stage. It has the table for itself by an application lock: a move of more than some thousand rows
locks the whole table anyway, and two that wait for each other's rows would end in a deadlock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import (
    bindings,
    last_of_each_key,
    rows_per_batch,
    select_mapped,
    select_rejects,
)
from lume_dagster.connectors.protocol import Checkpoint, Column, Delivery, Receipt
from lume_dagster.connectors.sql.ddl import (
    REJECT_COLUMNS,
    ROW,
    RUN_ID,
    SOURCE_PATH,
    mapped_columns,
)
from lume_dagster.connectors.sql.encoders import AS_TEXT
from lume_dagster.connectors.sql.ledger import (
    Earlier,
    delete_run,
    earlier_deliveries,
    enter,
    stale_mapped,
    stale_rejects,
)
from lume_dagster.connectors.sql.tables import LEDGER, Tables
from lume_dagster.connectors.sqlserver.session import Session
from lume_dagster.connectors.sqlserver.shape import (
    Place,
    refuse_other_shapes,
    tables_there,
    wanted_tables,
)
from lume_dagster.connectors.sqlserver.stage import Stage, clear_schema, staged
from lume_dagster.connectors.sqlserver.statement import DIALECT, EXACT, quoted, rendered
from lume_dagster.connectors.sqlserver.types import definition, from_stage, key_units
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from sqlglot import exp

_DESCRIBE = """\
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = ?, @level0type = N'SCHEMA',
     @level0name = ?, @level1type = N'TABLE', @level1name = ?, @level2type = N'COLUMN',
     @level2name = ?"""
_MOST_DESCRIPTION = 3750  # characters; SQL Server keeps 7,500 bytes


def load(
    session: Session,
    scratch: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    place: Place,
    checkpoint: Checkpoint,
) -> Receipt:
    """Replace the batch's earlier rows by its rows, with its rejects and the ledger."""
    tables = place.tables
    there = tables_there(session, place)
    refuse_other_shapes(delivery, place, there)
    _refuse_numbers(scratch, delivery)
    clear_schema(session, tables)
    with staged(session, delivery, tables) as stage:
        checkpoint("stage_made")
        rejects = 0
        if stage.has_rejects:
            rejects = session.copy(_rejects(scratch, delivery), stage.rejects)
        mapped = session.copy(_mapped(scratch, delivery), stage.mapped)
        checkpoint("staged")
        with session.transaction():
            _lock_and_create(session, delivery, place, there)
            earlier = _remove_stale(session, delivery, place, stage)
            checkpoint("cleared")
            _move(session, stage, delivery, tables)
            counts = mapped, rejects
            lines = enter(tables.sql(LEDGER), place.ledger_name, delivery, counts, earlier)
            session.run_all([*map(rendered, lines), *stage.dropped()])
            checkpoint("before_commit")
            session.commit()
    checkpoint("after_commit")
    return tables.receipt(mapped, rejects)


def _mapped(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> pa.RecordBatchReader:
    query = select_mapped(scratch, delivery, AS_TEXT, named=False)
    if delivery.mode == "merge":
        query = last_of_each_key(query, delivery.key)
    return _stream(scratch, query, delivery, delivery.mapped)


def _rejects(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> pa.RecordBatchReader:
    query = select_rejects(scratch, delivery, AS_TEXT, named=False)
    return _stream(scratch, query, delivery, delivery.rejects)


def _stream(
    scratch: duckdb.DuckDBPyConnection,
    query: exp.Select,
    delivery: Delivery,
    files: Sequence[Path],
) -> pa.RecordBatchReader:
    relation = scratch.sql(query.sql("duckdb"), params=bindings(delivery, files, named=False))
    return relation.to_arrow_reader(rows_per_batch(files))


def _refuse_numbers(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> None:
    """Name the field and row of a number that a float of SQL Server cannot be."""
    from sqlglot import exp

    names = [column.name for column in delivery.columns if column.type == "number"]
    if not names:
        return
    values = [exp.cast(exp.column(name, quoted=True), "DOUBLE").sql("duckdb") for name in names]
    first = ", ".join(f"min({ROW}) FILTER (NOT isfinite({value}))" for value in values)
    files = {"files": [str(file) for file in delivery.mapped]}
    rows = scratch.execute(f"SELECT {first} FROM read_parquet($files)", files).fetchall()[0]
    for name, row in zip(names, rows, strict=True):
        if row is not None:
            raise ConnectorError(
                f"SQL Server has no infinite number and no NaN, as the field {name!r} of "
                f"row {row} of the batch is.",
                hint="make it NULL in the mapping: CASE WHEN isfinite(x) THEN x END",
            )


def _lock_and_create(
    session: Session, delivery: Delivery, place: Place, before: Mapping[str, object]
) -> None:
    """Have the table alone; make what is missing. ``before`` were there before the batch was."""
    wanted = {name for name, _ in wanted_tables(delivery, place.tables)}
    if not wanted <= before.keys():
        session.lock(f"schema {place.same_name(place.tables.schema)}")
    session.lock(f"table {place.ledger_name}")
    there = tables_there(session, place)
    refuse_other_shapes(delivery, place, there)
    if not wanted <= there.keys():
        _create_missing(session, delivery, place.tables, there)


def _create_missing(
    session: Session, delivery: Delivery, tables: Tables, there: Mapping[str, object]
) -> None:
    merges = delivery.mode == "merge"
    units = key_units(delivery.columns, delivery.key) if merges else 0
    made: list[tuple[str, Sequence[Any]]] = []
    for name, columns in wanted_tables(delivery, tables):
        if name in there:
            continue
        widths = dict.fromkeys(delivery.key, units) if merges and name == tables.name else {}
        definitions = ", ".join(definition(column, widths) for column in columns)
        made.append((f"CREATE TABLE {tables.sql(name).sql(DIALECT)} ({definitions})", ()))
        made += [(index, ()) for index in _indexes(delivery, tables, name)]
        made += _described(tables, name, columns)
    session.run_all(made)


def _indexes(delivery: Delivery, tables: Tables, name: str) -> Iterator[str]:
    """Indexes by which earlier rows are found.

    The ledger lies in the order of its tables and locks no pages: deliveries into other tables do
    not wait for each other there.
    """
    table = tables.sql(name).sql(DIALECT)
    if name == LEDGER:
        option = "WITH (ALLOW_PAGE_LOCKS = OFF)"
        yield f"CREATE CLUSTERED INDEX [_lume_table] ON {table} ([target_table]) {option}"
        return
    yield f"CREATE INDEX [_lume_run] ON {table} ({quoted(RUN_ID)})"
    if name == tables.name and delivery.mode == "merge" and _can_be_indexed(delivery):
        yield f"CREATE INDEX [_lume_key] ON {table} ({', '.join(map(quoted, delivery.key))})"


def _can_be_indexed(delivery: Delivery) -> bool:
    types = {column.name: column.type for column in delivery.columns}
    return all(types.get(name) != "json" for name in delivery.key)


def _described(
    tables: Tables, name: str, columns: Sequence[Column]
) -> Iterator[tuple[str, Sequence[Any]]]:
    for column in columns:
        text = column.description or ("JSON" if column.type == "json" else None)
        if text:
            yield _DESCRIBE, (text[:_MOST_DESCRIPTION], tables.schema, name, column.name)


def _remove_stale(
    session: Session, delivery: Delivery, place: Place, stage: Stage
) -> Sequence[Earlier]:
    """Take out the rows that this delivery replaces; what was delivered of the batch before."""
    tables = place.tables
    query = earlier_deliveries(tables.sql(LEDGER), place.ledger_name, delivery)
    earlier = [Earlier(*row) for row in session.rows(*rendered(query))]
    mapped, rejects = tables.sql(tables.name), tables.sql(tables.rejects_name)
    stale = [delete_run(mapped, delivery, run_id) for run_id in stale_mapped(delivery, earlier)]
    stale += [delete_run(rejects, delivery, run_id) for run_id in stale_rejects(earlier)]
    session.run_all([rendered(statement) for statement in stale])
    if delivery.mode == "replace":
        # With TABLOCK, a table without a clustered index gives its pages back.
        session.run(f"DELETE FROM {mapped.sql(DIALECT)} WITH (TABLOCK)")
    if delivery.mode == "merge":
        session.run(_delete_keys(mapped.sql(DIALECT), stage.mapped, delivery))
    return earlier


def _delete_keys(target: str, fresh: str, delivery: Delivery) -> str:
    """Delete the rows whose key the batch brings; hold the keys, so that nobody else adds them."""
    columns = {column.name: column for column in delivery.columns}
    same = " AND ".join(_same_key(columns[name]) for name in delivery.key)
    return (
        f"DELETE old FROM {target} AS old WITH (UPDLOCK, HOLDLOCK) "
        f"WHERE EXISTS (SELECT 1 FROM {fresh} AS fresh WHERE {same})"
    )


def _same_key(column: Column) -> str:
    """Equality of a key field; not MERGE, which knows no NULL in a key either."""
    old, fresh = f"old.{quoted(column.name)}", f"fresh.{quoted(column.name)}"
    if column.type == "uuid":
        same = f"{old} = CAST({fresh} AS uniqueidentifier)"
    elif column.type in {"string", "json"}:
        # A text beyond 4,000 characters is no key; the length decides where it was cut.
        text = f"CAST({fresh} AS nvarchar(4000)) COLLATE {EXACT}"
        same = f"({old} = {text} AND DATALENGTH({old}) = DATALENGTH({fresh}))"
    else:
        same = f"{old} = {fresh}"
    if not column.nullable:
        return same
    return f"({same} OR ({old} IS NULL AND {fresh} IS NULL))"


def _move(session: Session, stage: Stage, delivery: Delivery, tables: Tables) -> None:
    alone = " WITH (TABLOCK)" if delivery.mode == "replace" else ""
    moves = [(tables.name, stage.mapped, mapped_columns(delivery.columns), alone)]
    if stage.has_rejects:
        moves.append((tables.rejects_name, stage.rejects, REJECT_COLUMNS, ""))
    bound = {RUN_ID: delivery.run_id, SOURCE_PATH: delivery.source_path}
    for name, source, columns, hint in moves:
        target = tables.sql(name).sql(DIALECT)
        names = ", ".join(quoted(column.name) for column in columns)
        taken = ", ".join("?" if c.name in bound else from_stage(c) for c in columns)
        values = [bound[column.name] for column in columns if column.name in bound]
        session.run(f"INSERT INTO {target}{hint} ({names}) SELECT {taken} FROM {source}", values)
