"""Write a batch as files and publish it in a table of folders, replacing what it must replace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.file_table.batches import HeldBatch, Loss, described, loss
from lume_dagster.connectors.file_table.formats import (
    FORMATS,
    copy_without_keys,
    part_name,
    write_batch,
)
from lume_dagster.connectors.local_files.folder_swap import Swap, new_swap
from lume_dagster.connectors.local_files.table import MANIFEST, LocalTable, save
from lume_dagster.connectors.protocol import Checkpoint, Delivery
from lume_dagster.errors import ConnectorError, EngineError

if TYPE_CHECKING:
    import duckdb


def publish(
    table: LocalTable, delivery: Delivery, memory_limit: str | None, checkpoint: Checkpoint
) -> HeldBatch:
    """Make a batch visible in the table in one step. The table's lock is held by the caller.

    Returns:
        What this delivery brought, which is not all that ``merge`` leaves in the batch's folder.
    """
    memory = memory_limit or FORMATS[delivery.format].memory
    with _file_errors(table.folder), scratch_database(memory) as connection:
        swap = new_swap(table.state)
        checkpoint("connected")
        written = write_batch(connection, delivery, swap.work / "new")
        brought = built = described(delivery, written.mapped_rows, written.rejects_rows)
        if delivery.mode == "merge":
            built = _keep_other_keys(connection, swap, table, delivery, built)
        else:
            for held in table.batches():
                _reduce(swap, table, held, loss(held, delivery))
        place = table.folder / built.name
        if place.exists() and all(old != place for old, _ in swap.moves):
            swap.remove(place)
        save(built, swap.work / "new" / MANIFEST)
        swap.put(swap.work / "new", place)
        swap.commit(checkpoint)
        checkpoint("after_commit")
        return brought


def _reduce(swap: Swap, table: LocalTable, held: HeldBatch, lost: Loss) -> None:
    """Take the mapped rows, the rejects or both out of a folder; an empty folder goes."""
    folder, left = table.folder / held.name, lost.left(held)
    if lost.empties(held):
        swap.remove(folder)
    elif left != held:
        for name in [n for n, gone in (("mapped", lost.mapped), ("rejects", lost.rejects)) if gone]:
            swap.remove(folder / name)
        _replace_manifest(swap, folder, left)


def _replace_manifest(swap: Swap, folder: Path, left: HeldBatch) -> None:
    manifest = swap.work / f"manifest-{len(swap.moves)}.json"
    save(left, manifest)
    swap.put(manifest, folder / MANIFEST)


def _keep_other_keys(
    connection: duckdb.DuckDBPyConnection,
    swap: Swap,
    table: LocalTable,
    delivery: Delivery,
    built: HeldBatch,
) -> HeldBatch:
    """Take the batch's keys out of every folder; its own other rows stay with it."""
    new = swap.work / "new" / "mapped"
    fresh = new / part_name(0, delivery.format)
    for number, held in enumerate(table.batches(), 1):
        own = held.name == built.name
        folder = table.folder / held.name
        kept = new if own else swap.work / f"kept-{number}"
        kept /= part_name(1 if own else 0, delivery.format)
        old = table.mapped_files(held)
        rows = 0
        if held.mapped_rows:
            rows = copy_without_keys(connection, fresh, old, held.columns, kept, delivery)
        if own:
            built = built.with_rows(mapped=built.mapped_rows + rows, rejects=built.rejects_rows)
            swap.remove(folder)
        elif rows == held.mapped_rows or not rows:
            gone = bool(held.mapped_rows) and not rows
            _reduce(swap, table, held, Loss(mapped=gone, rejects=held.holds(delivery)))
        else:
            _shrink(swap, folder, kept.parent, held, rows, own_batch=held.holds(delivery))
        if not rows:
            kept.unlink(missing_ok=True)
    return built


def _shrink(
    swap: Swap, folder: Path, kept: Path, held: HeldBatch, rows: int, *, own_batch: bool
) -> None:
    swap.remove(folder / "mapped")
    swap.put(kept, folder / "mapped")
    if own_batch and held.rejects_rows:
        swap.remove(folder / "rejects")
    rejects = 0 if own_batch else held.rejects_rows
    _replace_manifest(swap, folder, held.with_rows(mapped=rows, rejects=rejects))


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
