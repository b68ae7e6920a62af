"""Write the draft of a flow, and deploy it: only onto what the writer had seen.

Two people may change a flow at once. Each says what stood there when they began, and is refused
with a sentence that says who was faster where something else stands there now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lume_dagster.errors import FlowError, InvalidRequestError, OutdatedError
from lume_dagster.flows.flow_file import read_bytes
from lume_dagster.flows.lock_file import LockFile, exclusively, read_lock, write_atomically
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.flows.publishing import activated, publish_next, publisher
from lume_dagster.flows.rewriting import rewrite
from lume_dagster.flows.seeds import seed_problems
from lume_dagster.flows.versions import FILE_NAME, draft_of, published_version


@dataclass(frozen=True, slots=True)
class Standing:
    """How a flow stands: what its draft says, its newest version, and the active one."""

    digest: str
    newest: int | None
    active: int | None


def standing_of(folder: Path) -> Standing:
    """How the flow in a folder stands now."""
    return _standing(folder, read_lock(folder))


def _standing(folder: Path, lock: LockFile) -> Standing:
    newest = lock.newest.version if lock.newest else None
    return Standing(draft_of(folder, lock).digest, newest, lock.active)


def create_draft(folder: Path, text: str) -> None:
    """Begin a flow with the text of its file.

    Raises:
        InvalidRequestError: there is one already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with exclusively(folder):
        if (folder / FILE_NAME).exists() or read_lock(folder).versions:
            message = f"there is a flow {folder.name!r} already, in {folder}."
            raise InvalidRequestError(message, hint="choose another name, or go on with that one.")
        write_atomically(folder / FILE_NAME, text.encode())


def write_draft(folder: Path, flow: Flow, base: Standing) -> None:
    """Let the draft say what ``flow`` says; comments and layout of the file stay.

    Raises:
        OutdatedError: the flow no longer stands as ``base`` says.
    """
    with exclusively(folder):
        lock = read_lock(folder)
        _require(folder, lock, base)
        _write(folder, flow)


def deploy(
    folder: Path,
    flow: Flow,
    base: Standing,
    *,
    author: str,
    note: str = "",
    at: datetime | None = None,
) -> FlowVersion:
    """Write the draft, publish it as the next version, and make that active, all or nothing.

    Raises:
        OutdatedError: the flow no longer stands as ``base`` says; says who did what.
        InvalidRequestError: the active version says the same already.
    """
    author, note = publisher(author), note.strip()
    with exclusively(folder):
        lock = read_lock(folder)
        _require(folder, lock, base)
        _write(folder, flow)
        newest = lock.newest
        if newest is not None and newest.digest == draft_of(folder, lock).digest:
            return _activate_newest(folder, lock, author, note, at)
        return publish_next(folder, lock, author, note, at, active=True)


def _activate_newest(
    folder: Path, lock: LockFile, author: str, note: str, at: datetime | None
) -> FlowVersion:
    newest = lock.versions[-1]
    if lock.active == newest.version:
        message = f"{folder.name}:v{newest.version}, which is active, says the same already."
        raise InvalidRequestError(message, hint="there is nothing to deploy; change it first.")
    activated(folder, lock, newest.version, author, note, at)
    return published_version(folder, newest)


def _write(folder: Path, flow: Flow) -> None:
    problems = seed_problems(flow.seeds, folder, folder.parent)
    if problems:
        raise FlowError.of(problems)
    before = read_bytes(folder / FILE_NAME)
    after = rewrite(before.decode(), flow).encode()
    if after != before:
        write_atomically(folder / FILE_NAME, after)


def _require(folder: Path, lock: LockFile, base: Standing) -> None:
    now = _standing(folder, lock)
    if now != base:
        hint = "rebase: what you changed is put on top of it, and what both changed is shown."
        raise OutdatedError(_what_happened(folder, lock, base, now), hint=hint)


def _what_happened(folder: Path, lock: LockFile, base: Standing, now: Standing) -> str:
    """Who deployed what since, as sentences."""
    told = []
    for version in lock.versions[base.newest or 0 :]:
        why = f" ({version.note})" if version.note else ""
        told.append(
            f"{folder.name}:v{version.version} was published by {version.author} "
            f"at {version.published_at}{why}"
        )
    if now.newest == base.newest and now.active != base.active:
        move = lock.activations[-1]
        told.append(f"{folder.name}:v{move.after} was activated by {move.author} at {move.at}")
    if not told:
        told.append(f"{folder / FILE_NAME} was edited")
    return f"{'; '.join(told)}, after this work on {folder.name} began."
