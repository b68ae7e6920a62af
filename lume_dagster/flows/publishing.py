"""Publish a draft as a version, and move the active pointer: the two ways a lock file grows.

Both hold the flow's folder for themselves, so two at once make two versions. A version is put
together aside, then named by the lock file, then moved to its place: cut off before the lock file
nothing has happened, cut off after it the next reader makes the move.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from datetime import datetime
from pathlib import Path

from lume_dagster.errors import FlowError, InvalidRequestError
from lume_dagster.flows.diff import flow_digest, part_digests
from lume_dagster.flows.flow_file import parse, read_bytes
from lume_dagster.flows.lock_file import (
    Activation,
    LockFile,
    Published,
    exclusively,
    instant,
    read_lock,
    sync_folder,
    write_lock,
)
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.flows.seeds import seed_digests, seed_path
from lume_dagster.flows.versions import (
    FILE_NAME,
    draft_of,
    published_version,
    staged_folder,
    version_folder,
)


def publish(
    folder: Path, *, author: str, note: str = "", force: bool = False, at: datetime | None = None
) -> FlowVersion:
    """Freeze the draft in a flow's folder as its next version; the first one becomes active.

    Args:
        folder: the flow's folder in the library.
        author: who publishes, for the audit trail.
        note: why.
        force: publish even when the draft says what the newest version says.
        at: when, in place of now.

    Raises:
        FlowError: the draft has problems.
        InvalidRequestError: the draft equals the newest version.
    """
    author, note = publisher(author), note.strip()
    with exclusively(folder):
        lock = read_lock(folder)
        draft = draft_of(folder, lock)
        if lock.newest is not None and lock.newest.digest == draft.digest and not force:
            message = f"the draft of {folder.name} says what v{lock.newest.version} says."
            raise InvalidRequestError(message, hint="change it, or publish it by force (--force).")
        return publish_next(folder, lock, author, note, at)


def publish_next(
    folder: Path,
    lock: LockFile,
    author: str,
    note: str,
    at: datetime | None = None,
    *,
    active: bool = False,
) -> FlowVersion:
    """Freeze the draft; the caller holds the folder for itself, and has read the lock file.

    With ``active`` it becomes the active version, which the first one does in any case.
    """
    draft = draft_of(folder, lock)
    entry = _stage(folder, draft, author, note, instant(at))
    grown = lock.model_copy(update={"versions": (*lock.versions, entry)})
    if active or lock.active is None:
        why = note if active and lock.active is not None else "first version"
        grown = _activated(grown, entry.version, author, why, entry.published_at)
    write_lock(folder, grown)
    version_folder(folder, entry.version)
    sync_folder(folder)
    return published_version(folder, entry)


def activate(
    folder: Path, version: int, *, author: str, note: str = "", at: datetime | None = None
) -> Activation:
    """Move the active pointer; where it points there already, nothing is written."""
    author = _line("author", author)
    with exclusively(folder):
        lock = read_lock(folder)
        if lock.active != version:
            lock = activated(folder, lock, version, author, note.strip(), at)
        return lock.activations[-1]


def activated(
    folder: Path, lock: LockFile, version: int, author: str, note: str, at: datetime | None
) -> LockFile:
    """Move the active pointer; the caller holds the folder for itself."""
    lock = _activated(lock, version, author, note, instant(at))
    write_lock(folder, lock)
    return lock


def _activated(lock: LockFile, version: int, author: str, note: str, at: str) -> LockFile:
    move = Activation(at=at, author=author, before=lock.active, after=version, note=note)
    return lock.model_copy(update={"activations": (*lock.activations, move)})


def publisher(author: str) -> str:
    """Who publishes, as one line of the audit trail."""
    author = _line("author", author)
    if not author:
        raise InvalidRequestError("a version needs an author.", hint="say who publishes it.")
    return author


def _line(what: str, text: str) -> str:
    if not text.isprintable():
        raise InvalidRequestError(f"the {what} {text!r} is not one line of text.")
    return text.strip()


# -- putting a version together ---------------------------------------------------------------


def _stage(folder: Path, draft: FlowVersion, author: str, note: str, at: str) -> Published:
    """Copy the draft aside, and describe the copy: what is described is what is published."""
    staged = staged_folder(folder, draft.version)
    _clear(folder, draft, staged)
    staged.mkdir()
    _copy(folder / FILE_NAME, staged / FILE_NAME)
    content = read_bytes(staged / FILE_NAME)
    flow = parse(content, folder / FILE_NAME)
    _copy_seeds(flow, folder, staged)
    seeds = seed_digests(flow, staged)
    digest = flow_digest(flow, seeds)
    if digest != draft.digest:
        raise FlowError(f"{folder} was edited while it was published.", hint="publish it again.")
    return Published(
        version=draft.version,
        digest=digest,
        file=hashlib.sha256(content).hexdigest(),
        seeds=seeds,
        published_at=at,
        author=author,
        note=note,
        parts=part_digests(flow),
    )


def _clear(folder: Path, draft: FlowVersion, staged: Path) -> None:
    """Make room: what a publishing left that was cut off was never published."""
    if staged.exists():
        shutil.rmtree(staged)
    taken = folder / f"v{draft.version}"
    if taken.exists():
        message = f"{taken} is there, but the lock file does not know it."
        raise FlowError(message, hint="publish writes versions; move the folder away.")


def _copy_seeds(flow: Flow, folder: Path, staged: Path) -> None:
    for seed in flow.seeds.values():
        copy = staged / seed.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        _copy(seed_path(folder, seed, folder.parent), copy)


def _copy(source: Path, copy: Path) -> None:
    with source.open("rb") as reader, copy.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())
    sync_folder(copy.parent)
