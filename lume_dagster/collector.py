"""Keep Python's garbage collector away from what stays: modules, definitions, connections.

It looks through all there is again and again while a process starts, and finds nothing: a fifth of
the time of the first run of a process.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Whether ``set_aside`` holds: to count a million objects that are frozen takes 20 ms.
_ASIDE = threading.Event()


@contextmanager
def without_collector() -> Iterator[None]:
    """Import or make what stays.

    What was made counts as old afterwards, as if it had been looked through twice already.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not _is_frozen():  # what somebody else froze is to stay so
            gc.freeze()
            gc.unfreeze()
        if was_on:
            gc.enable()


@contextmanager
def set_aside() -> Iterator[None]:
    """Work with what is there: only what is made from now on is looked through."""
    if _is_frozen():
        yield
        return
    gc.freeze()
    _ASIDE.set()
    try:
        yield
    finally:
        _ASIDE.clear()
        gc.unfreeze()


def _is_frozen() -> bool:
    return _ASIDE.is_set() or gc.get_freeze_count() > 0


def collect_seldom() -> None:
    """For a process that answers one question and ends."""
    gc.set_threshold(50_000, 20, 1000)
