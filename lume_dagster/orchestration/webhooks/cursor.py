"""What the webhook sensor remembers: until when it has looked, and what is to be delivered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

_VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A message that a receiver has not taken yet; ``at`` is when to try (again)."""

    at: float
    webhook: str
    run_id: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """Times are seconds since 1970. ``told`` are the runs of the last minutes, by their end."""

    since: float
    told: Mapping[str, float] = field(default_factory=dict)
    due: tuple[Due, ...] = ()

    def dump(self) -> str:
        """As Dagster keeps it."""
        return json.dumps(
            {
                "version": _VERSION,
                "since": self.since,
                "told": dict(self.told),
                "due": [asdict(d) for d in self.due],
            }
        )


def load_cursor(text: str | None, now: float) -> Cursor:
    """A cursor from what was dumped; one that begins now at the first tick or after a reset."""
    try:
        found = json.loads(text or "{}")
        if found.get("version") != _VERSION:
            return Cursor(now)
        due = tuple(Due(**d) for d in found["due"])
        return Cursor(float(found["since"]), dict(found["told"]), due)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Cursor(now)
