"""The one statement by which each table of a delivery changes: atomic, and safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence

from lume_dagster.connectors.databricks.session import identifier
from lume_dagster.connectors.databricks.shape import TYPES, Existing
from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import RUN_ID, SOURCE_PATH, sql_type

#: In no file, but in every statement that reads one.
_ADDED = {RUN_ID: ":run_id", SOURCE_PATH: ":source_path"}

#: What a merge calls the rows that only say which keys go.
_GONE = "_lume_gone"

Statement = tuple[str, dict[str, object]]


def replace_runs(table: str, rows: str, delivery: Delivery, runs: Sequence[str]) -> Statement:
    """Put rows in the place of those that runs brought for the batch."""
    scope, values = _scope(delivery, runs)
    return f"INSERT INTO {table} REPLACE WHERE {scope} {rows}", values | _added(delivery)


def remove_runs(table: str, delivery: Delivery, runs: Sequence[str]) -> Statement:
    """Take out the rows that runs brought for the batch."""
    scope, values = _scope(delivery, runs)
    return f"DELETE FROM {table} WHERE {scope}", values


def _scope(delivery: Delivery, runs: Sequence[str]) -> Statement:
    values: dict[str, object] = {f"r{i}": run for i, run in enumerate(runs)}
    listed = ", ".join(f":{name}" for name in values)
    scope = f"{identifier(SOURCE_PATH)} = :source_path AND {identifier(RUN_ID)} IN ({listed})"
    return scope, {"source_path": delivery.source_path, **values}


def _added(delivery: Delivery) -> dict[str, object]:
    return {"run_id": delivery.run_id, "source_path": delivery.source_path}


def replace_all(table: str, rows: str, delivery: Delivery) -> Statement:
    """Put rows in the place of all that are there."""
    return f"INSERT OVERWRITE {table} {rows}", _added(delivery)


def merge(table: str, files: str, columns: Sequence[Column], delivery: Delivery) -> Statement:
    """Put rows in the place of those with the same key, in however many rows the key is there.

    Each key comes twice: to say what goes, and as the row that comes. A row that comes is never
    matched, so it is inserted.
    """
    names = [identifier(column.name) for column in columns]
    keys = [identifier(name) for name in delivery.key]
    gone, same = identifier(_GONE), " AND ".join(f"old.{k} <=> new.{k}" for k in keys)
    going = _select(columns, files, gone=True, only=delivery.key)
    return (
        f"MERGE INTO {table} AS old "
        f"USING ({going} UNION ALL {_select(columns, files, gone=False)}) AS new "
        f"ON new.{gone} AND {same} "
        "WHEN MATCHED THEN DELETE "
        f"WHEN NOT MATCHED AND NOT new.{gone} "
        f"THEN INSERT ({', '.join(names)}) VALUES ({', '.join(f'new.{n}' for n in names)})"
    ), _added(delivery)


def select_rows(files: str, columns: Sequence[Column], there: Existing) -> str:
    """The rows of files, columns in the order of the table that takes them by position."""
    by_name = {column.name.lower(): column for column in columns}
    return _select([by_name[name.lower()] for name in there.names], files)


def _select(
    columns: Sequence[Column],
    files: str,
    *,
    gone: bool | None = None,
    only: Sequence[str] | None = None,
) -> str:
    outputs = [
        _output(column, empty=only is not None and column.name not in only) for column in columns
    ]
    if gone is not None:
        outputs.insert(0, f"{str(gone).upper()} AS {identifier(_GONE)}")
    return f"SELECT {', '.join(outputs)} FROM parquet.{identifier(files)}"


def _output(column: Column, *, empty: bool) -> str:
    """A column in the table's own type, whatever a reader of Parquet takes it for."""
    name = identifier(column.name)
    if column.type == "errors":
        return name
    value = "NULL" if empty else _ADDED.get(column.name, name)
    return f"CAST({value} AS {sql_type(column, TYPES)}) AS {name}"
