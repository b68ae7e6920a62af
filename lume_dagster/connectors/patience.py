"""Wait for something another process holds: bounded, with growing and jittered pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator


def attempts(seconds: float) -> Iterator[int]:
    """Numbers from 1, with a pause before each but the first, until ``seconds`` have passed."""
    end, pause, number = time.monotonic() + seconds, 0.02, 1
    yield number
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, pause * random.uniform(0.5, 1.5)))  # noqa: S311 - jitter, not a secret
        pause, number = min(pause * 2, 1.0), number + 1
        yield number
