"""Change several folders of one file system as one step that survives a crash.

What is new is built in a hidden folder. Then the list of renames is written there as a journal,
which is the moment of commitment, and carried out. Whoever comes next finishes a journal that was
left behind, and throws away a hidden folder that has none.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from lume_dagster.connectors.patience import attempts, waiting
from lume_dagster.errors import TransientError

_JOURNAL = "journal.json"


@dataclass(slots=True)
class Swap:
    """A change in the making: a hidden folder to build in, and the renames that will publish it."""

    work: Path
    moves: list[tuple[Path, Path]] = field(default_factory=list)

    def remove(self, path: Path) -> None:
        """Take something that is live away."""
        self.moves.append((path, self.work / f"old-{len(self.moves)}"))

    def put(self, built: Path, place: Path) -> None:
        """Put something built in ``work`` where people look for it."""
        self.moves.append((built, place))

    def commit(self, checkpoint: Callable[[str], None]) -> None:
        """Make the change: after the journal is written, it will be finished whatever happens."""
        flush_tree(self.work)
        checkpoint("staged")
        journal = self.work / f"{_JOURNAL}.new"
        journal.write_text(json.dumps([[str(a), str(b)] for a, b in self.moves]), "utf-8")
        flush(journal)
        checkpoint("before_commit")
        journal.replace(self.work / _JOURNAL)
        flush(self.work)
        checkpoint("committed")
        _finish(self.work, checkpoint)


def new_swap(state: Path) -> Swap:
    """Finish or throw away what earlier deliveries left in ``state``, and begin a change."""
    state.mkdir(parents=True, exist_ok=True)
    settle(state)
    work = state / uuid4().hex
    work.mkdir()
    return Swap(work)


def settle(state: Path) -> None:
    """Finish or throw away what earlier deliveries left in ``state``: who reads sees no half."""
    for left in sorted(p for p in state.glob("*") if p.is_dir()):
        _finish(left, lambda _: None)


def _finish(work: Path, checkpoint: Callable[[str], None]) -> None:
    journal = work / _JOURNAL
    if journal.exists():
        moves = [(Path(a), Path(b)) for a, b in json.loads(journal.read_text("utf-8"))]
        for old, new in moves:
            _move(work, old, new)
            checkpoint("moved")
        for parent in {p.parent for move in moves for p in move if p.parent.exists()}:
            flush(parent)
        # First the journal: without the removed folders it would be misread as not yet begun.
        journal.unlink()
        flush(work)
    shutil.rmtree(work)


def _move(work: Path, old: Path, new: Path) -> None:
    """Rename, unless it was done before a crash."""
    done = new.exists() if new.is_relative_to(work) else not old.exists()
    if not done:
        new.parent.mkdir(parents=True, exist_ok=True)
        old.replace(new)


def flush_tree(folder: Path) -> None:
    """Everything below a folder is on the disk when this returns."""
    for path in [*folder.rglob("*"), folder]:
        flush(path)


def flush(path: Path) -> None:
    """A file's bytes, or a folder's names, are on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def exclusive(lock: Path, seconds: float) -> Iterator[None]:
    """Hold a lock file: one delivery at a time, in this process or any other on this machine."""
    import fcntl

    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        for _ in attempts(
            seconds, lambda: waiting(f"{lock}, which another delivery holds", seconds)
        ):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            break
        else:
            raise TransientError(
                f"Another delivery holds {lock}; it was not free within {seconds:g} seconds.",
                hint="wait for it to end, or raise the connector's lock_timeout_seconds",
            )
        yield
    finally:
        os.close(handle)
