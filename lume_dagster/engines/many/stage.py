"""Stage many batches of one small CSV file each: like files are read in one statement."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.many.split import BATCH, Piece, split
from lume_dagster.engines.readers.csv import PARQUET, select_sql, values
from lume_dagster.engines.readers.csv_batch import Part, as_counted, column_ids, described
from lume_dagster.engines.readers.csv_file import CsvFile, Examiner
from lume_dagster.engines.readers.files import Incoming, InputFile, plain_files
from lume_dagster.engines.session import engine_errors, open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.engines.stage import digest_of, fresh_folder, one_format
from lume_dagster.errors import LumeError
from lume_dagster.flows.model import SourceFormat

if TYPE_CHECKING:
    import duckdb

_PART = "part-0000.parquet"


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch that may be read together with others."""

    number: int
    file: CsvFile
    into: Path


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
    with engine_errors(settings), fresh_folder(own):
        batches = list(_examined(settings, incoming, format))
        readable = [batch.file.path for batch in batches]
        one_by_one = replace(settings, threads=1)
        with open_session(one_by_one, read=readable, write=[own]) as session:
            for group in _alike(batches):
                for batch, piece in _read(session, group, own):
                    staged[batch.number] = _publish(batch, piece)
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
    plain = plain_files(files, settings, scratch)
    if len(plain) != 1 or one_format(plain, options) != "csv":
        return None
    return Examiner(options, settings, scratch).examine(0, plain[0])


def _alike(batches: Sequence[_Batch]) -> list[list[_Batch]]:
    groups: dict[tuple[object, ...], list[_Batch]] = {}
    for batch in batches:
        groups.setdefault(batch.file.group, []).append(batch)
    return list(groups.values())


def _read(
    session: duckdb.DuckDBPyConnection, group: Sequence[_Batch], scratch: Path
) -> Iterator[tuple[_Batch, Piece]]:
    """Read like batches; where one of them is bad, the halves apart, until it is alone."""
    import duckdb

    files = [batch.file for batch in group]
    into = scratch / f"split-{group[0].number:06d}-{len(group)}"
    query = select_sql(files[0], column_ids(files, None), f"file_index AS {BATCH}")
    try:
        pieces = split(session, query, into, PARQUET, values(files))
    except duckdb.InvalidInputException:
        pieces = {}
    good = all(n in pieces and pieces[n].rows == f.counted for n, f in enumerate(files))
    if good:
        yield from ((batch, pieces[n]) for n, batch in enumerate(group))
    elif len(group) > 1:
        shutil.rmtree(into, ignore_errors=True)
        middle = len(group) // 2
        yield from _read(session, group[:middle], scratch)
        yield from _read(session, group[middle:], scratch)


def _publish(batch: _Batch, piece: Piece) -> StagedBatch:
    """Put a batch in its folder; the manifest, which makes it one, comes last."""
    shutil.rmtree(batch.into, ignore_errors=True)
    batch.into.mkdir(parents=True)
    part = batch.into / _PART
    piece.move(part)
    file = batch.file
    read = Part(part, (as_counted(file),), "fast")
    staged = described(batch.into, [file.plain], column_ids([file], None), [read], [1])
    staged.save()
    return staged
