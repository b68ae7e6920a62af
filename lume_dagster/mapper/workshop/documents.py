"""Jobs, results and sessions as documents on disk: each whole or not there, and found by its id."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError

from lume_dagster.errors import EngineError, InvalidRequestError
from lume_dagster.flows.lock_file import exclusively, write_atomically
from lume_dagster.flows.model import Part
from lume_dagster.mapper.workshop.place import Place

_FILE = "document.json"
_ID = re.compile(r"(job|res|wks)_[0-9a-f]{24}")


class Status(StrEnum):
    """Where a job, a result or a session stands."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    NEEDS_REVIEW = "NEEDS_REVIEW"  # some rows did not become the target schema
    FAILED = "FAILED"
    DEPLOYED = "DEPLOYED"  # of a session: deployed, and not edited since

    @classmethod
    def _missing_(cls, value: object) -> Status | None:
        word = str(value).upper().replace(" ", "_")
        return next((status for status in cls if status.value == word), None)


class Document(Part):
    """What all of them say."""

    folder: ClassVar[str]
    prefix: ClassVar[str]
    word: ClassVar[str]

    id: str
    pipeline: str
    status: Status = Status.CREATED
    created_at: datetime
    updated_at: datetime


class JobDocument(Document):
    """Source data that was attached to a pipeline."""

    folder: ClassVar[str] = "jobs"
    prefix: ClassVar[str] = "job"
    word: ClassVar[str] = "job"

    source: str = ""  # what was attached, in words
    records: int = 0


class Proposed(Part):
    """What was said of a field when its mapping was generated."""

    confidence: float
    verdict: str
    kind: str
    reasons: tuple[str, ...] = ()


class RowFigures(Part):
    """How the rows of one run came out differently from those of another."""

    changed: int  # mapped by both, with other values
    now_mapped: int
    now_rejected: int
    same: int


class ResultDocument(Document):
    """What running a mapping on a job's data gave."""

    folder: ClassVar[str] = "results"
    prefix: ClassVar[str] = "res"
    word: ClassVar[str] = "result"

    job: str
    workshop: str | None = None
    version: str  # flow:vN, or flow:draft
    flow: str = ""  # the flow that ran, as its file would say it
    generated_by: str | None = None
    proposals: Mapping[str, Proposed] = {}
    lookup_confidence: Mapping[str, Mapping[str, str]] = {}  # by field: code to bucket
    run: str | None = None  # folder below the job's runs
    input_rows: int = 0
    mapped_rows: int = 0
    rejected_rows: int = 0
    error_counts: Mapping[str, int] = {}
    deployed: str | None = None  # the version it is compared with; None where there is none
    deployed_flow: str | None = None
    deployed_run: str | None = None
    not_compared: str | None = None  # why rows could not be compared
    rows: RowFigures | None = None
    error: str | None = None


class Edit(Part):
    """One edit of a session, for people to read back."""

    kind: str  # mapper, sample, target_schema, prompt, global, generate
    at: datetime
    fields: tuple[str, ...]
    said: str = ""


class Taught(Part):
    """A record as a person says it should come out, in one field."""

    index: int
    source: Mapping[str, str | None]
    wanted: str | None


class SessionDocument(Document):
    """An editing session: what it began with, and what it says now."""

    folder: ClassVar[str] = "sessions"
    prefix: ClassVar[str] = "wks"
    word: ClassVar[str] = "workshop"

    job: str
    digest: str  # how the flow stood when the session began: drafts.Standing
    newest: int | None
    active: int | None
    base: str  # the draft then, as its file says it
    draft: str  # the draft as the session has it now
    edits: tuple[Edit, ...] = ()
    taught: Mapping[str, tuple[Taught, ...]] = {}
    proposals: Mapping[str, Proposed] = {}
    result: str | None = None
    deployed: str | None = None


D = TypeVar("D", bound=Document)


def now() -> datetime:
    """The time, to the millisecond."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def create(place: Place, kind: type[D], pipeline: str, **said: Any) -> D:
    """A new document, written to its place."""
    return save(place, begin(place, kind, pipeline, **said))


def begin(place: Place, kind: type[D], pipeline: str, **said: Any) -> D:
    """A document that has a folder, but is not there for others before it is saved."""
    at = now()
    number = f"{time.time_ns() // 1000:014x}{secrets.token_hex(5)}"
    document = kind.model_validate(
        {"id": f"{kind.prefix}_{number}", "pipeline": pipeline, "created_at": at,
         "updated_at": at, **said}
    )  # fmt: skip
    folder_of(place, document).mkdir(parents=True, exist_ok=True)
    return document


def update(place: Place, document: D, **said: Any) -> D:
    """The document with other values, written to its place."""
    return save(place, changed(document, **said))


def changed(document: D, **said: Any) -> D:
    """The document with other values."""
    value = document.model_dump() | said | {"updated_at": now()}
    return type(document).model_validate(value)


def save(place: Place, document: D) -> D:
    """Write the document to its place."""
    text = document.model_dump_json(indent=1, exclude_defaults=True)
    try:
        write_atomically(folder_of(place, document) / _FILE, text.encode())
    except OSError as error:
        message = f"{folder_of(place, document)}: {error.strerror}."
        raise EngineError(message, hint="the state folder must be writable.") from error
    return document


def folder_of(place: Place, document: Document) -> Path:
    """The document's own folder."""
    return place.workshop / document.pipeline / document.folder / document.id


def load(place: Place, kind: type[D], id: str) -> D:  # noqa: A002 - it is what people call it
    """The document of this id.

    Raises:
        InvalidRequestError: there is none.
    """
    found = place.workshop.glob(f"*/{kind.folder}/{id}/{_FILE}") if _ID.fullmatch(id) else ()
    path = next(iter(found), None)
    if path is None:
        message = f"there is no {kind.word} {id!r}."
        raise InvalidRequestError(message, hint=f"{place.workshop} holds those there are.")
    return _read(path, kind)


def listed(place: Place, kind: type[D], pipeline: str | None = None) -> list[D]:
    """All documents of a kind, the oldest first, of one pipeline or of all."""
    paths = place.workshop.glob(f"{pipeline or '*'}/{kind.folder}/*/{_FILE}")
    return [_read(path, kind) for path in sorted(paths, key=lambda path: path.parent.name)]


def _read(path: Path, kind: type[D]) -> D:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InvalidRequestError(f"the {kind.word} {path.parent.name} was deleted.") from None
    except ValidationError as error:
        raise EngineError(
            f"{path} is damaged: {error.error_count()} places do not fit a {kind.word}.",
            hint="delete its folder; what was deployed is not touched by that.",
        ) from error


def remove(place: Place, document: Document) -> None:
    """Delete the document and what lies in its folder."""
    shutil.rmtree(folder_of(place, document), ignore_errors=True)


@contextmanager
def held(place: Place, kind: type[D], id: str) -> Iterator[D]:  # noqa: A002
    """The document, for one at a time: others who want it wait."""
    folder = folder_of(place, load(place, kind, id))
    with exclusively(folder):
        yield load(place, kind, id)
