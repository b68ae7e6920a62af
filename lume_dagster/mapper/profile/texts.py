"""What kind of text one value is, its shape, and the number it spells."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from itertools import groupby

_COMPACT_DAY = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_COMPACT_TIME = r"[T ]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?Z?"
_DAY = (
    r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4}"
    r"|[^\W\d_]{3,9}\.? \d\d?,? \d{4}|\d\d?(?:[-/ ]|\. ?)[^\W\d_]{3,9}\.?,?[-/ ]\d{2,4})"
)
#: In the order they are tried; what fits none is a code, a text or a word.
_PATTERNS = {
    "email": r"[^@\s]+@[^@\s]+\.[a-z]{2,}$",
    "url": r"(?:https?://|www\.)",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-",
    "datetime": rf"(?:{_DAY}(?:T|,? +)\d\d?:|{_COMPACT_DAY}{_COMPACT_TIME}$)",
    "date": rf"(?:{_DAY}|{_COMPACT_DAY})$",
    "time": r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]m)?$",
    "year": r"(?:1[89]|20)\d\d$",
    "boolean": r"(?:true|false|yes|no|y|n|t|f)$",
    "phone": r"(?:\+\d[\d\s().-]{6,18}\d|(?!\d+\.\d+$)\(?\d{2,4}\)?[\s.-]\d{3,4}[\s.-]?\d{3,5})$",
    "integer": r"[-+]?\d+$",
    "number": r"[-+]?[$€£]?\s?\d[\d,.' ]*(?:e[-+]?\d+)?\s?[%€]?$",
    "list": r"[\[{(]",
}
TYPES = (*_PATTERNS, "code", "text", "word")
_PATTERN = re.compile("|".join(f"(?P<{n}>{p})" for n, p in _PATTERNS.items()), re.IGNORECASE)
#: How people write yes and no.
YES = frozenset("true t yes y 1 on ja j wahr oui o vrai si sí s verdadero vero sim tak да".split())
NO = frozenset("false f no n 0 off nein falsch non faux falso não nao nie нет".split())
_DIGIT = re.compile(r"\d")
_UNITS = re.compile(r"[$€£%'\s]")
_DECIMAL_COMMA = re.compile(r"^[-+]?\d*(?:\.\d{3})*,\d{1,2}$")
_LONG_TEXT = 25
_SHAPE_OF = 24  # characters


def type_of(value: str) -> str:
    """One of TYPES."""
    found = _PATTERN.match(value)
    if found and found.lastgroup:
        return found.lastgroup
    if " " in value:
        return "text" if len(value) > _LONG_TEXT else "word"
    return "code" if _DIGIT.search(value) else "word"


def shape_of(value: str) -> str:
    """Letters as ``a`` and digits as ``9``, runs as one: ``AB-1234`` is ``a-9``."""
    kinds = ("9" if c.isdigit() else "a" if c.isalpha() else c for c in value[:_SHAPE_OF])
    return "".join(kind for kind, _ in groupby(kinds))


def number_of(value: str) -> float | None:
    """The number a text spells, with either decimal mark, a currency sign or per cent."""
    bare = _UNITS.sub("", value)
    if _DECIMAL_COMMA.match(bare):
        bare = bare.replace(".", "").replace(",", ".")
    try:
        number = float(bare.replace(",", "").replace("_", "x"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def are_yes_and_no(values: Collection[str]) -> bool:
    """Whether values, in lower case, are words for yes and for no: ``j`` and ``n``."""
    words = set(values)
    both = bool(words & YES) and bool(words & NO)
    return both and words <= YES | NO and not all(word.isdigit() for word in words)
