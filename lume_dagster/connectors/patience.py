"""Wait for something another process holds: bounded, with growing and jittered pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

#: Seconds after which people want to know what is waited for.
_TOLD_AFTER = 2.0


def attempts(seconds: float, tell: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Numbers from 1, with a pause before each but the first, until ``seconds`` have passed.

    ``tell`` is called once, when the wait is one that somebody may wonder about.
    """
    start = time.monotonic()
    end, pause, number = start + seconds, 0.02, 1
    told_at = start + _TOLD_AFTER
    yield number
    while (left := end - time.monotonic()) > 0:
        if time.monotonic() > told_at:
            told_at = end
            tell()
        time.sleep(min(left, pause * random.uniform(0.5, 1.5)))  # noqa: S311 - jitter, not a secret
        pause, number = min(pause * 2, 1.0), number + 1
        yield number


def waiting(what: str, seconds: float) -> None:
    """Say in the run's log what is waited for; outside of a run, to who watches."""
    import dagster as dg

    dg.get_dagster_logger().warning("Waiting for %s, for up to %g seconds.", what, seconds)
