"""What a reader gets to stage a batch with, and the manifest entries all readers write alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.batch import LEFT_OUT, StagedFile
from lume_dagster.engines.readers.files import PlainFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Staging:
    """One batch being staged: its files, the session that reads them, the folders to write to."""

    connection: duckdb.DuckDBPyConnection
    settings: EngineSettings
    files: Sequence[PlainFile]
    format: SourceFormat
    folder: Path
    scratch: Path

    def part(self, number: int) -> Path:
        """Where a part of the batch is written."""
        return self.folder / f"part-{number:04d}.parquet"


def first_rows(counts: Iterable[int]) -> list[int]:
    """The batch row of the first record of each file."""
    rows, row = [], 1
    for count in counts:
        rows.append(row)
        row += count
    return rows


def staged_file(
    file: PlainFile, first_row: int, records: int, malformed: int, **details: str | int | bool
) -> StagedFile:
    """The manifest entry of a file."""
    if file.left_out:
        details[LEFT_OUT] = "\n".join(file.left_out)
    return StagedFile(
        uri=file.source.uri,
        version=file.source.version,
        bytes=file.bytes,
        first_row=first_row,
        records=records,
        malformed=malformed,
        details={"compression": file.compression, **details},
    )
