"""Words of headers in other languages: which language a header is written in, and what it means."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

_LEAST_PART = 3  # letters of the first part of a longer word
_LEAST_REST = 2  # of what follows it: Kundennr
_LINKS = ("", "s", "n", "en", "es")  # between the parts of a German word
_LEAST_SHARE = 0.25  # of the names must be of the language,
_LEAST_BESIDE = 0.15  # or so many where fewer are English
_FEW = 3  # so few names, one of them tells
_LEAST_CUT = 3  # letters of a word that is cut short: Abt., Cod., Desc.
_LEAST_STEM = 4  # letters that stay when an ending goes
_ENDINGS = (
    ("as", "os"), ("a", "o"), ("es", ""), ("en", ""), ("er", ""), ("s", ""), ("e", ""), ("n", ""),
)  # fmt: skip
_SPELLED_OUT = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_NO_ACCENTS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d"})
_JOINING = frozenset({"de", "nl", "sv", "da"})


def folded(word: str) -> str:
    """Without accents: ``Größe`` is ``grosse``."""
    apart = unicodedata.normalize("NFKD", word.casefold().translate(_NO_ACCENTS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@dataclass(frozen=True)
class Language:
    """Words and their meanings in English; one that means nothing in a name has none."""

    name: str
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    joins_words: bool = False  # Kundennummer is Kunden and Nummer
    #: What a word means where another one stands in another header: ``nom`` beside ``prénom``.
    beside: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def among(self, names: Sequence[Sequence[str]]) -> Language:
        """As it is to be read in these names."""
        there = {folded(word) for words in names for word in words}
        meant = {word: long for (word, other), long in self.beside.items() if other in there}
        return replace(self, words={**self.words, **meant}) if meant else self

    def meaning(self, word: str) -> tuple[str, ...] | None:
        """In English; None where the word is not known."""
        plain = folded(word)
        for spelling in (plain, _without_spelled_out(plain)) if self.joins_words else (plain,):
            found = self.words.get(spelling) or self._of_parts(spelling)
            if found is not None:
                return found
            if spelling in self.words:
                return ()
        return None

    def loosely(self, word: str) -> tuple[str, ...] | None:
        """Of a word that is not known: in another form, or cut short so that one word is meant."""
        plain = folded(word)
        for ending, other in _ENDINGS:
            stem = plain.removesuffix(ending)
            if stem != plain and len(stem) >= _LEAST_STEM and self.words.get(stem + other):
                return self.words[stem + other]
        if len(plain) < _LEAST_CUT:
            return None
        meant = {long for known, long in self.words.items() if long and known.startswith(plain)}
        return meant.pop() if len(meant) == 1 else None

    def _of_parts(self, word: str) -> tuple[str, ...] | None:
        """The longest beginning that is known, with a rest that is known too."""
        if not self.joins_words:
            return None
        for end in range(len(word) - _LEAST_REST, _LEAST_PART - 1, -1):
            first = self._part(word[:end])
            rest = self.words.get(word[end:]) or self._of_parts(word[end:])
            if first and rest:
                return (*first, *rest)
        return None

    def _part(self, text: str) -> tuple[str, ...] | None:
        stems = (text.removesuffix(link) for link in _LINKS if text.endswith(link))
        return next((self.words[stem] for stem in stems if self.words.get(stem)), None)


def _without_spelled_out(word: str) -> str:
    for two, one in _SPELLED_OUT:
        word = word.replace(two, one)
    return word


def language_of(
    names: Sequence[Sequence[str]], languages: Sequence[Language], english: Collection[str]
) -> Language | None:
    """The language of names, each a list of words; None where they are English or cannot be told.

    ``english`` are words that say nothing about it.
    """
    hits = [sum(_tells(words, language, english) for words in names) for language in languages]
    most = max(hits, default=0)
    is_english = sum(any(word in english for word in words) for words in names)
    share = _LEAST_BESIDE if most > is_english else _LEAST_SHARE
    needed = max(1 if len(names) <= _FEW else 2, share * len(names))
    return languages[hits.index(most)].among(names) if most >= needed else None


def _tells(words: Sequence[str], language: Language, english: Collection[str]) -> bool:
    """Whether a word is of the language; one that is written so in English says nothing."""
    own = (word for word in words if word not in english)
    return any(meant and meant != (folded(w),) for w in own if (meant := language.meaning(w)))


def read_languages(lines: Sequence[Sequence[str]]) -> tuple[tuple[Language, ...], frozenset[str]]:
    """The languages of a file's lines, each begun by ``##``; and the words that English has too."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for word, *meaning in lines:
        if word == "##":
            found[meaning[0]] = {}
        elif list(found)[-1] == "english":
            found["english"] |= dict.fromkeys((word, *meaning), ())
        else:
            found[list(found)[-1]][word] = tuple(meaning)
    english = frozenset(found.pop("english", ()))
    return tuple(_language(name, words) for name, words in found.items()), english


def _language(name: str, found: Mapping[str, tuple[str, ...]]) -> Language:
    words = {word: meaning for word, meaning in found.items() if "+" not in word}
    beside = {
        (word.partition("+")[0], word.partition("+")[2]): meaning
        for word, meaning in found.items()
        if "+" in word
    }
    return Language(name, words, name in _JOINING, beside)
