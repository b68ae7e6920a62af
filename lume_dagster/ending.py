"""End a process of our own without taking apart what is in it.

Python looks through every object three times in the end and frees each: half a second where Dagster
was loaded, as long as the rest of a short command. The kernel takes it all back at once.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Around the main function of a process: what it registered to be done at its end is done.

    A process that fails, or that other threads still work in, ends as any other does.
    """
    try:
        yield
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            _end(ended.code or 0)
        raise
    _end(0)


def _end(status: int) -> None:
    threads = (thread for thread in threading.enumerate() if not thread.daemon)
    if any(thread is not threading.main_thread() for thread in threads):
        return
    atexit._run_exitfuncs()  # noqa: SLF001 - what Python calls; there is no public name
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return  # nobody reads any more: Python says what is usual then
    os._exit(status)
