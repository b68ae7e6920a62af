"""Messy columns made from true values: each writer states how a system would have written them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.mapping.corpus.case import Case
from benchmarks.mapping.corpus.dates import dates, moments
from benchmarks.mapping.corpus.numbers import numbers, units
from benchmarks.mapping.corpus.texts import booleans, others


def cases() -> Iterator[Case]:
    """All of them, always the same."""
    for make in (dates, moments, numbers, units, booleans, others):
        yield from make()
