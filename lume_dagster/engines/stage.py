"""Stage a batch: files, or a stream from a database, become Parquet and a manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.readers.detect import format_of, head_of
from lume_dagster.engines.readers.files import InputFile, PlainFile, plain_files
from lume_dagster.engines.readers.staging import Staging
from lume_dagster.engines.session import engine_errors, open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import BatchError
from lume_dagster.flows.model import SourceFormat

if TYPE_CHECKING:
    import pyarrow as pa


_HOME = "lume_dagster.engines.readers"
#: Format -> the module of its reader and the reader, loaded when used: array libraries take long.
_READERS = {
    "csv": ("csv_batch", "stage_csv"),
    "jsonl": ("json", "stage_json_lines"),
    "json": ("json", "stage_json_document"),
    "parquet": ("parquet", "stage_parquet"),
    "excel": ("excel", "stage_excel"),
}


def stage_files(
    settings: EngineSettings,
    files: Sequence[InputFile],
    format: SourceFormat,  # noqa: A002
    into: Path,
) -> StagedBatch:
    """Stage files as one batch in the folder ``into``; what a crash left of it goes first."""
    own = settings.scratch / f"stage-{digest_of(into)}"
    settings = replace(settings, scratch=own)
    work = unfinished_of(into)
    with engine_errors(settings), fresh_folder(own), fresh_folder(work):
        plain = plain_files(files, settings, own, format.members)
        module, name = _READERS[one_format(plain, format)]
        reader = getattr(import_module(f"{_HOME}.{module}"), name)
        with open_session(settings, read=[file.path for file in plain], write=[work]) as session:
            staged = reader(Staging(session, settings, plain, format, work, own))
        return publish(staged, into)


def stage_stream(
    settings: EngineSettings, reader: pa.RecordBatchReader, uri: str, into: Path
) -> StagedBatch:
    """Stage what a database sends as one batch; its types are kept."""
    from lume_dagster.engines.readers.parquet import stage_stream_into
    from lume_dagster.engines.readers.stream import write_stream

    work = unfinished_of(into)
    with engine_errors(settings), fresh_folder(work):
        part = work / "part-0000.parquet"
        streamed = write_stream(reader, part)
        with open_session(settings, read=[work]) as session:
            staged = stage_stream_into(session, streamed, uri, part)
        return publish(staged, into)


def one_format(files: Sequence[PlainFile], options: SourceFormat) -> str:
    """The format of all files; empty ones have none of their own."""
    found: dict[str, str] = {}
    for file in files:
        head = head_of(file.path)
        if head or options.type:
            kind = format_of(file.source.uri, head, options.type)
            if options.records is not None and kind == "jsonl":
                kind = "json"
            found.setdefault(kind, file.source.uri)
    if len(found) > 1:
        kinds = " and ".join(f"{kind} ({uri})" for kind, uri in found.items())
        raise BatchError(
            f"The batch holds files of different formats: {kinds}.",
            hint="name one kind of file in source_path, or say source.format.type.",
        )
    kind = next(iter(found), "csv")
    if kind != "excel" and (options.sheet is not None or options.join):
        raise BatchError(
            f"source.format names a sheet, but {found.get(kind, 'the batch')} is no workbook.",
            hint="remove sheet and join, or deliver an Excel file.",
        )
    return kind


def digest_of(folder: Path) -> str:
    """A short name for a folder; two folders never share one."""
    return sha256(str(folder.absolute()).encode()).hexdigest()[:16]


def unfinished_of(into: Path) -> Path:
    """Where a batch is staged before it is whole."""
    return into.with_name(f".{into.name}.unfinished")


@contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """An empty folder for now; its name is always the same, so a crash leaves no litter."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(staged: StagedBatch, into: Path) -> StagedBatch:
    """Move a batch to its place; the manifest, which makes it one, comes last."""
    if into.exists():
        shutil.rmtree(into)
    staged.folder.rename(into)
    placed = replace(staged, folder=into)
    placed.save()
    return placed
