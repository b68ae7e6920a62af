"""Call again, after a while, what failed in a way that may pass."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from logging import Logger
from typing import TypeVar

from lume_dagster.errors import TransientError

T = TypeVar("T")

_JITTER = 0.5  # a pause is drawn from the half to one and a half of what was asked for


def retrying(action: Callable[[], T], waits: Sequence[float], log: Logger) -> T:
    """The result of ``action``, called once more after each wait while it may still succeed.

    Many batches that a system refused at once do not come back at once: each pause is drawn by
    chance. Only a TransientError is waited for; its last one is raised.
    """
    for attempt, wait in enumerate(waits, start=1):
        try:
            return action()
        except TransientError as error:
            pause = wait * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not a secret
            again = "%s Trying again in %.1f s (%d of %d)."
            log.warning(again, error.message, pause, attempt, len(waits))
            time.sleep(pause)
    return action()
