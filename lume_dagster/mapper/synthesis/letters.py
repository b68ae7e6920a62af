"""Letters as the engine sees them: upper and lower case one character at a time, words, accents."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

_UPPER = {"ß": "ẞ"}
_LOWER = {"İ": "i"}
_BLANKS = ("  ", "\t", "\n", "\r", "\u00a0")
_FORM_FEED = re.compile(r"[ \f]\f|\f ")
#: What the engine's trim takes away: the spaces of all scripts, but no tab and no line break.
_TRIMMED = " \u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_SPACES = re.compile("[ \t\n\r\f\u00a0\u2009\u202f]+")


def trim(text: str) -> str:
    """Without spaces at its ends."""
    return text.strip(_TRIMMED)


def upper(text: str) -> str:
    """Case changes never make a text longer: there is no SS for a sharp s."""
    return text.upper() if text.isascii() else "".join(map(_raised, text))


def _raised(letter: str) -> str:
    for changed in (letter.upper(), letter.title()):
        if len(changed) == 1:
            return changed
    return _UPPER.get(letter, letter)


def lower(text: str) -> str:
    """The same downwards."""
    if text.isascii():
        return text.lower()
    changed = ((c, c.lower()) for c in text)
    return "".join(_LOWER.get(c, small if len(small) == 1 else c) for c, small in changed)


def _in_word(letter: str) -> bool:
    return letter in "'\u2019" or unicodedata.category(letter)[0] in "LMN"


def title_case(text: str) -> str:
    """What the helper of that name gives."""
    runs = ("".join(run) for _, run in groupby(lower(text), _in_word))
    return "".join(upper(run[:1]) + run[1:] for run in runs)


def strip_accents(text: str) -> str:
    """Letters without their marks."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFD", text)
    bare = "".join(c for c in parts if unicodedata.category(c)[0] != "M")
    return unicodedata.normalize("NFC", bare)


def squash(text: str) -> str | None:
    """What the helper of that name gives."""
    blank = any(b in text for b in _BLANKS) or ("\f" in text and _FORM_FEED.search(text))
    return trim(_SPACES.sub(" ", text) if blank else text) or None
