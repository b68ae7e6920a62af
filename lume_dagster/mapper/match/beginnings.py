"""Names that are made of the beginnings of another name's words: ``CustNm``, ``dob``, ``ASSTY``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

_VOWELS = re.compile(r"[aeiou\W_]")
_EMPTY = frozenset({"of", "the", "and", "for", "in", "by", "to", "per"})  # may be left out
_LEAST_TELLING = 2  # letters: so few may be the beginnings of anything
_TWO_LETTERS, _NOT_ALL = 0.6, 0.7  # what it is worth then, and where the last words are missing


def made_of_beginnings(
    short: Sequence[str], long: Sequence[str], words: Sequence[tuple[str, ...]]
) -> NDArray[np.float32]:
    """For each name and each longer one, of which the words are given, from 0 to 1.

    Of the words the last may be missing, which says less; so do two letters.
    """
    scores = np.zeros((len(short), len(long)), dtype=np.float32)
    starting: dict[str, list[tuple[int, str]]] = {}
    for row, name in enumerate(short):
        if len(name) > 1:
            starting.setdefault(name[0], []).append((row, name))
    for column, own in enumerate(words):
        rivals = starting.get(own[0][0], []) if len(own) > 1 else []
        pattern = _made_of(own) if rivals else None
        for row, name in rivals:
            found = pattern.fullmatch(name) if pattern and name != long[column] else None
            if found:
                scores[row, column] = _worth(name, whole=found["last"] is not None)
    return scores


def _worth(name: str, *, whole: bool) -> float:
    if whole:
        return 1.0 if len(name) > _LEAST_TELLING else _TWO_LETTERS
    return _NOT_ALL if len(name) > _LEAST_TELLING + 1 else 0.0


def _made_of(words: Sequence[str]) -> re.Pattern[str]:
    """Two words at least, and of more of them the rest or a part of it."""
    one, *more, last = map(_beginning_of, words)
    pattern = f"(?P<last>{last})"
    for word in reversed(more):
        pattern = f"{word}(?:{pattern})?"
    return re.compile(one + pattern)


@cache
def _beginning_of(word: str) -> str:
    """A pattern: at least the first letter, of the word or of its consonants; numbers whole."""
    if word.isdigit():
        return word
    bones = word[0] + _VOWELS.sub("", word[1:])
    found = "|".join(_nested(each) for each in dict.fromkeys((word, bones)))
    return f"(?:{found}){'?' if word in _EMPTY else ''}"


def _nested(letters: str) -> str:
    first, rest = re.escape(letters[0]), letters[1:]
    return f"{first}(?:{_nested(rest)})?" if rest else first
