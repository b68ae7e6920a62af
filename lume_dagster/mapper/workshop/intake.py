"""Attach source data to a job: records, a table, a file, or a batch that is staged already."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.tables import KNOWN_TABLES, is_table, reader_of
from lume_dagster.errors import BatchError, InvalidRequestError
from lume_dagster.flows.model import SourceFormat
from lume_dagster.mapper.workshop.documents import (
    JobDocument,
    begin,
    changed,
    folder_of,
    listed,
    load,
    remove,
    save,
)
from lume_dagster.mapper.workshop.place import Place

_STAGED = "staged"
_RECORDS = "records.jsonl"
_EXPECTED = f"records (dicts), the path of a file, {KNOWN_TABLES}, or a staged batch"


def create_job(place: Place, pipeline: str, source_data: object) -> JobDocument:
    """Attach data to a pipeline.

    Args:
        place: where.
        pipeline: name of the pipeline.
        source_data: one record or several, a table, the path of a file, or a staged batch.

    Raises:
        InvalidRequestError: it is none of these, or there is no record in it.
        BatchError: it cannot be read.
    """
    flow = place.library.resolve(f"{pipeline}:draft").flow
    job = begin(place, JobDocument, pipeline)
    try:
        staged = _staged(place, job, source_data, flow.source.format)
        _require_records(staged, source_data)
    except BaseException:
        remove(place, job)
        raise
    words = _in_words(source_data, staged.records)
    return save(place, changed(job, source=words, records=staged.records))


def batch_of(place: Place, job: JobDocument) -> StagedBatch:
    """The job's data.

    Raises:
        BatchError: somebody has removed it.
    """
    folder = folder_of(place, job) / _STAGED
    staged = StagedBatch.load(folder)
    if staged is None:
        message = f"the data of {job.id} is gone: there is no staged batch in {folder}."
        raise BatchError(message, hint="attach it again: pipeline.create_job(...).")
    return staged


def latest_job(place: Place, pipeline: str) -> JobDocument:
    """The job that was attached last.

    Raises:
        InvalidRequestError: there is none.
    """
    place.home(pipeline)
    jobs = listed(place, JobDocument, pipeline)
    if not jobs:
        message = f"{pipeline} has no job, and editing needs data to show what comes out."
        raise InvalidRequestError(message, hint="attach data first: pipeline.create_job(records).")
    return jobs[-1]


def job_of(place: Place, id: str) -> JobDocument:  # noqa: A002
    """The job of this id."""
    return load(place, JobDocument, id)


# -- kinds of data --------------------------------------------------------------------------------


def _staged(place: Place, job: JobDocument, data: object, form: SourceFormat) -> StagedBatch:
    into = folder_of(place, job) / _STAGED
    if isinstance(data, StagedBatch):
        shutil.copytree(data.folder, into, copy_function=_link)
        return replace(data, folder=into)
    with DuckDBEngine(place.settings) as engine:
        if isinstance(data, str | Path):
            return engine.stage_files([_file(data)], form, into)
        if is_table(data):
            scratch = folder_of(place, job)
            return engine.stage_stream(reader_of(data, scratch), type(data).__name__, into)
        path = folder_of(place, job) / _RECORDS
        _write_records(_records(data), path)
        as_lines = SourceFormat(type="jsonl", nulls=form.nulls)
        staged = engine.stage_files([InputFile(path, "records", "1")], as_lines, into)
    path.unlink()
    return staged


def _link(source: str, copy: str) -> None:
    """The same file under another name, which stays when the first is removed; or a copy."""
    try:
        os.link(source, copy)
    except OSError:  # another disk
        shutil.copy2(source, copy)


def _file(data: str | Path) -> InputFile:
    path = Path(data)
    if not path.is_file():
        raise InvalidRequestError(
            f"there is no file {path}.", hint="records are given as a list of dicts."
        )
    return InputFile(path, path.name, "1")


def _records(data: object) -> Iterable[Any]:
    if isinstance(data, Mapping):
        return (data,)
    if isinstance(data, Iterable) and not isinstance(data, bytes):
        return data
    message = f"{type(data).__name__} is no kind of source data."
    raise InvalidRequestError(message, hint=f"give {_EXPECTED}.")


def _write_records(records: Iterable[Any], path: Path) -> None:
    with path.open("w", encoding="utf-8") as lines:
        for place, record in enumerate(records):
            if not isinstance(record, Mapping):
                message = f"record {place} is no dict, but of the type {type(record).__name__}."
                raise InvalidRequestError(message, hint="a record names each value by its column.")
            lines.write(_line(record, place) + "\n")


def _line(record: Mapping[str, Any], place: int) -> str:
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        hint = "a value is text, a number, true, false, None, a date, or a list or dict of these."
        raise InvalidRequestError(f"record {place} cannot be kept: {error}.", hint=hint) from None


#: Values that JSON does not have, as the text or number they are written as.
_PLAIN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((datetime, date, time), lambda value: value.isoformat()),
    ((Decimal, UUID), str),
)


def _plain(value: object) -> object:
    for kinds, write in _PLAIN:
        if isinstance(value, kinds):
            return write(value)
    raise TypeError(f"a value of the type {type(value).__name__}")


def _require_records(staged: StagedBatch, data: object) -> None:
    if staged.records == staged.malformed:
        what = "no record that could be read" if staged.malformed else "no record"
        raise InvalidRequestError(
            f"there is {what} in the {_kind(data)}.", hint="one record is enough to begin with."
        )


def _kind(data: object) -> str:
    if isinstance(data, str | Path):
        return f"file {Path(data).name}"
    if isinstance(data, StagedBatch):
        return "staged batch"
    return type(data).__name__


def _in_words(data: object, records: int) -> str:
    count = f"{records:,} record{'' if records == 1 else 's'}"
    return f"{count} of a {_kind(data)}"
