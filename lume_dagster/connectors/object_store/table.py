"""A table in an object store: its folder, its manifest, and the change of it that loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lume_dagster.connectors.object_store.bucket import Bucket
from lume_dagster.connectors.object_store.manifest import (
    DATA_FILE,
    MANIFEST,
    Manifest,
    StoredBatch,
    parse_manifest,
)
from lume_dagster.connectors.object_store.refusals import ConflictError
from lume_dagster.connectors.patience import attempts
from lume_dagster.connectors.protocol import Checkpoint
from lume_dagster.errors import ConnectorError, TransientError


@dataclass(frozen=True, slots=True)
class State:
    """A manifest as it was read, and the ETag that a change of it must still find."""

    manifest: Manifest
    e_tag: str | None


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """Where a table's objects lie."""

    bucket: Bucket
    folder: str  # the key of the table's folder

    @property
    def uri(self) -> str:
        """The table's folder as people write it."""
        return self.bucket.uri(self.folder)

    def key(self, path: str) -> str:
        """The key of a path relative to the table's folder."""
        return f"{self.folder}/{path}"

    def state(self) -> State:
        """What the table holds now."""
        found = self.bucket.read(self.key(MANIFEST))
        if found is None:
            return State(Manifest(), None)
        content, e_tag = found
        return State(parse_manifest(content, self.bucket.uri(self.key(MANIFEST))), e_tag)

    def data_files(self, folder: str = "") -> dict[str, float]:
        """Every data object below a folder of the table, named or not, and when it was written."""
        start = self.key(folder) if folder else self.folder
        cut = len(self.folder) + 1
        return {
            meta["path"][cut:]: meta["last_modified"].timestamp()
            for meta in self.bucket.below(start)
            if DATA_FILE.fullmatch(meta["path"][cut:])
        }

    def remove(self, paths: tuple[str, ...]) -> None:
        """Remove data objects of the table."""
        strange = [path for path in paths if not DATA_FILE.fullmatch(path)]
        if strange:
            raise ConnectorError(f"The manifest of {self.uri} wants {strange[0]!r} removed.")
        self.bucket.delete(map(self.key, paths))


class MissingDataError(ConflictError):
    """An object that a manifest names is not there: the manifest is no longer the newest."""


def commit(
    table: ObjectTable,
    state: State,
    propose: Callable[[Manifest], Manifest],
    fresh: StoredBatch,
    seconds: float,
    checkpoint: Checkpoint,
) -> Manifest:
    """Put the proposed manifest in place of the one it was made from, trying until it is.

    A manifest that somebody else changed meanwhile is read again and proposed upon again, so the
    work of both stays.

    Args:
        table: What is changed.
        state: What was read before ``fresh`` was uploaded.
        propose: The manifest that should follow one; called again after each conflict.
        fresh: The batch that is delivered.
        seconds: How long to go on trying.
        checkpoint: Called before each try.
    """
    before = state.manifest.attempt(fresh.held.name)
    for _ in attempts(seconds):
        try:
            new = propose(state.manifest)
            # What a killed delivery was about to remove: no later manifest names it again.
            table.remove(state.manifest.removed)
            checkpoint("before_commit")
            table.bucket.put_if(table.key(MANIFEST), new.to_bytes(), state.e_tag)
        except ConflictError as conflict:
            state = _newer(table, state, conflict)
        else:
            return new
        if state.manifest.attempt(fresh.held.name) == fresh.attempt:
            return state.manifest  # it was put, and the answer was lost
        _refuse_a_race(table, state.manifest, fresh, before)
    raise TransientError(
        f"{table.uri} was changed by others all the time for {seconds:g} seconds.",
        hint="deliver fewer batches at a time, or raise the connector's commit_timeout_seconds",
    )


def _newer(table: ObjectTable, state: State, conflict: ConflictError) -> State:
    newer = table.state()
    if isinstance(conflict, MissingDataError) and newer.e_tag == state.e_tag:
        raise ConnectorError(
            f"The manifest of {table.uri} names {conflict}, which is not there or not the same.",
            hint="somebody removed or changed data of the table: deliver its batches again",
        )
    return newer


def _refuse_a_race(
    table: ObjectTable, manifest: Manifest, fresh: StoredBatch, before: str | None
) -> None:
    """Refuse to name uploads that others may have removed.

    They may when the batch was delivered by somebody else, to whom they were leftovers, or when
    they were named already, without an answer that said so, and were replaced since.
    """
    path = fresh.mapped[0].path
    raced = manifest.attempt(fresh.held.name) != before
    if raced or path in manifest.removed or table.bucket.head(table.key(path)) is None:
        raise TransientError(
            f"The batch was delivered to {table.uri} by somebody else at the same time."
        )
