"""Keep Python's garbage collector away while definitions are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Make what stays: to look through all of it again and again takes a quarter of the time.

    What was made counts as old afterwards, as if it had been looked through twice already.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:  # what somebody else froze is to stay so
            gc.freeze()
            gc.unfreeze()
        if was_on:
            gc.enable()
