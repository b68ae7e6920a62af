"""What is known of names before any data is seen: short forms, synonyms, and empty words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from lume_dagster.mapper.knowledge.languages import Language, language_of, read_languages

_FOLDER = Path(__file__).parent
_FILES = ("abbreviations.txt", "synonyms.txt", "stop_words.txt")
_LANGUAGES = "languages.txt"
_SENSES = "senses.txt"
_LEAST_PART = 3  # letters of what stands before one of the tails
#: What names end with, written without a mark between: ``custname``, ``orderid``.
_TAILS = (
    "identifier", "number", "amount", "count", "price", "name", "date", "time", "code", "type",
    "year", "flag", "num", "cnt", "amt", "qty", "id", "no", "nr", "nm", "dt", "cd", "ts",
)  # fmt: skip


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
    senses: Mapping[str, str] = field(default_factory=dict)  # what a word promises, see senses.txt
    languages: tuple[Language, ...] = ()
    also_english: frozenset[str] = frozenset()  # words of these languages that tell nothing
    language: Language | None = None  # of the names that are being read; None for English

    def remembering(self, pairs: Iterable[tuple[str, str]]) -> Knowledge:
        """With more pairs of source and target names (or paths) that a person has approved."""
        more = {(plain_name(source), plain_name(target)) for source, target in pairs}
        return replace(self, same_names=self.same_names | more)

    def in_language_of(self, names: Sequence[Sequence[str]]) -> Knowledge:
        """For reading these names, each a list of words, which may not be English."""
        english = self.also_english | self.long_words
        return replace(self, language=language_of(names, self.languages, english))

    def expand(self, words: Iterable[str]) -> list[str]:
        """Short forms written out, empty words left out unless nothing else is there."""
        given = self._joined(list(words))
        long = [part for word in given for part in self._written_out(word)]
        return [word for word in long if word not in self.stop_words] or given

    def _joined(self, words: list[str]) -> list[str]:
        """``e`` and ``mail`` are one word, for together they are known and apart they are not."""
        found: list[str] = []
        for word in words:
            together = f"{found[-1]}{word}" if found else ""
            apart = found and found[-1] in self.words and word in self.words
            if together in self.long_words and not apart:
                found[-1] = together
            else:
                found.append(word)
        return found

    def _written_out(self, word: str) -> tuple[str, ...]:
        meant = self.language.meaning(word) if self.language else None
        if meant is not None:
            return meant
        if self.language and word not in self.words:
            return self.language.loosely(word) or self._parted(word)
        return self.abbreviations.get(word) or self._parted(word)

    def _parted(self, word: str) -> tuple[str, ...]:
        """``custname`` is customer and name, if it is no word itself."""
        if word in self.words:
            return (word,)
        for tail in _TAILS:
            start = word.removesuffix(tail)
            if start != word and len(start) >= _LEAST_PART and start in self.words:
                parts = (self.abbreviations.get(part, (part,)) for part in (start, tail))
                return tuple(long for part in parts for long in part)
        return (word,)

    @cached_property
    def long_words(self) -> frozenset[str]:
        """All English words that are known; some short forms are words of other languages."""
        long = (part for parts in self.abbreviations.values() for part in parts)
        return frozenset(long).union(*self.synonyms)

    @cached_property
    def words(self) -> frozenset[str]:
        """These, and the short forms."""
        return self.long_words.union(self.abbreviations)

    @property
    def digest(self) -> str:
        """Short, and another for other knowledge."""
        parts = [
            sorted(self.abbreviations.items()),
            sorted(sorted(group) for group in self.synonyms),
            sorted(self.stop_words),
            sorted(self.same_names),
            sorted(self.senses.items()),
            sorted((each.name, sorted(each.words.items())) for each in self.languages),
            sorted(self.also_english),
        ]
        return sha256(repr(parts).encode()).hexdigest()[:12]


def plain_name(name: str) -> str:
    """A name or path without case and punctuation: ``lines[].SKU-No`` is ``linesskuno``."""
    return re.sub(r"[\W_]", "", name.casefold())


@cache
def default_knowledge() -> Knowledge:
    """What comes with the package."""
    abbreviations, synonyms, stop_words = (list(_lines(name)) for name in _FILES)
    languages, also_english = read_languages(list(_lines(_LANGUAGES)))
    return Knowledge(
        abbreviations=MappingProxyType({short: tuple(long) for short, *long in abbreviations}),
        synonyms=tuple(frozenset(group) for group in synonyms),
        stop_words=frozenset(word for line in stop_words for word in line),
        senses=MappingProxyType(
            {word: sense for sense, *words in _lines(_SENSES) for word in words}
        ),
        languages=languages,
        also_english=also_english,
    )


def _lines(name: str) -> Iterator[list[str]]:
    for line in (_FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            yield line.split()
