"""What is known of names before any data is seen: short forms, synonyms, and empty words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent
_FILES = ("abbreviations.txt", "synonyms.txt", "stop_words.txt")


@dataclass(frozen=True)
class Knowledge:
    """Short forms, groups of synonyms and empty words; and names people have said mean the same.

    ``same_names`` holds pairs of whole names, first the source's and then the target's, as
    ``plain_name`` writes them.
    """

    abbreviations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    synonyms: tuple[frozenset[str], ...] = ()
    stop_words: frozenset[str] = frozenset()
    same_names: frozenset[tuple[str, str]] = frozenset()

    def remembering(self, pairs: Iterable[tuple[str, str]]) -> Knowledge:
        """With more pairs of source and target names (or paths) that a person has approved."""
        more = {(plain_name(source), plain_name(target)) for source, target in pairs}
        return replace(self, same_names=self.same_names | more)

    def expand(self, words: Iterable[str]) -> list[str]:
        """Short forms written out, empty words left out unless nothing else is there."""
        given = list(words)
        long = [part for word in given for part in self.abbreviations.get(word, (word,))]
        return [word for word in long if word not in self.stop_words] or given

    @property
    def digest(self) -> str:
        """Short, and another for other knowledge."""
        parts = [
            sorted(self.abbreviations.items()),
            sorted(sorted(group) for group in self.synonyms),
            sorted(self.stop_words),
            sorted(self.same_names),
        ]
        return sha256(repr(parts).encode()).hexdigest()[:12]


def plain_name(name: str) -> str:
    """A name or path without case and punctuation: ``lines[].SKU-No`` is ``linesskuno``."""
    return re.sub(r"[\W_]", "", name.casefold())


@cache
def default_knowledge() -> Knowledge:
    """What comes with the package."""
    abbreviations, synonyms, stop_words = (list(_lines(name)) for name in _FILES)
    return Knowledge(
        abbreviations=MappingProxyType({short: tuple(long) for short, *long in abbreviations}),
        synonyms=tuple(frozenset(group) for group in synonyms),
        stop_words=frozenset(word for line in stop_words for word in line),
    )


def _lines(name: str) -> Iterator[list[str]]:
    for line in (_FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split()
