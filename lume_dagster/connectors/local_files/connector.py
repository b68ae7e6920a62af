"""A folder on this machine as source and as target."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, ClassVar

from lume_dagster.connectors.batch_segment import batch_segment, is_text
from lume_dagster.connectors.file_table.read_back import rows_of_files, wanted_batches
from lume_dagster.connectors.local_files.folder_swap import exclusive, settle
from lume_dagster.connectors.local_files.load import publish
from lume_dagster.connectors.local_files.paths import find_files, path_of_uri, uri_of
from lume_dagster.connectors.local_files.table import local_table
from lume_dagster.connectors.protocol import (
    Checkpoint,
    Delivery,
    Reading,
    Receipt,
    SourceObject,
)
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.errors import BatchError, ConnectorError

if TYPE_CHECKING:
    import pyarrow as pa


class LocalFilesConnector(ConnectorResource):
    """The files below one folder.

    As a source, a ``source_path`` is a file, a ``file://`` URI, a folder or a glob, relative to
    ``root`` or below it. As a target, a table is a folder with one folder for each batch.
    """

    kind: ClassVar[str] = "local_files"

    root: str
    memory_limit: str | None = None  # of the engine that writes files; None: what the format needs
    lock_timeout_seconds: float = 300.0

    def list_objects(self, source_path: str) -> Sequence[SourceObject]:
        """The files that ``source_path`` names, in name order."""
        if not self._root.is_dir():
            raise ConnectorError(
                f"The connector's root {self._root} is not a folder.",
                hint="create it, or mend the connector's root",
            )
        try:
            return [_described(path) for path in find_files(self._root, source_path)]
        except PermissionError as error:
            raise BatchError(
                f"{error.filename} cannot be read: {error.strerror}.",
                hint="give this user the right to read it",
            ) from error

    def full_name(self, source_path: str) -> str:
        """The ``file://`` URI of a file, a folder or a glob."""
        return uri_of(self._root, source_path)

    def fetch(self, item: SourceObject, into: Path) -> Path:
        """The file itself, refused when it is not the one that was listed."""
        path = path_of_uri(item.uri)
        if not path.resolve().is_relative_to(self._root):
            raise BatchError(f"{path} is outside the connector's root {self._root}.")
        if not path.is_file():
            raise BatchError(f"{path} was there when the batch was listed, and is gone.")
        if _described(path) != item:
            raise BatchError(
                f"{path} has changed since the batch was listed.",
                hint="run again when the file is complete",
            )
        return path if is_text(str(path)) else Path(copyfile(path, into / batch_segment(item.uri)))

    def check(self, delivery: Delivery) -> None:
        """Refuse an unknown format, a table of another shape, a folder that cannot be written."""
        local_table(self._root, delivery.table).check(delivery)
        nearest = next(p for p in [self._root, *self._root.parents] if p.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise ConnectorError(
                f"{nearest} cannot be written by this user, so {self._root} cannot be a target.",
                hint="give this user the right to write there, or choose another root",
            )

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Make a batch's files visible in one step."""
        table = local_table(self._root, delivery.table)
        self.check(delivery)
        with exclusive(table.lock, self.lock_timeout_seconds):
            table.check(delivery)
            limit = self.optional_text("memory_limit")
            held = publish(table, delivery, limit, checkpoint)
        folder = table.folder / held.name
        return Receipt(
            mapped_rows=held.mapped_rows,
            rejects_rows=held.rejects_rows,
            mapped_location=(folder / "mapped").as_uri(),
            rejects_location=(folder / "rejects").as_uri(),
        )

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, streamed; no delivery changes it meanwhile."""
        table = local_table(self._root, reading.table)
        with exclusive(table.lock, self.lock_timeout_seconds):
            settle(table.state)
            held = table.batches()
            wanted = wanted_batches(str(table.folder), held, reading)
            files = [file for batch in wanted for file in table.mapped_files(batch)]
            limit = self.optional_text("memory_limit")
            with rows_of_files(held, files, reading, limit) as reader:
                yield reader

    def test(self) -> Iterator[str]:
        """Read the root, and try to write there."""
        if not self._root.is_dir():
            raise ConnectorError(f"The connector's root {self._root} is not a folder.")
        if not os.access(self._root, os.R_OK | os.X_OK):
            raise ConnectorError(f"The connector's root {self._root} cannot be read by this user.")
        entries = sum(1 for _ in self._root.iterdir())
        yield f"{self._root} can be read: {entries} entr{'y' if entries == 1 else 'ies'}."
        try:
            TemporaryFile(dir=self._root).close()
        except OSError as error:
            yield f"{self._root} cannot be written ({error.strerror}): it can only be a source."
        else:
            yield f"{self._root} can be written."

    @property
    def _root(self) -> Path:
        return Path(self.text("root")).expanduser().resolve()


def _described(path: Path) -> SourceObject:
    stat = path.stat()
    version = f"{stat.st_mtime_ns}-{stat.st_size}"
    return SourceObject(uri=path.as_uri(), size=stat.st_size, version=version)
