"""Stage a batch: any files, or a stream from a database, become a folder of Parquet with a manifest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.readers.csv_batch import stage_csv
from lume_dagster.engines.readers.detect import format_of, head_of
from lume_dagster.engines.readers.files import InputFile, PlainFile, plain_files
from lume_dagster.engines.readers.json import stage_json_document, stage_json_lines
from lume_dagster.engines.readers.parquet import stage_parquet, stage_stream_into
from lume_dagster.engines.readers.staging import Staging
from lume_dagster.engines.readers.stream import write_stream
from lume_dagster.engines.session import engine_errors, open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import BatchError
from lume_dagster.flows.model import SourceFormat

if TYPE_CHECKING:
    import pyarrow as pa

_READERS: dict[str, Callable[[Staging], StagedBatch]] = {
    "csv": stage_csv,
    "jsonl": stage_json_lines,
    "json": stage_json_document,
    "parquet": stage_parquet,
}


def stage_files(
    settings: EngineSettings, files: Sequence[InputFile], format: SourceFormat, into: Path
) -> StagedBatch:
    """Stage files as one batch in the folder ``into``, which exists afterwards only if all went well."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with (
        engine_errors(settings),
        TemporaryDirectory(prefix="stage-", dir=settings.scratch) as scratch,
        _work_folder(into) as work,
    ):
        plain = plain_files(files, settings, Path(scratch))
        reader = _READERS[_one_format(plain, format)]
        with open_session(settings, read=[file.path for file in plain], write=[work]) as session:
            staged = reader(Staging(session, settings, plain, format, work, Path(scratch)))
        return _publish(staged, work, into)


def stage_stream(
    settings: EngineSettings, reader: pa.RecordBatchReader, uri: str, into: Path
) -> StagedBatch:
    """Stage what a database sends as one batch; its types are kept."""
    with engine_errors(settings), _work_folder(into) as work:
        part = work / "part-0000.parquet"
        streamed = write_stream(reader, part)
        with open_session(settings, read=[work]) as session:
            staged = stage_stream_into(session, streamed, uri, part)
        return _publish(staged, work, into)


def _one_format(files: Sequence[PlainFile], format: SourceFormat) -> str:
    """The format of all files; empty ones have none of their own."""
    found: dict[str, str] = {}
    for file in files:
        head = head_of(file.path)
        if head or format.type:
            kind = format_of(file.source.uri, head, format.type)
            if format.records is not None and kind == "jsonl":
                kind = "json"
            found.setdefault(kind, file.source.uri)
    if len(found) > 1:
        kinds = " and ".join(f"{kind} ({uri})" for kind, uri in found.items())
        raise BatchError(
            f"The batch holds files of different formats: {kinds}.",
            hint="name one kind of file in source_path, or say source.format.type.",
        )
    return next(iter(found), "csv")


@contextmanager
def _work_folder(into: Path) -> Iterator[Path]:
    """A sibling folder that becomes ``into`` at the end; what a crash left there goes first."""
    work = into.with_name(f".{into.name}.unfinished")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _publish(staged: StagedBatch, work: Path, into: Path) -> StagedBatch:
    if into.exists():
        shutil.rmtree(into)
    work.rename(into)
    placed = replace(staged, folder=into)
    placed.save()
    return placed
