"""Wait for what others do: as long as it goes on, however slow the machine is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds in which something moves on any machine; only a test that fails waits so long.
PATIENCE = 900.0

#: How a test waits for a run.
SOON = {"timeout": PATIENCE, "poll_interval": 0.3}


def wait_until(
    done: Callable[[], T],
    moved: Callable[[], object] = lambda: None,
    *,
    patience: float = PATIENCE,
    pause: float = 0.02,
) -> T:
    """The first answer of ``done`` that is true; ``moved`` differs whenever things have gone on.

    Raises:
        AssertionError: it is not done, and nothing has moved for as long as patience lasts.
    """
    seen, since = moved(), time.monotonic()
    while not (answer := done()):
        if (now := moved()) != seen:
            seen, since = now, time.monotonic()
        assert time.monotonic() - since < patience, f"nothing has moved since {seen!r}"
        threading.Event().wait(pause)
    return answer
