"""The words of a name that people write in any of the usual ways."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+|%")


def words_of(name: str) -> tuple[str, ...]:
    """``unitPrice_USD`` -> unit, price, usd."""
    return tuple(word.lower() for word in _WORDS.findall(name))
