"""Names of months and days in four languages, as people write dates with them."""

from __future__ import annotations

import re

from lume_dagster.plan.month_names import MONTHS

FULL = (
    "january february march april may june july august september october november december".split()
)
SHORT = "jan feb mar apr may jun jul aug sep oct nov dec".split()
MONTH = "|".join(written for written in MONTHS.values())
_EACH = [re.compile(f"(?:{written})", re.IGNORECASE) for written in MONTHS.values()]
DAYS = {
    **dict.fromkeys("mon tue wed thu fri sat sun".split(), "%a"),
    **dict.fromkeys("monday tuesday wednesday thursday friday saturday sunday".split(), "%A"),
}


def month_of(word: str) -> int | None:
    """The number of the month that a word names."""
    return next((n for n, each in enumerate(_EACH, 1) if each.fullmatch(word)), None)


def month_format(word: str) -> str | None:
    """What the engine reads the word with; None where it must be made English first."""
    lower = word.lower()
    if lower in SHORT:
        return "%b"
    return "%B" if lower in FULL else None
