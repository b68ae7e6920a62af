"""Split a text into the word pieces of an uncased BERT vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

_LONGEST_WORD = 60
_INSIDE = "##"  # marks a piece that continues a word
_MOST_CACHED = 50_000


@dataclass(frozen=True)
class WordPieces:
    """A vocabulary: its pieces in the order of their numbers."""

    pieces: tuple[str, ...]
    _known: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each piece."""
        return {piece: number for number, piece in enumerate(self.pieces)}

    def split(self, text: str) -> list[int]:
        """The numbers of the pieces of a text; words that cannot be spelled are left out."""
        return [number for word in _words(text) for number in self._of_word(word)]

    def _of_word(self, word: str) -> tuple[int, ...]:
        known = self._known.get(word)
        if known is None:
            known = tuple(self._spell(word[:_LONGEST_WORD]))
            if len(self._known) < _MOST_CACHED:
                self._known[word] = known
        return known

    def _spell(self, word: str) -> list[int]:
        """The longest pieces from the left."""
        found: list[int] = []
        begin = 0
        while begin < len(word):
            for end in range(len(word), begin, -1):
                piece = (_INSIDE if begin else "") + word[begin:end]
                if piece in self.numbers:
                    found.append(self.numbers[piece])
                    begin = end
                    break
            else:
                return []
        return found


def _words(text: str) -> Iterator[str]:
    """Lower case, without accents; a punctuation mark or an ideograph is a word of its own."""
    word = ""
    for char in unicodedata.normalize("NFD", text.lower()):
        if char.isalnum() and not _is_ideograph(char):
            word += char
        elif unicodedata.category(char) != "Mn":
            if word:
                yield word
            word = ""
            if not (char.isspace() or unicodedata.category(char).startswith("C")):
                yield char
    if word:
        yield word


def _is_ideograph(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
