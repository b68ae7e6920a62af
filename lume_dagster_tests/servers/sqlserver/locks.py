"""Application locks: ``sp_getapplock`` with its modes, owners and patience."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

SHARED, EXCLUSIVE = "Shared", "Exclusive"
GRANTED, WAITED, TIMED_OUT = 0, 1, -1

#: A session and what the lock ends with: its transaction or itself.
Owner = tuple[int, str]


class AppLocks:
    """The locks of a server. Nothing is done about deadlocks: a wait ends with its patience."""

    def __init__(self) -> None:
        self._held: dict[str, dict[Owner, str]] = defaultdict(dict)
        self._changed = threading.Condition()

    def take(self, resource: str, mode: str, owner: Owner, patience: float) -> int:
        """Wait for a lock; ``patience`` is in seconds, for ever where it is negative."""
        end = time.monotonic() + patience
        with self._changed:
            answer = GRANTED
            while not self._free(resource, mode, owner):
                left = None if patience < 0 else end - time.monotonic()
                if left is not None and left <= 0:
                    return TIMED_OUT
                self._changed.wait(left)
                answer = WAITED
            held = self._held[resource]
            if held.get(owner) != EXCLUSIVE:
                held[owner] = mode
            return answer

    def give_back(self, resource: str, owner: Owner) -> bool:
        """Release a lock; False where the owner does not hold it."""
        with self._changed:
            found = self._held[resource].pop(owner, None) is not None
            self._changed.notify_all()
            return found

    def give_back_all(self, owner: Owner) -> None:
        """Release what an owner holds."""
        with self._changed:
            for held in self._held.values():
                held.pop(owner, None)
            self._changed.notify_all()

    def _free(self, resource: str, mode: str, owner: Owner) -> bool:
        others = [m for o, m in self._held[resource].items() if o[0] != owner[0]]
        return not others or (mode == SHARED and EXCLUSIVE not in others)
