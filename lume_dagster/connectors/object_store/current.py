"""Read what a table in an object store holds now: through its manifest, never by looking around."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lume_dagster.connectors.file_table.read_back import rows_of_files, wanted_batches
from lume_dagster.connectors.file_table.work_folder import work_folder
from lume_dagster.connectors.object_store.download import download
from lume_dagster.connectors.object_store.manifest import DataFile, Manifest
from lume_dagster.connectors.object_store.refusals import ConflictError
from lume_dagster.connectors.object_store.table import ObjectTable
from lume_dagster.connectors.patience import attempts
from lume_dagster.connectors.protocol import Reading
from lume_dagster.errors import ConnectorError, TransientError

if TYPE_CHECKING:
    import pyarrow as pa

Part = Literal["mapped", "rejects"]


def current_files(manifest: Manifest, part: Part) -> list[DataFile]:
    """The objects that hold a table's mapped rows or rejects; empty ones are left out."""
    return [file for batch in manifest.batches for file in getattr(batch, part) if file.rows]


def fetch_current(
    table: ObjectTable,
    into: Path,
    choose: Callable[[Manifest], Sequence[DataFile]],
    seconds: float,
) -> tuple[Manifest, list[Path]]:
    """Copy objects of one manifest into a folder, and begin again where it is overtaken."""
    into.mkdir(parents=True, exist_ok=True)
    for _ in attempts(seconds):
        state = table.state()
        if state.e_tag is None:
            raise ConnectorError(
                f"There is no table at {table.uri}.", hint="nothing was delivered into it yet"
            )
        files = choose(state.manifest)
        try:
            return state.manifest, [_fetch(table, file, into) for file in files]
        except (ConflictError, FileNotFoundError):
            if table.state().e_tag == state.e_tag:
                raise ConnectorError(
                    f"The manifest of {table.uri} names an object that is not there.",
                    hint="somebody removed data of the table: deliver its batches again",
                ) from None
    raise TransientError(f"{table.uri} was changed all the time while it was read.")


@contextmanager
def rows_read_back(
    table: ObjectTable, reading: Reading, memory: str | None, seconds: float
) -> Iterator[pa.RecordBatchReader]:
    """The mapped rows that a reading asks for, of one state of the table."""

    def choose(manifest: Manifest) -> list[DataFile]:
        by_name = {batch.held.name: batch for batch in manifest.batches}
        wanted = wanted_batches(table.uri, manifest.held(), reading)
        return [file for held in wanted for file in by_name[held.name].mapped]

    with work_folder() as work:
        manifest, files = fetch_current(table, work, choose, seconds)
        with rows_of_files(manifest.held(), files, reading, memory) as reader:
            yield reader


def _fetch(table: ObjectTable, file: DataFile, into: Path) -> Path:
    place = into / Path(file.path).name.replace("part-", f"{file.path.partition('/')[0]}-", 1)
    if place.is_file() and place.stat().st_size == file.bytes:
        return place  # from the try before: a name is never used for two contents
    part = place.with_name(f".{place.name}.part")
    download(table.bucket, table.key(file.path), file.etag, file.bytes, part)
    return part.replace(place)
