"""A staged batch: what was read from a source, as Parquet files and their manifest.

Layout of a staging folder (the manifest is written last; a folder without one is garbage):

    part-0000.parquet ...   columns c0, c1, ... (raw values); readers/rows.py adds _lume_row
    part-0000.rows.parquet  how far row numbers are shifted, where malformed records precede
    malformed.parquet       _lume_row, text, code, message: records no reader could split
    places.parquet          first_row, uri, file_row: of a sheet, which has blank rows and a header
    repaired.parquet        _lume_row, c0, ..., round: rows that stand in for those of the parts, or
                            for malformed records; round tells which of the repairs wrote the row
    manifest.json           this module's StagedBatch

``_lume_row`` numbers the records of the whole batch from 1, in the order of its files, malformed
records included: file i covers ``first_row .. first_row + records - 1``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

MANIFEST = "manifest.json"
ROW = "_lume_row"
LEFT_OUT = "left_out"  # a detail of the first file: files beside it that are no data, a line each
SHEETS = "sheets"  # a detail of a workbook: the other sheets that people see, a line each
HEADER_LINE = "header_line"  # a detail of a file whose first line seems not to be its header


@dataclass(frozen=True, slots=True)
class StagedColumn:
    """A source column: the name people use, the column that holds it, its type in DuckDB.

    Text formats are VARCHAR; JSON records are JSON (``"abc"``, ``12``, ``{"a": 1}``), so that
    nothing of the original is lost; Parquet files and databases keep their own types.
    """

    name: str
    id: str  # c0, c1, ...
    type: str


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One input file, or the one stream of a database source."""

    uri: str
    version: str
    bytes: int
    first_row: int
    records: int
    malformed: int
    details: dict[str, str | int | bool]  # what was found: encoding, delimiter, compression, ...


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """Where a batch lies, what it holds, and what its columns are called."""

    folder: Path
    columns: tuple[StagedColumn, ...]
    files: tuple[StagedFile, ...]
    parts: tuple[str, ...]  # file names in the folder
    format: str  # csv, json, parquet, excel, database

    @property
    def records(self) -> int:
        """Input rows: well-formed and malformed."""
        return sum(f.records for f in self.files)

    @property
    def malformed(self) -> int:
        """Records that could not be split into columns."""
        return sum(f.malformed for f in self.files)

    @property
    def header_elsewhere(self) -> tuple[str, int] | None:
        """The first file whose header seems not to stand where it is said, and at which line."""
        told = (f for f in self.files if HEADER_LINE in f.details)
        return next(((f.uri, int(f.details[HEADER_LINE])) for f in told), None)

    @property
    def other_sheets(self) -> tuple[str, tuple[str, ...]] | None:
        """Of the first workbook that has more than one: the sheet that was read, and the others."""
        told = (f.details for f in self.files if SHEETS in f.details)
        return next(((str(d["sheet"]), tuple(str(d[SHEETS]).split("\n"))) for d in told), None)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Files of the batch that were not read, being no data."""
        told = (str(f.details[LEFT_OUT]) for f in self.files if LEFT_OUT in f.details)
        return tuple(line for text in told for line in text.split("\n"))

    @property
    def is_plain(self) -> bool:
        """Whether a row's number says all about its place: in the one part, and in its file."""
        apart = self.places_path.exists() or self.repaired_path.exists()
        return not self.malformed and len(self.parts) <= 1 and not apart

    @property
    def bytes(self) -> int:
        """Size of the input in bytes, as delivered."""
        return sum(f.bytes for f in self.files)

    @property
    def part_paths(self) -> tuple[Path, ...]:
        """The Parquet files with the well-formed records."""
        return tuple(self.folder / p for p in self.parts)

    @property
    def malformed_path(self) -> Path:
        """The Parquet file with the malformed records; exists only when there are any."""
        return self.folder / "malformed.parquet"

    @property
    def places_path(self) -> Path:
        """The Parquet file that says where in their files rows are; there where it is not plain."""
        return self.folder / "places.parquet"

    @property
    def repaired_path(self) -> Path:
        """The Parquet file with the rows that a person has repaired, where there are any."""
        return self.folder / "repaired.parquet"

    def first(self, rows: int, malformed_rows: Sequence[int]) -> StagedBatch:
        """The batch as if it ended after so many records; ``malformed_rows`` are its bad ones."""
        files = []
        for file in self.files:
            last = min(file.first_row + file.records - 1, rows)
            bad = sum(file.first_row <= row <= last for row in malformed_rows)
            if last >= file.first_row:
                count = last - file.first_row + 1
                files.append(replace(file, records=count, malformed=bad))
        return replace(self, files=tuple(files) or self.files[:0])

    def save(self) -> None:
        """Write the manifest, which makes the folder a batch."""
        value = asdict(self)
        del value["folder"]
        new = self.folder / f".{MANIFEST}.new"
        new.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
        new.replace(self.folder / MANIFEST)

    @classmethod
    def load(cls, folder: Path) -> StagedBatch | None:
        """The batch in a folder, or None where staging did not finish."""
        path = folder / MANIFEST
        if not path.exists():
            return None
        value = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            folder=folder,
            columns=tuple(StagedColumn(**c) for c in value["columns"]),
            files=tuple(StagedFile(**f) for f in value["files"]),
            parts=tuple(value["parts"]),
            format=value["format"],
        )
