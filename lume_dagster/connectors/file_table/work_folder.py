"""A temporary folder for a delivery; what a killed one left goes when the next one begins."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lume_dagster.errors import EngineError

_PREFIX = "lume-delivery-"
_TRIES = 20


@contextmanager
def work_folder() -> Iterator[Path]:
    """An empty folder, removed at the end; a lock on it says that its process lives."""
    home = Path(tempfile.gettempdir())
    _remove_the_dead(home)
    folder, handle = _locked_folder(home)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _locked_folder(home: Path) -> tuple[Path, int]:
    """A new folder and the handle that holds its lock."""
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
        handle = _lock(folder)
        if handle is not None and folder.exists():
            return folder, handle
        # Somebody took it for a dead one's, in the moment before it was locked.
        if handle is not None:
            os.close(handle)
    raise EngineError(
        f"No folder in {home} can be locked for this delivery.",
        hint="check the number of open files, or set TMPDIR to a local disk",
    )


def _remove_the_dead(home: Path) -> None:
    """Remove the folders of processes that no longer are; the kernel has released their locks."""
    for folder in home.glob(f"{_PREFIX}*"):
        handle = _lock(folder)
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """A handle that holds the folder's lock; None where it is held, gone or another user's."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
