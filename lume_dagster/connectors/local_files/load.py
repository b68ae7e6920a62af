"""Write a batch as files and publish it in a table of folders, replacing what it must replace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import (
    Encoder,
    bindings,
    last_of_each_key,
    scratch_database,
    select_mapped,
    select_rejects,
)
from lume_dagster.connectors.local_files.folder_swap import Swap, new_swap
from lume_dagster.connectors.local_files.table import MANIFEST, BatchFolder, LocalTable, described
from lume_dagster.connectors.protocol import Checkpoint, Delivery
from lume_dagster.connectors.sql.ddl import SYSTEM_COLUMNS, mapped_columns
from lume_dagster.connectors.sql.ledger import MAPPED_SCOPE
from lume_dagster.errors import ConnectorError, EngineError

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How rows become files of a format, and how ``merge`` copies those without changing a value.

    ``columns`` is the type to read every column as, where the file has none. Where a record is one
    line, ``line`` is the column that holds it: reading its numbers would round them.
    """

    write: str
    read: str
    columns: str | None = None
    line: str | None = None
    copy: str | None = None  # how copied records are written, where that differs


FORMATS: Mapping[str, FileFormat] = {
    "parquet": FileFormat(
        "FORMAT parquet, COMPRESSION zstd", "read_parquet($files, union_by_name = true)"
    ),
    "csv": FileFormat(
        "FORMAT csv, HEADER true",
        "read_csv($files, auto_detect = false, header = true, delim = ',', quote = '\"', "
        "escape = '\"', allow_quoted_nulls = false, max_line_size = 33554432, columns = $columns)",
        columns="VARCHAR",
    ),
    "jsonl": FileFormat(
        "FORMAT json",
        "read_json_objects($files, format = 'newline_delimited', maximum_object_size = 33554432)",
        line="json",
        # JSON escapes control characters, so nothing in a line is mistaken for a delimiter.
        copy="FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIM e'\\x01'",
    ),
}


def publish(
    table: LocalTable, delivery: Delivery, memory_limit: str, checkpoint: Checkpoint
) -> BatchFolder:
    """Make a batch visible in the table in one step. The table's lock is held by the caller.

    Returns:
        What this delivery brought, which is not all that ``merge`` leaves in the batch's folder.
    """
    with _file_errors(table.folder), scratch_database(memory_limit) as connection:
        swap = new_swap(table.state)
        checkpoint("connected")
        brought = built = _build(connection, swap, delivery)
        if delivery.mode == "merge":
            built = _keep_other_keys(connection, swap, table, delivery, built)
        else:
            _remove_scope(swap, table, delivery)
        place = table.folder / built.name
        if place.exists() and all(old != place for old, _ in swap.moves):
            swap.remove(place)
        built.save(swap.work / "new" / MANIFEST)
        swap.put(swap.work / "new", place)
        swap.commit(checkpoint)
        checkpoint("after_commit")
        return brought


def _build(connection: duckdb.DuckDBPyConnection, swap: Swap, delivery: Delivery) -> BatchFolder:
    """Write the batch's files into the hidden folder."""
    new = swap.work / "new"
    encoders = _CSV_ENCODERS if delivery.format == "csv" else {}
    nested = delivery.format != "csv"
    mapped = select_mapped(connection, delivery, encoders, nested=nested)
    rejects = select_rejects(connection, delivery, encoders)
    if delivery.mode == "merge":
        mapped = last_of_each_key(mapped, delivery.key)
    options = FORMATS[delivery.format].write
    values = bindings(delivery, delivery.mapped)
    file = _part(new / "mapped", delivery, 0)
    mapped_rows = _write(connection, mapped, file, options, values)
    values = bindings(delivery, delivery.rejects)
    file = _part(new / "rejects", delivery, 0)
    rejects_rows = _write(connection, rejects, file, options, values)
    return described(delivery, mapped_rows, rejects_rows)


def _remove_scope(swap: Swap, table: LocalTable, delivery: Delivery) -> None:
    """Take away the mapped rows and rejects that the delivery's mode replaces."""
    scope = MAPPED_SCOPE[delivery.mode] or ()
    for held in table.batches():
        mapped = all(getattr(held, name) == getattr(delivery, name) for name in scope)
        _reduce(swap, table, held, mapped=mapped, rejects=held.holds(delivery))


def _reduce(
    swap: Swap, table: LocalTable, held: BatchFolder, *, mapped: bool, rejects: bool
) -> None:
    """Take the mapped rows, the rejects or both out of a folder; an empty folder goes."""
    left = held.with_rows(
        mapped=0 if mapped else held.mapped_rows, rejects=0 if rejects else held.rejects_rows
    )
    folder = table.folder / held.name
    if (mapped or rejects) and not (left.mapped_rows or left.rejects_rows):
        swap.remove(folder)
    elif left != held:
        for name in [n for n, gone in (("mapped", mapped), ("rejects", rejects)) if gone]:
            swap.remove(folder / name)
        _replace_manifest(swap, folder, left)


def _replace_manifest(swap: Swap, folder: Path, left: BatchFolder) -> None:
    manifest = swap.work / f"manifest-{len(swap.moves)}.json"
    left.save(manifest)
    swap.put(manifest, folder / MANIFEST)


def _keep_other_keys(
    connection: duckdb.DuckDBPyConnection,
    swap: Swap,
    table: LocalTable,
    delivery: Delivery,
    built: BatchFolder,
) -> BatchFolder:
    """Take the batch's keys out of every folder; its own other rows stay with it."""
    new = swap.work / "new" / "mapped"
    for number, held in enumerate(table.batches(), 1):
        own = held.name == built.name
        folder = table.folder / held.name
        kept = _part(new if own else swap.work / f"kept-{number}", delivery, 1 if own else 0)
        rows = _copy_without_keys(connection, new, (folder, held), kept, delivery)
        if own:
            built = built.with_rows(mapped=built.mapped_rows + rows, rejects=built.rejects_rows)
            swap.remove(folder)
        elif rows == held.mapped_rows or not rows:
            _reduce(swap, table, held, mapped=not rows, rejects=held.holds(delivery))
        else:
            _shrink(swap, folder, kept.parent, held, rows, own_batch=held.holds(delivery))
        if not rows:
            kept.unlink()
    return built


def _shrink(
    swap: Swap, folder: Path, kept: Path, held: BatchFolder, rows: int, *, own_batch: bool
) -> None:
    swap.remove(folder / "mapped")
    swap.put(kept, folder / "mapped")
    if own_batch and held.rejects_rows:
        swap.remove(folder / "rejects")
    rejects = 0 if own_batch else held.rejects_rows
    _replace_manifest(swap, folder, held.with_rows(mapped=rows, rejects=rejects))


def _copy_without_keys(
    connection: duckdb.DuckDBPyConnection,
    new: Path,
    old: tuple[Path, BatchFolder],
    into: Path,
    delivery: Delivery,
) -> int:
    """Copy the old records whose key the batch does not bring; the number of records copied."""
    folder, held = old
    form = FORMATS[delivery.format]
    names = [column.name for column in mapped_columns(delivery.columns)]
    outputs = [_column("old", name) for name in ([form.line] if form.line else names)]
    reads = {side: form.read.replace("$", f"${side}_") + f" AS {side}" for side in ("old", "fresh")}
    query = (
        f"SELECT {', '.join(o.sql('duckdb') for o in outputs)} FROM {reads['old']} "
        f"ANTI JOIN {reads['fresh']} ON {_same_keys(form, delivery.key)}"
    )
    values: dict[str, Any] = {
        "old_files": _parts(folder / "mapped"),
        "fresh_files": [str(_part(new, delivery, 0))],
    }
    if form.columns:
        old_names = [*(name for name, _ in held.columns), *(c.name for c in SYSTEM_COLUMNS)]
        values["old_columns"] = dict.fromkeys(old_names, form.columns)
        values["fresh_columns"] = dict.fromkeys(names, form.columns)
    return _write(connection, query, into, form.copy or form.write, values)


def _same_keys(form: FileFormat, keys: Sequence[str]) -> str:
    from sqlglot import exp

    tests = [
        exp.NullSafeEQ(this=_key(form, "old", key), expression=_key(form, "fresh", key))
        for key in keys
    ]
    return exp.and_(*tests).sql("duckdb")


def _key(form: FileFormat, side: str, name: str) -> exp.Expr:
    from sqlglot import exp

    if form.line is None:
        return _column(side, name)
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    parts = [_column(side, form.line), exp.Literal.string(pointer)]
    return exp.Anonymous(this="json_extract_string", expressions=parts)


def _column(side: str, name: str) -> exp.Column:
    from sqlglot import exp

    return exp.column(name, table=side, quoted=True)


def _parts(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.glob("part-*"))


def _part(folder: Path, delivery: Delivery, number: int) -> Path:
    return folder / f"part-{number:04d}.{delivery.format}"


def _write(
    connection: duckdb.DuckDBPyConnection,
    rows: exp.Select | str,
    file: Path,
    options: str,
    values: dict[str, Any],
) -> int:
    from sqlglot import exp

    file.parent.mkdir(parents=True, exist_ok=True)
    query = rows if isinstance(rows, str) else rows.sql("duckdb")
    place = exp.Literal.string(str(file)).sql("duckdb")
    done = connection.execute(f"COPY ({query}) TO {place} ({options})", values)
    row = done.fetchone()
    return int(row[0]) if row else 0


def _as_json(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.Anonymous(this="to_json", expressions=[value])


_CSV_ENCODERS: Mapping[str, Encoder] = {"errors": _as_json}


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    """What the disk refuses, as errors of the tree."""
    try:
        yield
    except PermissionError as error:
        raise ConnectorError(
            f"{folder} cannot be written: {error.strerror}: {error.filename}",
            hint="give this user the right to write there",
        ) from error
    except OSError as error:
        raise EngineError(
            f"The batch could not be written to {folder}: {error.strerror or error}",
            hint="check the space and the state of the disk",
        ) from error
