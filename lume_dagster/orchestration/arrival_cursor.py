"""What an arrival sensor remembers from one tick to the next: twelve characters for each batch."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lume_dagster.orchestration.arrival import Arrived

_VERSION = 1
_BYTES = 9  # of a digest: 1 in 10^12 that two of 100,000 batches are taken for one
_WIDTH = 12  # of its base64


def digest(batch: Arrived) -> str:
    """Stands for a batch as it was delivered."""
    said = f"{batch.source_path}\0{batch.version}".encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hashlib.blake2b(said, digest_size=_BYTES).digest()).decode()


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one arrival: what was asked for, what may still be written, and what went wrong."""

    seen: frozenset[str] = frozenset()
    settling: frozenset[str] = frozenset()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Of all arrivals of a sensor; ``turn`` is the one to begin the next tick with."""

    memories: Mapping[str, Memory] = field(default_factory=dict)
    turn: int = 0

    def of(self, name: str) -> Memory:
        """What is remembered of an arrival; nothing at first."""
        return self.memories.get(name, Memory())

    def remember(self, name: str, memory: Memory) -> Cursor:
        """The same with something new of one arrival."""
        return replace(self, memories={**self.memories, name: memory})

    def dump(self) -> str:
        """As Dagster keeps it."""
        kept = {
            name: {"seen": _join(m.seen), "settling": _join(m.settling), "trouble": m.trouble}
            for name, m in self.memories.items()
        }
        return json.dumps({"version": _VERSION, "turn": self.turn, "arrivals": kept})


def load_cursor(text: str | None) -> Cursor:
    """A cursor from what was dumped; an empty one where a person reset it or typed another.

    Nothing runs twice by that: each request for a run carries a key that Dagster knows.
    """
    try:
        found = json.loads(text or "{}")
        if found.get("version") != _VERSION:
            return Cursor()
        memories = {
            name: Memory(_split(kept["seen"]), _split(kept["settling"]), str(kept["trouble"]))
            for name, kept in found["arrivals"].items()
        }
        return Cursor(memories, int(found["turn"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Cursor()


def _join(digests: Iterable[str]) -> str:
    return "".join(sorted(digests))


def _split(joined: str) -> frozenset[str]:
    return frozenset(joined[n : n + _WIDTH] for n in range(0, len(joined), _WIDTH))
