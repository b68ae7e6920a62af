"""Take secrets out of a text that people will see."""

from __future__ import annotations

from collections.abc import Iterable

HIDDEN = "•••"
#: What is shorter stands in any sentence: to blot it out would tell its letters.
_SHORTEST = 4


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with a mark in place of every secret, the longest first."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    return text
