"""Deliver a batch to a table in an object store: upload it, then name it in the manifest."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.file_table.batches import HeldBatch, described, loss, refuse_misfit
from lume_dagster.connectors.file_table.formats import FORMATS, WrittenBatch, write_batch
from lume_dagster.connectors.file_table.work_folder import work_folder
from lume_dagster.connectors.object_store.attempt import Attempt
from lume_dagster.connectors.object_store.leftovers import leftovers, refuse_slowness
from lume_dagster.connectors.object_store.manifest import Manifest, StoredBatch
from lume_dagster.connectors.object_store.merge import Merge
from lume_dagster.connectors.object_store.table import ObjectTable, commit
from lume_dagster.connectors.protocol import Checkpoint, Delivery


@dataclass(frozen=True, slots=True)
class Limits:
    """What a delivery may use and how long it may take."""

    memory: str | None  # None: what the format needs
    commit_seconds: float
    leftover_seconds: float  # the age from which an object that no manifest names is nobody's


def publish(
    table: ObjectTable, delivery: Delivery, limits: Limits, checkpoint: Checkpoint
) -> HeldBatch:
    """Make a batch visible in the table in one step.

    Returns:
        What this delivery brought, which is not all that ``merge`` leaves to the batch.
    """
    begun, name = time.monotonic(), uuid4().hex[:12]
    state = table.state()  # before the first upload: see ``leftovers``
    refuse_misfit(table.uri, state.manifest.held(), delivery, table.bucket.where.system.name)
    memory = limits.memory or FORMATS[delivery.format].memory
    with work_folder() as work, scratch_database(memory) as scratch:
        checkpoint("connected")
        attempt = Attempt(table, delivery, work, scratch, name)
        written = write_batch(scratch, delivery, work / "new")
        fresh = _upload(attempt, written)
        checkpoint("staged")
        merge = Merge(attempt, fresh, written.mapped) if delivery.mode == "merge" else None
        removable = leftovers(attempt, fresh.held.name, state.manifest, limits.leftover_seconds)

        def propose(manifest: Manifest) -> Manifest:
            refuse_misfit(table.uri, manifest.held(), delivery, table.bucket.where.system.name)
            batches = merge.batches(manifest) if merge else _replaced(manifest, fresh, delivery)
            refuse_slowness(time.monotonic() - begun, limits.leftover_seconds)
            unneeded = merge.uploaded() if merge else set()
            return manifest.changed(batches, removable | unneeded)

        new = commit(table, state, propose, fresh, limits.commit_seconds, checkpoint)
        checkpoint("committed")
        table.remove(new.removed)
        checkpoint("after_commit")
        return fresh.held


def _upload(attempt: Attempt, written: WrittenBatch) -> StoredBatch:
    """Bring the batch's own files to the store, where nobody looks at them yet."""
    held = described(attempt.delivery, written.mapped_rows, written.rejects_rows)
    paths = [attempt.path(held.name, kind, 0) for kind in ("mapped", "rejects")]
    with ThreadPoolExecutor(len(paths), thread_name_prefix="upload") as pool:
        mapped, rejects = pool.map(
            attempt.upload,
            (written.mapped, written.rejects),
            paths,
            (written.mapped_rows, written.rejects_rows),
        )
    return StoredBatch(held, attempt.name, (mapped,), (rejects,))


def _replaced(manifest: Manifest, fresh: StoredBatch, delivery: Delivery) -> list[StoredBatch]:
    """The table's batches when the delivery's scope is taken away and the batch put there."""
    batches = [fresh]
    for batch in manifest.batches:
        lost = loss(batch.held, delivery)
        if batch.held.name != fresh.held.name and not lost.empties(batch.held):
            batches.append(batch.only(lost.left(batch.held), () if lost.mapped else batch.mapped))
    return batches
