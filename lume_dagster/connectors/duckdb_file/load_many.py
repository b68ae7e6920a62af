"""Move many batches into the tables of a DuckDB database, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import select_mapped, select_rejects
from lume_dagster.connectors.duckdb_file.load import (
    DIALECT,
    Moved,
    begin,
    inserted,
    ledger_name,
    load_errors,
    move,
    quoted,
    receipts,
)
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Receipt, WriteMode
from lume_dagster.connectors.sql.ddl import REJECT_COLUMNS, mapped_columns
from lume_dagster.connectors.sql.ledger import LEDGER_COLUMNS
from lume_dagster.connectors.sql.tables import LEDGER, Tables
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

#: Modes in which a batch that was never delivered touches no row of another.
_INDEPENDENT: frozenset[WriteMode] = frozenset({"replace_batch", "append"})


def load_many(
    connection: duckdb.DuckDBPyConnection,
    deliveries: Sequence[Delivery],
    tables: Tables,
    checkpoint: Checkpoint,
) -> list[Receipt]:
    """Deliver batches of one run: new ones in one statement, those that were there one by one."""
    with load_errors(tables):
        begin(connection, deliveries[0], tables)
        known = _known(connection, deliveries, tables)
        moved: dict[str, Moved] = {}
        for delivery in deliveries:
            if delivery.source_path in known or delivery.mode not in _INDEPENDENT:
                moved[delivery.source_path] = move(connection, delivery, tables, checkpoint)
        fresh = [d for d in deliveries if d.source_path not in moved]
        if fresh:
            moved |= _insert_all(connection, fresh, tables, checkpoint)
        checkpoint("before_commit")
        connection.execute("COMMIT")
        checkpoint("after_commit")
        return receipts(connection, tables, [moved[d.source_path] for d in deliveries])


def _known(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], tables: Tables
) -> set[str]:
    """The batches that the ledger speaks of."""
    from sqlglot import exp

    tests = [
        exp.column("target_table", quoted=True).eq(_parameter("table")),
        exp.column("flow", quoted=True).eq(_parameter("flow")),
        _call("list_contains", _parameter("paths"), exp.column("source_path", quoted=True)),
    ]
    query = exp.select(exp.column("source_path", quoted=True)).from_(tables.sql(LEDGER))
    values = {
        "table": ledger_name(tables),
        "flow": deliveries[0].flow,
        "paths": [d.source_path for d in deliveries],
    }
    rows = connection.execute(query.where(*tests).sql(DIALECT), values).fetchall()
    return {str(path) for (path,) in rows}


def _insert_all(
    connection: duckdb.DuckDBPyConnection,
    deliveries: Sequence[Delivery],
    tables: Tables,
    checkpoint: Checkpoint,
) -> dict[str, Moved]:
    checkpoint("cleared")
    mapped = _insert_mapped(connection, deliveries, tables)
    rejects = _insert_rejects(connection, deliveries, tables)
    checkpoint("staged")
    paths = [d.source_path for d in deliveries]
    moved = {path: Moved(mapped.get(path, 0), rejects.get(path, 0)) for path in paths}
    _enter_all(connection, deliveries[0], moved, tables)
    return moved


def _insert_mapped(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], tables: Tables
) -> dict[str, int]:
    files = [(file, d.source_path) for d in deliveries for file in d.mapped]
    whole = replace(deliveries[0], mapped=tuple(file for file, _ in files))
    names = [c.name for c in mapped_columns(whole.columns)]
    rows = select_mapped(connection, whole)
    return _insert(connection, rows, tables.sql(tables.name), names, whole.run_id, files)


def _insert_rejects(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], tables: Tables
) -> dict[str, int]:
    files = [(file, d.source_path) for d in deliveries for file in d.rejects]
    whole = replace(deliveries[0], rejects=tuple(file for file, _ in files))
    names = [c.name for c in REJECT_COLUMNS]
    rows = select_rejects(connection, whole)
    return _insert(connection, rows, tables.sql(tables.rejects_name), names, whole.run_id, files)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    rows: exp.Select,
    table: exp.Table,
    columns: Sequence[str],
    run_id: str,
    files: Sequence[tuple[Path, str]],
) -> dict[str, int]:
    """Insert the rows of all files, each with the ``source_path`` of its file; rows by batch."""
    from sqlglot import exp

    statement = exp.insert(rows.transform(_of_its_file), table, columns=quoted(columns))
    names = [str(file) for file, _ in files]
    paths = [path for _, path in files]
    values: dict[str, Any] = {"files": names, "run_id": run_id, "paths": paths}
    found = inserted(connection, statement, values)
    counts = connection.execute(
        "SELECT file_index, count(*) FROM read_parquet($files) GROUP BY 1", {"files": names}
    ).fetchall()
    by_path: dict[str, int] = {}
    for index, count in counts:
        by_path[paths[index]] = by_path.get(paths[index], 0) + int(count)
    if sum(by_path.values()) != found:
        raise ConnectorError(f"{sum(by_path.values())} rows were to be written, {found} were.")
    return by_path


def _of_its_file(node: exp.Expr) -> exp.Expr:
    """Where a batch alone has its ``source_path`` bound, that of the file a row is read from."""
    from sqlglot import exp

    if isinstance(node, exp.Parameter) and node.name == "source_path":
        place = exp.Add(this=exp.column("file_index"), expression=exp.Literal.number(1))
        return _call("list_extract", _parameter("paths"), exp.cast(place, "BIGINT"))
    return node


def _enter_all(
    connection: duckdb.DuckDBPyConnection,
    first: Delivery,
    moved: dict[str, Moved],
    tables: Tables,
) -> None:
    """A line in the ledger for each batch; there was none."""
    from sqlglot import exp

    each: dict[str, Any] = {
        "source_path": list(moved),
        "mapped_rows": [m.mapped for m in moved.values()],
        "rejects_rows": [m.rejects for m in moved.values()],
    }
    values: dict[str, Any] = {
        "target_table": ledger_name(tables),
        "flow": first.flow,
        "version": first.version,
        "run_id": first.run_id,
        "mode": first.mode,
        "delivered_at": datetime.now(UTC).replace(tzinfo=None),
        **each,
    }
    names = [c.name for c in LEDGER_COLUMNS]
    outputs = [_call("unnest", _parameter(n)) if n in each else _parameter(n) for n in names]
    lines = exp.insert(exp.select(*outputs), tables.sql(LEDGER), columns=quoted(names))
    connection.execute(lines.sql(DIALECT), values)


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    from sqlglot import exp

    return exp.Anonymous(this=name, expressions=list(arguments))


def _parameter(name: str) -> exp.Parameter:
    from sqlglot import exp

    return exp.Parameter(this=exp.to_identifier(name))
