"""Move a batch into the tables of a PostgreSQL schema, in one transaction.

Rows go straight into the mapped table by binary COPY inside the transaction; ``merge`` first sends
its keys into a temporary table. Deliveries of different batches into one table run side by side;
what would disturb another (creating tables, ``merge``, ``replace``) has the table for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import (
    bindings,
    last_of_each_key,
    rows_in,
    rows_per_batch,
    select_mapped,
    select_rejects,
)
from lume_dagster.connectors.postgres.session import rows, run, said
from lume_dagster.connectors.postgres.shape import (
    refuse_other_shapes,
    tables_there,
    wanted_tables,
)
from lume_dagster.connectors.postgres.watched import Change, refuse_other_rows
from lume_dagster.connectors.postgres.wire import ENCODERS
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Receipt
from lume_dagster.connectors.sql.ddl import (
    POSTGRES_TYPES,
    ROW,
    RUN_ID,
    create_schema,
    create_table,
)
from lume_dagster.connectors.sql.ledger import (
    Earlier,
    delete_run,
    earlier_deliveries,
    enter,
    stale_mapped,
    stale_rejects,
)
from lume_dagster.connectors.sql.tables import LEDGER, Tables
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection
    from sqlglot import exp

_DIALECT = "postgres"
_FRESH = "_lume_fresh"
_MOST_INDEX_COLUMNS = 32
_BAD_TEXT = {"22021", "22P05"}


def load(
    connection: Connection,
    scratch: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    tables: Tables,
    checkpoint: Checkpoint,
) -> Receipt:
    """Replace the batch's earlier rows by its rows, with its rejects and the ledger."""
    _lock_and_create(connection, delivery, tables)
    earlier = _earlier(connection, delivery, tables)
    _remove_stale(connection, delivery, tables, earlier)
    checkpoint("cleared")
    rejects = _copy_rejects(connection, scratch, delivery, tables)
    mapped = _load_mapped(connection, scratch, delivery, tables)
    counts = mapped, rejects
    _refuse_other_rows(connection, delivery, tables, counts, earlier)
    checkpoint("staged")
    lines = enter(tables.sql(LEDGER), tables.qualified, delivery, counts, earlier)
    for statement, values in lines:
        run(connection, statement.sql(_DIALECT), values)
    checkpoint("before_commit")
    connection.commit()
    checkpoint("after_commit")
    return tables.receipt(mapped, rejects)


def _lock_and_create(connection: Connection, delivery: Delivery, tables: Tables) -> None:
    """Take the locks, always in the order schema, table, batch; make what is missing."""
    there = tables_there(connection, tables)
    missing = any(name not in there for name, _ in wanted_tables(delivery, tables))
    if missing:
        _lock(connection, f"schema {tables.schema}")
        there = tables_there(connection, tables)
    alone = missing or delivery.mode in {"merge", "replace"}
    _lock(connection, f"table {tables.qualified}", shared=not alone)
    _lock(connection, f"batch {tables.qualified} {delivery.flow} {delivery.source_path}")
    refuse_other_shapes(delivery, tables, there)
    if missing:
        _create_missing(connection, delivery, tables, there)


def _lock(connection: Connection, what: str, *, shared: bool = False) -> None:
    """An advisory lock until the end of the transaction."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    rows(connection, f"SELECT {function}(hashtextextended($1, 0))::text", (f"lume {what}",))


def _create_missing(
    connection: Connection,
    delivery: Delivery,
    tables: Tables,
    there: Mapping[str, object],
) -> None:
    query = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1"
    if rows(connection, query, (tables.schema,))[0][0] == 0:
        run(connection, create_schema(tables.schema, _DIALECT))
    for name, columns in wanted_tables(delivery, tables):
        if name not in there:
            table = tables.sql(name)
            for statement in create_table(table, columns, POSTGRES_TYPES, _DIALECT):
                run(connection, statement)
            if name != LEDGER:
                _index(connection, table, [RUN_ID], "brin")
            if name == tables.name and delivery.mode == "merge":
                _index(connection, table, delivery.key[:_MOST_INDEX_COLUMNS], "btree")


def _index(connection: Connection, table: exp.Table, columns: Sequence[str], method: str) -> None:
    """An index by which earlier rows are found. A batch's rows lie together: BRIN costs nothing."""
    names = ", ".join(_quoted(name) for name in columns)
    option = " WITH (autosummarize = on)" if method == "brin" else ""
    run(connection, f"CREATE INDEX ON {table.sql(_DIALECT)} USING {method} ({names}){option}")


def _earlier(connection: Connection, delivery: Delivery, tables: Tables) -> list[Earlier]:
    query, values = earlier_deliveries(tables.sql(LEDGER), tables.qualified, delivery)
    return [Earlier(*row) for row in rows(connection, query.sql(_DIALECT), values)]


def _remove_stale(
    connection: Connection, delivery: Delivery, tables: Tables, earlier: Sequence[Earlier]
) -> None:
    mapped, rejects = tables.sql(tables.name), tables.sql(tables.rejects_name)
    statements = [
        delete_run(mapped, delivery, run_id) for run_id in stale_mapped(delivery, earlier)
    ]
    statements += [delete_run(rejects, delivery, run_id) for run_id in stale_rejects(earlier)]
    for statement, values in statements:
        run(connection, statement.sql(_DIALECT), values)
    if delivery.mode == "replace":
        # Not TRUNCATE: readers with an older snapshot would see an empty table.
        run(connection, f"DELETE FROM {mapped.sql(_DIALECT)}")


def _load_mapped(
    connection: Connection,
    scratch: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    tables: Tables,
) -> int:
    query = select_mapped(scratch, delivery, ENCODERS)
    if delivery.mode == "merge":
        query = last_of_each_key(query, delivery.key)
        with _text_errors(scratch, delivery):
            _remove_keys(connection, _keys(scratch, query, delivery), delivery, tables)
    reader = _stream(scratch, query, delivery, delivery.mapped)
    with _text_errors(scratch, delivery):
        return _copy(connection, reader, tables.name, schema=tables.schema)


def _keys(
    scratch: duckdb.DuckDBPyConnection, query: exp.Select, delivery: Delivery
) -> pa.RecordBatchReader:
    from sqlglot import exp

    columns = [exp.column(name, quoted=True) for name in delivery.key]
    keys = exp.select(*columns).from_(query.subquery("batch"))
    return _stream(scratch, keys, delivery, delivery.mapped)


def _copy_rejects(
    connection: Connection,
    scratch: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    tables: Tables,
) -> int:
    if not rows_in(delivery.rejects):
        return 0
    query = select_rejects(scratch, delivery, ENCODERS)
    reader = _stream(scratch, query, delivery, delivery.rejects)
    return _copy(connection, reader, tables.rejects_name, schema=tables.schema)


def _stream(
    scratch: duckdb.DuckDBPyConnection,
    query: exp.Select,
    delivery: Delivery,
    files: Sequence[Path],
) -> pa.RecordBatchReader:
    relation = scratch.sql(query.sql("duckdb"), params=bindings(delivery, files))
    return relation.to_arrow_reader(rows_per_batch(files))


def _copy(
    connection: Connection, reader: pa.RecordBatchReader, table: str, *, schema: str | None
) -> int:
    """Binary COPY of a stream into a table; into a temporary one when no schema is given."""
    with connection.cursor() as cursor:
        temporary = schema is None
        return cursor.adbc_ingest(
            table, reader, mode="append", db_schema_name=schema, temporary=temporary
        )


def _refuse_other_rows(
    connection: Connection,
    delivery: Delivery,
    tables: Tables,
    sent: tuple[int, int],
    earlier: Sequence[Earlier],
) -> None:
    """Refuse what the owner's triggers and rules made of the rows, in either table."""
    mapped = _change(delivery, tables, tables.name, sent[0])
    same = f"FROM {mapped.table} AS old, {_same_keys(delivery)}"
    mapped = replace(
        mapped,
        replaced=stale_mapped(delivery, earlier),
        same_keys=same if delivery.mode == "merge" else None,
        alone=delivery.mode == "replace",
    )
    rejects = _change(delivery, tables, tables.rejects_name, sent[1])
    refuse_other_rows(connection, mapped, replace(rejects, replaced=stale_rejects(earlier)))


def _change(delivery: Delivery, tables: Tables, name: str, sent: int) -> Change:
    table, where = tables.sql(name).sql(_DIALECT), tables.location(name)
    return Change(table, where, sent, delivery.run_id, delivery.source_path)


def _remove_keys(
    connection: Connection, keys: pa.RecordBatchReader, delivery: Delivery, tables: Tables
) -> None:
    """Send the batch's keys into a temporary table, and delete the rows that have them."""
    target, fresh = tables.sql(tables.name).sql(_DIALECT), _quoted(_FRESH)
    names = ", ".join(_quoted(name) for name in delivery.key)
    empty = f"SELECT {names} FROM {target} WITH NO DATA"
    run(connection, f"CREATE TEMP TABLE {fresh} ON COMMIT DROP AS {empty}")
    _copy(connection, keys, _FRESH, schema=None)
    run(connection, f"ANALYZE pg_temp.{fresh}")
    run(connection, f"DELETE FROM {target} AS old USING {_same_keys(delivery)}")


def _same_keys(delivery: Delivery) -> str:
    """The batch's keys and the rows ``old`` that have them: what follows USING, or a FROM."""
    optional = {column.name for column in delivery.columns if column.nullable}
    same = " AND ".join(_same_key(name, optional=name in optional) for name in delivery.key)
    return f"pg_temp.{_quoted(_FRESH)} AS fresh WHERE {same}"


def _same_key(name: str, *, optional: bool) -> str:
    """Equality of a key field. Arrays are equal where both hold NULL, and can be hashed."""
    old, fresh = f"old.{_quoted(name)}", f"fresh.{_quoted(name)}"
    return f"ARRAY[{old}] = ARRAY[{fresh}]" if optional else f"{old} = {fresh}"


def _quoted(name: str) -> str:
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(_DIALECT)


#: How a field that holds a NUL character is found.
_HOLDS_NUL: Mapping[str, str] = {
    "string": "contains({0}, chr(0))",
    "json": "contains(to_json({0})::VARCHAR, '\\u0000')",
}


@contextmanager
def _text_errors(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> Iterator[None]:
    """Name the field and the row of a NUL character, which PostgreSQL cannot store."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        if error.sqlstate not in _BAD_TEXT:
            raise
        place = _find_nul(scratch, delivery)
        where = f"the field {place[0]!r} of row {place[1]} of the batch" if place else "the batch"
        hint = "take NUL characters out in the mapping: replace(field, chr(0), '')"
        if place is None:
            hint = "deliver into a database whose encoding is UTF8, or replace it in the mapping"
        raise ConnectorError(
            f"PostgreSQL cannot store a character in {where}: {said(error)}", hint=hint
        ) from None


def _find_nul(scratch: duckdb.DuckDBPyConnection, delivery: Delivery) -> tuple[str, int] | None:
    """The first field and row that hold a NUL character, as such or as an escape in JSON."""
    files = {"files": [str(file) for file in delivery.mapped]}
    for column in (c for c in delivery.columns if c.type in _HOLDS_NUL):
        test = _HOLDS_NUL[column.type].format(_quoted(column.name))
        found = scratch.execute(
            f"SELECT min({ROW}) FROM read_parquet($files) WHERE {test}", files
        ).fetchone()
        if found and found[0] is not None:
            return column.name, int(found[0])
    return None
