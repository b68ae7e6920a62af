"""Stage many batches of one small CSV file each: like files are read in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.many.split import split
from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.csv import column_ids, select_sql, values
from lume_dagster.engines.readers.csv_batch import Part, as_counted, described
from lume_dagster.engines.readers.csv_file import CsvFile, Examiner
from lume_dagster.engines.readers.files import Incoming, InputFile, plain_files
from lume_dagster.engines.session import engine_errors, open_session
from lume_dagster.engines.settings import SMALL_BYTES, EngineSettings
from lume_dagster.engines.stage import (
    digest_of,
    fresh_folder,
    one_format,
    publish,
    unfinished_of,
)
from lume_dagster.errors import LumeError
from lume_dagster.flows.model import SourceFormat

if TYPE_CHECKING:
    import duckdb

_PART = "part-0000.parquet"
_TABLE, _FILE = "records", "_lume_file"


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch that may be read together with others."""

    number: int
    file: CsvFile
    into: Path

    @property
    def work(self) -> Path:
        """Where it is written before it is whole."""
        return unfinished_of(self.into)


def stage_many(
    settings: EngineSettings,
    incoming: Sequence[Incoming],
    format: SourceFormat,  # noqa: A002
) -> list[StagedBatch | None]:
    """Stage each batch exactly as it would be staged alone, or leave it to be staged so.

    None stands for a batch that is not read here: because it is not one CSV file of some records,
    because something is wrong with it, or because the reader does not find in it what was counted.
    """
    own = settings.scratch / f"stage-{digest_of(incoming[0].into)}"
    settings = replace(settings, scratch=own)
    staged: list[StagedBatch | None] = [None] * len(incoming)
    with engine_errors(settings), fresh_folder(own), ExitStack() as unfinished:
        batches = list(_examined(settings, incoming, format))
        for batch in batches:
            unfinished.enter_context(fresh_folder(batch.work))
        readable = [batch.file.path for batch in batches]
        writable = [batch.work for batch in batches]
        with open_session(settings, read=readable, write=writable) as session:
            for group in _alike(batches):
                for batch in _read(session, group):
                    staged[batch.number] = _publish(batch)
    return staged


def _examined(
    settings: EngineSettings, incoming: Sequence[Incoming], options: SourceFormat
) -> Iterator[_Batch]:
    """The batches the fast reader may try; each is looked at as if there were no other."""
    for number, batch in enumerate(incoming):
        scratch = settings.scratch / f"{number:06d}"
        scratch.mkdir()
        try:
            file = _examine(settings, batch.files, options, scratch)
        except LumeError:
            continue  # staging it alone says what is wrong
        if file is not None and file.is_ordinary and file.counted:
            yield _Batch(number, file, batch.into)


def _examine(
    settings: EngineSettings, files: Sequence[InputFile], options: SourceFormat, scratch: Path
) -> CsvFile | None:
    plain = plain_files(files, settings, scratch, options.members)
    if len(plain) != 1 or one_format(plain, options) != "csv":
        return None
    if plain[0].path.stat().st_size > SMALL_BYTES:  # it was compressed
        return None
    return Examiner(options, settings, scratch).examine(0, plain[0])


def _alike(batches: Sequence[_Batch]) -> list[list[_Batch]]:
    groups: dict[tuple[object, ...], list[_Batch]] = {}
    for batch in batches:
        groups.setdefault(batch.file.group, []).append(batch)
    return list(groups.values())


def _read(session: duckdb.DuckDBPyConnection, group: Sequence[_Batch]) -> Iterator[_Batch]:
    """Write like batches; where one of them is bad, the halves apart, until it is alone."""
    if _is_read(session, [batch.file for batch in group]):
        pieces = [(batch.file.counted, batch.work / _PART) for batch in group]
        form = staged_parquet(len(group[0].file.header.names))
        written = split(session, _TABLE, f"* EXCLUDE ({_FILE})", pieces, form)
        for batch, _ in zip(group, written, strict=True):
            yield batch
    elif len(group) > 1:
        middle = len(group) // 2
        yield from _read(session, group[:middle])
        yield from _read(session, group[middle:])


def _is_read(session: duckdb.DuckDBPyConnection, files: Sequence[CsvFile]) -> bool:
    """Read like files into a table; whether each was read as a whole, after the one before it."""
    import duckdb

    query = select_sql(files[0], column_ids(files, None), f"file_index AS {_FILE}")
    try:
        session.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {query}", values(files))
    except duckdb.InvalidInputException:
        return False
    found = session.execute(
        f"SELECT {_FILE}, min(rowid), max(rowid) FROM {_TABLE} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    ends = list(accumulate(file.counted for file in files))
    starts = [0, *ends[:-1]]
    wanted = [(n, first, end - 1) for n, (first, end) in enumerate(zip(starts, ends, strict=True))]
    return found == wanted


def _publish(batch: _Batch) -> StagedBatch:
    file = batch.file
    read = Part(batch.work / _PART, (as_counted(file),), "fast")
    ids = column_ids([file], None)
    return publish(described(batch.work, [file.plain], ids, [read], [1]), batch.into)
