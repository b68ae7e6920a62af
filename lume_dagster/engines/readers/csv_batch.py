"""Stage CSV files: like ones in one statement, doubtful ones apart, damaged ones slowly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from lume_dagster.engines.batch import HEADER_LINE, StagedBatch, StagedColumn, StagedFile
from lume_dagster.engines.readers.csv import column_ids, read_together
from lume_dagster.engines.readers.csv_ahead import reading_ahead
from lume_dagster.engines.readers.csv_file import CsvFile, Examiner
from lume_dagster.engines.readers.files import PlainFile
from lume_dagster.engines.readers.malformed import MalformedSink
from lume_dagster.engines.readers.one_table import as_one_table
from lume_dagster.engines.readers.rows import Stretch, write_rows
from lume_dagster.engines.readers.scan import Positions
from lume_dagster.engines.readers.sieve import can_sieve, sieved
from lume_dagster.engines.readers.staging import Staging, first_rows, staged_file


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file of a part: how many records it held, and which of them are malformed (from 1)."""

    file: CsvFile
    records: int
    missing: Positions


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file and the files whose records it holds, in order."""

    path: Path
    read: tuple[ReadFile, ...]
    reader: str  # fast, sieved or slow


def stage_csv(staging: Staging) -> StagedBatch:
    """Read every file; columns are the union of the headers, in order of appearance."""
    examiner = Examiner(staging.format, staging.settings, staging.scratch)
    with reading_ahead(staging, examiner) as ahead:
        examined = [examiner.examine(index, file) for index, file in enumerate(staging.files)]
        files = as_one_table([file for file in examined if file is not None])
        is_read = ahead.has_read(files) if ahead else None
    if is_read is False:
        files = [replace(file, is_ordinary=False) for file in files]
    ids = column_ids(files, staging.format.columns)
    with MalformedSink(staging.scratch / "malformed.parquet") as sink:
        if is_read:
            parts = [Part(staging.part(0), tuple(map(as_counted, files)), "fast")]
        else:
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
    return described(staging.folder, staging.files, ids, parts, starts)


def described(
    folder: Path,
    files: Sequence[PlainFile],
    ids: Mapping[str, str],
    parts: Sequence[Part],
    starts: Sequence[int],
) -> StagedBatch:
    """The batch that lies in a folder, when its parts are read."""
    return StagedBatch(
        folder=folder,
        columns=tuple(StagedColumn(name, key, "VARCHAR") for name, key in ids.items()),
        files=tuple(_entries(files, parts, starts)),
        parts=tuple(part.path.name for part in parts),
        format="csv",
    )


def _parts(
    staging: Staging, files: Sequence[CsvFile], ids: Mapping[str, str], sink: MalformedSink
) -> Iterator[Part]:
    """Read what can be read together; sieve what cannot; read slowly what still cannot."""
    limit = staging.settings.max_record_bytes
    pending = _grouped([file for file in files if file.is_ordinary and file.counted])
    odd = [file for file in files if not file.is_ordinary or not file.counted]
    odd = [file for file in odd if not file.holds_nothing()]
    slow: list[CsvFile] = []
    paths = map(staging.part, count())
    path = next(paths)
    while pending or odd:
        if not pending:
            pending, odd = _grouped(_sieve_all(staging, odd, sink, slow)), []
            continue
        group = pending.pop(0)
        if read_together(staging.connection, group, ids, path):
            yield Part(path, tuple(map(as_counted, group)), _reader_of(group))
            path = next(paths)
            continue
        path.unlink(missing_ok=True)
        if group[0].dropped is None:
            odd += group
        elif len(group) > 1:
            pending[:0] = [group[: len(group) // 2], group[len(group) // 2 :]]
        else:
            slow += group
    if slow:
        from lume_dagster.engines.readers.slow_csv import read_slowly
    for file in slow:
        yield Part(path, (ReadFile(file, *read_slowly(file, ids, sink, path, limit)),), "slow")
        path = next(paths)


def _grouped(files: Iterable[CsvFile]) -> list[list[CsvFile]]:
    """Files that can be read in one statement."""
    groups: dict[tuple[object, ...], list[CsvFile]] = {}
    for file in files:
        groups.setdefault(file.group, []).append(file)
    return list(groups.values())


def _sieve_all(
    staging: Staging, files: Sequence[CsvFile], sink: MalformedSink, slow: list[CsvFile]
) -> Iterator[CsvFile]:
    limit = staging.settings.max_record_bytes
    for file in files:
        if can_sieve(file):
            yield sieved(file, sink, staging.scratch / f"sieved-{file.index:06d}", limit)
        else:
            slow.append(file)


def as_counted(file: CsvFile) -> ReadFile:
    """A file of which the fast reader found what was counted."""
    missing = np.zeros(0, np.int64) if file.dropped is None else file.dropped
    return ReadFile(file, file.counted + len(missing), missing)


def _reader_of(group: Sequence[CsvFile]) -> str:
    return "fast" if group[0].dropped is None else "sieved"


def _entries(
    files: Sequence[PlainFile], parts: Sequence[Part], starts: Sequence[int]
) -> Iterator[StagedFile]:
    placed = {read.file.index: (part, read) for part in parts for read in part.read}
    for index, plain in enumerate(files):
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
            **({} if file.header_line is None else {HEADER_LINE: file.header_line}),
        )
