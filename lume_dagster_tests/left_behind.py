"""A test leaves its process as it found it: what it forgot would fail another one, some day."""

from __future__ import annotations

import gc
import locale
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_PYTESTS_OWN = "PYTEST_CURRENT_TEST"

#: What polars, snowflake.connector and connectorx set when they are imported; later processes inherit it.
_SET_BY_IMPORTS = (
    *("_RJEM_MALLOC_CONF", "ARROW_DEFAULT_MEMORY_POOL"),
    *("CX_REWRITER_PATH", "J4RS_BASE_PATH"),
)

#: Threads that start the servers of the session while tests run.
_FLEET = "server_"

#: What stays as long as the process lives: the servers' threads and ports, and what libraries keep.
_STAYS = (
    f"the thread {_FLEET}",
    "/lume-test-ports-",
    "multiprocessing.resource_tracker",
    "multiprocessing.forkserver",
    "(_flush_worker)",  # of databricks.sql
)

#: Seconds for what ends by itself once its test has; only what stays costs them.
_PATIENCE = 60.0

#: What is the same before and after a test; each is read in some microseconds.
STATE: Mapping[str, Callable[[], object]] = {
    "the working folder": os.getcwd,
    "the recursion limit": sys.getrecursionlimit,
    "whether the collector runs": gc.isenabled,
    "whether objects are frozen": lambda: gc.get_freeze_count() > 0,
    "the locale": lambda: locale.setlocale(locale.LC_ALL),
    "what SIGINT does": lambda: signal.getsignal(signal.SIGINT),
}


@pytest.fixture(autouse=True)
def leaves_nothing_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fails a test that leaves a variable, thread, process, open file or setting behind.

    Files and modules count where they lie in the folder that pytest makes for the session.
    """
    folder = f"{tmp_path_factory.getbasetemp()}{os.sep}"
    with watched(_PATIENCE, folder) as left, own_imports(folder):
        yield
    if left:
        pytest.fail(f"the test left behind: {'; '.join(left)}", pytrace=False)


@contextmanager
def own_imports(folder: str) -> Iterator[None]:
    """What was imported from below the folder is forgotten, and the search path as it was.

    To load a project puts its folder there, and the next project's modules have the same names.
    """
    path, before = list(sys.path), set(sys.modules)
    unset = [name for name in _SET_BY_IMPORTS if name not in os.environ]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in unset:
            os.environ.pop(name, None)
        for name in sys.modules.keys() - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                del sys.modules[name]


@contextmanager
def watched(patience: float, folder: str) -> Iterator[list[str]]:
    """What the block changed and did not put back, in words, once it has ended."""
    left: list[str] = []
    variables, state, things = _variables(), _state(), _things(folder)
    yield left
    left += [f"the variable {name}" for name in sorted(dict(_variables() ^ variables))]
    left += [
        f"{name}: {state[name]!r} became {now!r}"
        for name, now in _state().items()
        if now != state[name]
    ]
    left += _left_of(things, patience, folder)


def _left_of(before: set[tuple[str, object]], patience: float, folder: str) -> list[str]:
    if not _things(folder) - before:
        return []
    gc.collect()  # what only a circle of dead objects holds is not held
    end = time.monotonic() + patience
    while (more := _things(folder) - before) and time.monotonic() < end:
        threading.Event().wait(0.01)
    return sorted(what for what, _ in more)


def _variables() -> set[tuple[str, str]]:
    return {(name, value) for name, value in os.environ.items() if name != _PYTESTS_OWN}


def _state() -> dict[str, object]:
    return {name: look() for name, look in STATE.items()}


def _things(folder: str) -> set[tuple[str, object]]:
    """What is there, in words, and which one it is."""
    found = [*_threads(), *_children(), *_open_files(folder)]
    return {one for one in found if not any(words in one[0] for words in _STAYS)}


def _threads() -> Iterator[tuple[str, object]]:
    return ((f"the thread {thread.name}", thread) for thread in threading.enumerate())


def _children() -> Iterator[tuple[str, object]]:
    """Processes that threads of this one started, and that run."""
    fleet = {str(t.native_id) for t in threading.enumerate() if t.name.startswith(_FLEET)}
    for task in _inside("task"):
        with suppress(OSError):  # a thread or a process that has ended meanwhile
            pids = [] if task.name in fleet else (task / "children").read_text().split()
            for pid in pids:
                said = Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace")
                if words := said.replace("\0", " "):
                    yield f"the process {pid} {words[:200]}", pid


def _open_files(folder: str) -> Iterator[tuple[str, object]]:
    """Those below a folder, such as a DuckDB that nobody closed."""
    for one in _inside("fd"):
        with suppress(OSError):
            path = str(one.readlink())
            if path.startswith(folder):
                yield f"the open file {path}", path


def _inside(folder: str) -> list[Path]:
    """Of this process, where the system tells."""
    place = Path("/proc/self", folder)
    return list(place.iterdir()) if place.exists() else []
