"""Stage CSV files: like ones in one statement, doubtful ones apart, damaged ones slowly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lume_dagster.engines.batch import StagedBatch, StagedColumn, StagedFile
from lume_dagster.engines.readers.csv import FastReader, ReadFile
from lume_dagster.engines.readers.csv_file import CsvFile, Examiner
from lume_dagster.engines.readers.malformed import MalformedSink
from lume_dagster.engines.readers.rows import Stretch, write_rows
from lume_dagster.engines.readers.slow_csv import read_slowly
from lume_dagster.engines.readers.staging import Staging, first_rows, staged_file


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file and the files whose records it holds, in order."""

    path: Path
    read: tuple[ReadFile, ...]
    reader: str  # fast or slow


def stage_csv(staging: Staging) -> StagedBatch:
    """Read every file; columns are the union of the headers, in order of appearance."""
    examiner = Examiner(staging.format, staging.settings, staging.scratch)
    examined = [examiner.examine(index, file) for index, file in enumerate(staging.files)]
    files = [file for file in examined if file is not None]
    ids = _column_ids(staging, files)
    with MalformedSink(staging.scratch / "malformed.parquet") as sink:
        parts = list(_parts(staging, files, ids, sink))
        counts = [0] * len(staging.files)
        for each in (read for part in parts for read in part.read):
            counts[each.file.index] = each.records
        starts = first_rows(counts)
        sink.save(staging.connection, starts, staging.folder / "malformed.parquet")
    for part in parts:
        write_rows(
            part.path,
            [Stretch(starts[read.file.index], read.records, read.missing) for read in part.read],
        )
    return StagedBatch(
        folder=staging.folder,
        columns=tuple(StagedColumn(name, key, "VARCHAR") for name, key in ids.items()),
        files=tuple(_entries(staging, parts, starts)),
        parts=tuple(part.path.name for part in parts),
        format="csv",
    )


def _column_ids(staging: Staging, files: Sequence[CsvFile]) -> dict[str, str]:
    names = dict.fromkeys(name for file in files for name in file.header.names)
    if not names and staging.format.columns:
        names = dict.fromkeys(staging.format.columns)
    return {name: f"c{number}" for number, name in enumerate(names)}


def _parts(
    staging: Staging, files: Sequence[CsvFile], ids: dict[str, str], sink: MalformedSink
) -> Iterator[Part]:
    pending, slow = _grouped(files)
    reader = FastReader(staging.connection, ids, sink)
    number = 0
    while pending:
        group = pending.pop(0)
        path = staging.part(number)
        attempt = reader.read(group, path)
        if attempt.doubtful:
            path.unlink(missing_ok=True)
            again, damaged = _retry(group, attempt.doubtful)
            pending[:0] = again
            slow.extend(damaged)
        else:
            number += 1
            yield Part(path, attempt.read, "fast")
    for place, file in enumerate(slow, number):
        path = staging.part(place)
        read = read_slowly(file, ids, sink, path, staging.settings.max_record_bytes)
        yield Part(path, (read,), "slow")


def _grouped(files: Sequence[CsvFile]) -> tuple[list[list[CsvFile]], list[CsvFile]]:
    """Groups of like files for the fast reader, and the files it may not try."""
    groups: dict[tuple[object, ...], list[CsvFile]] = {}
    slow: list[CsvFile] = []
    for file in files:
        if file.is_ordinary and file.counted:
            groups.setdefault(file.group, []).append(file)
        elif not file.holds_nothing():
            slow.append(file)
    return list(groups.values()), slow


def _retry(
    group: Sequence[CsvFile], doubtful: Sequence[CsvFile]
) -> tuple[list[list[CsvFile]], list[CsvFile]]:
    """What to read in one statement again, and what to read slowly."""
    if len(group) == 1:
        return [], list(group)
    if len(doubtful) < len(group):
        suspects = {file.index for file in doubtful}
        return [[file for file in group if file.index not in suspects]], list(doubtful)
    half = len(group) // 2
    return [list(group[:half]), list(group[half:])], []


def _entries(
    staging: Staging, parts: Sequence[Part], starts: Sequence[int]
) -> Iterator[StagedFile]:
    placed = {read.file.index: (part, read) for part in parts for read in part.read}
    for index, plain in enumerate(staging.files):
        if index not in placed:
            yield staged_file(plain, starts[index], 0, 0)
            continue
        part, read = placed[index]
        file = read.file
        yield staged_file(
            plain,
            starts[index],
            read.records,
            len(read.missing),
            part=part.path.name,
            reader=part.reader,
            encoding=file.encoding,
            delimiter=file.dialect.delimiter,
            quote=file.dialect.quote,
            escape=file.dialect.escape,
            line_end=file.line_end,
        )
