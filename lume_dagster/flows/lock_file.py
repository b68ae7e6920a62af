"""The lock file of a flow: its published versions, which one is active, and who did what when.

It is the audit trail, made to be read in a review: only ever appended to, one line a fact.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, StringConstraints

from lume_dagster.errors import EngineError, FlowError
from lume_dagster.flows.flow_file import read_bytes, read_model
from lume_dagster.flows.model import FlowName, Part
from lume_dagster.flows.yaml_text import Inline, write_yaml

LOCK_NAME = "flow.lock"
_MAX_BYTES = 100_000_000  # a version takes about 2,000
_HEADER = (
    "# The audit trail of this flow, written by `lume publish` and `lume activate`. Do not edit.\n"
)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Instant = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class Published(Part):
    """One version, as it was published."""

    version: PositiveInt = Field(description="Number of the version.")
    digest: Sha256 = Field(description="Of what the flow says and of its seeds.")
    file: Sha256 = Field(description="Of the bytes of the version's flow.yaml.")
    seeds: Mapping[str, Sha256] = Field({}, description="Of the bytes of each seed, by its name.")
    published_at: Instant = Field(description="When, in UTC.")
    author: str = Field(description="Who published it.")
    note: str = Field("", description="Why.")
    parts: Mapping[str, str] = Field(
        {}, description="Part of the flow to eight digits of its digest: they tell what changed."
    )


class Activation(Part):
    """One move of the active pointer; versions by number, none before the first."""

    at: Instant = Field(description="When, in UTC.")
    author: str = Field(description="Who activated it.")
    before: PositiveInt | None = Field(None, description="Version that was active until then.")
    after: PositiveInt = Field(description="Version that is active from then on.")
    note: str = Field("", description="Why.")


class LockFile(Part):
    """What stands in ``flow.lock``."""

    lock: Literal[1] = Field(1, description="Version of the format of lock files.")
    flow: FlowName = Field(description="Name of the flow.")
    versions: tuple[Published, ...] = Field((), description="In the order of their publishing.")
    activations: tuple[Activation, ...] = Field((), description="In the order they were made.")

    @property
    def active(self) -> int | None:
        """The version that ``name`` alone stands for."""
        return self.activations[-1].after if self.activations else None

    @property
    def earlier(self) -> int | None:
        """The version that was active before the active one; ways back are not counted as ahead."""
        path: list[int] = []
        for move in self.activations:
            if move.after in path:
                del path[path.index(move.after) + 1 :]
            else:
                path.append(move.after)
        return path[-2] if len(path) > 1 else None

    @property
    def newest(self) -> Published | None:
        """The version that was published last."""
        return self.versions[-1] if self.versions else None

    def published(self, version: int) -> Published | None:
        """The entry of a version, if there is one."""
        return next((v for v in self.versions if v.version == version), None)


def read_lock(folder: Path) -> LockFile:
    """The lock file of a flow's folder; an empty one where nothing is published yet.

    Raises:
        FlowError: it is not what publishing wrote, or is gone while versions are there.
    """
    path = folder / LOCK_NAME
    if not path.exists() and not path.is_symlink():
        _refuse_lost(folder)
        return LockFile.model_construct(flow=folder.name)
    begin = "lock: 1, flow, versions, activations"
    lock = read_model(read_bytes(path), LockFile, path, begin, limit=_MAX_BYTES)
    flaw = next(_flaws(lock, folder), None)
    if flaw is not None:
        raise FlowError(f"{path}: {flaw}", hint="restore it, for example from git.")
    return lock


def _refuse_lost(folder: Path) -> None:
    """Publishing names a version in the lock file before its folder is there."""
    names = (flow.parent.name for flow in folder.glob("v[1-9]*/flow.yaml"))
    found = [name for name in names if name[1:].isdigit()]
    if found:
        there = ", ".join(sorted(found, key=lambda name: int(name[1:])))
        raise FlowError(
            f"{folder / LOCK_NAME} is missing, but there are published versions: {there}.",
            hint="restore it (git checkout): it alone tells what a version was when published.",
        )


def _flaws(lock: LockFile, folder: Path) -> Iterator[str]:
    numbers = [v.version for v in lock.versions]
    if lock.flow != folder.name:
        yield f"it belongs to the flow {lock.flow!r}, not to {folder.name!r}."
    gap = next((n for n, number in enumerate(numbers, 1) if n != number), None)
    if gap is not None:
        yield f"v{gap} is not where it should be: versions are numbered from 1 without a gap."
    if lock.active is not None and lock.active not in numbers:
        yield f"v{lock.active} is active but not published."
    before = None
    for move in lock.activations:
        if move.before != before:
            yield f"the activation at {move.at} does not follow from the one before it."
        before = move.after


def write_lock(folder: Path, lock: LockFile) -> None:
    """Replace the lock file in one step."""
    value: dict[str, Any] = {"lock": 1, "flow": lock.flow}
    value["versions"] = [_entry(v) for v in lock.versions]
    value["activations"] = [Inline(a.model_dump(exclude_defaults=True)) for a in lock.activations]
    write_atomically(folder / LOCK_NAME, (_HEADER + write_yaml(value)).encode())


def _entry(version: Published) -> dict[str, Any]:
    value = version.model_dump(exclude_defaults=True)
    return value | {"parts": Inline(version.parts)}


def write_atomically(path: Path, content: bytes) -> None:
    """Make the file hold the content, or leave it as it was, whatever happens on the way."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in the folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Be the only one to publish or activate in the flow's folder; others wait."""
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
    except OSError as error:
        where = error.filename or folder
        hint = "whoever publishes must be allowed to write in the flow's folder."
        raise EngineError(f"{where}: {error.strerror}.", hint=hint) from error


def instant(at: datetime | None = None) -> str:
    """A point in time as the lock file writes it; now by default."""
    return (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
