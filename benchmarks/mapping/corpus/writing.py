"""What all writers share: seeded chance, columns of written values, texts that mean none."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from benchmarks.mapping.corpus.case import Case, Gold

NULLS = ("", "N/A", "NULL", "-", "n/a", "None")
DATE = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}


def seeded(name: str) -> random.Random:
    """Chance that is the same every time."""
    return random.Random(f"corpus {name}")


def _with_nulls(
    rng: random.Random, written: list[str], gold: list[Gold], share: float, token: str
) -> tuple[list[str | None], list[Gold]]:
    texts: list[str | None] = list(written)
    for i in range(len(texts)):
        if rng.random() < share:
            texts[i], gold[i] = token or None, None
    return texts, gold


def column(
    family: str,
    slug: str,
    target: dict[str, Any],
    name: str,
    source: str,
    make: Callable[[random.Random], tuple[str, Gold]],
    rows: int = 30,
    nulls: str | None = None,
) -> Case:
    rng = seeded(slug)
    pairs = [make(rng) for _ in range(rows)]
    texts: list[str | None] = [text for text, _ in pairs]
    gold = [value for _, value in pairs]
    if nulls is not None:
        texts, gold = _with_nulls(rng, [t or "" for t in texts], gold, 0.15, nulls)
    return Case(f"gen-{slug}", family, target, name, {source: texts}, gold)


def day_of(rng: random.Random, first: int = 2005, last: int = 2025) -> dt.date:
    """Any day of some years."""
    start = dt.date(first, 1, 1).toordinal()
    return dt.date.fromordinal(rng.randint(start, dt.date(last, 12, 28).toordinal()))
