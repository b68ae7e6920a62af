"""Take the keys that a batch brings out of all that a table holds, without changing an object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lume_dagster.connectors.file_table.batches import Loss
from lume_dagster.connectors.file_table.formats import copy_without_keys
from lume_dagster.connectors.object_store.attempt import Attempt
from lume_dagster.connectors.object_store.download import download
from lume_dagster.connectors.object_store.manifest import DataFile, Manifest, StoredBatch
from lume_dagster.connectors.object_store.refusals import ConflictError
from lume_dagster.connectors.object_store.table import MissingDataError

_Kept = tuple[tuple[DataFile, ...], int]


class Merge:
    """What becomes of a table's batches; what was worked out once is kept for the next try."""

    def __init__(self, attempt: Attempt, fresh: StoredBatch, rows: Path) -> None:
        """``rows`` is the local file of the batch's mapped rows, one of each key."""
        self._attempt, self._fresh, self._rows = attempt, fresh, rows
        self._known: dict[tuple[DataFile, ...], _Kept] = {}

    def batches(self, manifest: Manifest) -> list[StoredBatch]:
        """The batches that should follow those of a manifest."""
        batches, mapped, rows = [], list(self._fresh.mapped), self._fresh.held.mapped_rows
        for batch in manifest.batches:
            files, count = self._without_keys(batch)
            held = batch.held
            lost = Loss(bool(held.mapped_rows) and not count, held.holds(self._attempt.delivery))
            if held.name == self._fresh.held.name:
                mapped, rows = [*mapped, *files], rows + count
            elif not lost.empties(held):
                left = lost.left(held).with_rows(mapped=count, rejects=lost.left(held).rejects_rows)
                batches.append(batch.only(left, files))
        own = self._fresh.held
        own = own.with_rows(mapped=rows, rejects=own.rejects_rows)
        return [*batches, self._fresh.only(own, mapped)]

    def uploaded(self) -> set[str]:
        """The paths of all that was written for it, needed in the end or not."""
        return {file.path for files, _ in self._known.values() for file in files}

    def _without_keys(self, batch: StoredBatch) -> _Kept:
        if not batch.held.mapped_rows:
            return batch.mapped, 0
        if batch.mapped not in self._known:
            self._known[batch.mapped] = self._copied(batch)
        return self._known[batch.mapped]

    def _copied(self, batch: StoredBatch) -> _Kept:
        """Write what is left of a batch, unless that is all or nothing of it."""
        attempt, number = self._attempt, len(self._known) + 1
        folder = attempt.work / f"old-{number}"
        folder.mkdir(exist_ok=True)
        old = [self._fetched(file, folder) for file in batch.mapped]
        kept = attempt.work / f"kept-{number}"
        delivery, columns = attempt.delivery, batch.held.columns
        count = copy_without_keys(attempt.scratch, self._rows, old, columns, kept, delivery)
        files: Sequence[DataFile] = batch.mapped
        if count != batch.held.mapped_rows:
            kind = "mapped" if batch.held.name == self._fresh.held.name else "kept"
            path = attempt.path(self._fresh.held.name, kind, number)
            files = [attempt.upload(kept, path, count)] if count else []
        for path_ in (*old, kept):
            path_.unlink()
        return tuple(files), count

    def _fetched(self, file: DataFile, folder: Path) -> Path:
        table, into = self._attempt.table, folder / Path(file.path).name
        try:
            return download(table.bucket, table.key(file.path), file.etag, file.bytes, into)
        except (ConflictError, FileNotFoundError):
            raise MissingDataError(file.path) from None
