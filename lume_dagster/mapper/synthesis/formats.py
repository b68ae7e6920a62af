"""Which date formats a text can be in, found by its shape before any is tried."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product

from lume_dagster.mapper.synthesis import clock
from lume_dagster.mapper.synthesis.letters import trim

_DATES = (
    "%Y-%m-%d|%m/%d/%Y|%d/%m/%Y|%m/%d/%y|%d/%m/%y|%Y/%m/%d|%d.%m.%Y|%m.%d.%Y|%d-%m-%Y|"
    "%m-%d-%Y|%Y%m%d|%d %b %Y|%d %B %Y|%B %d, %Y|%b %d, %Y|%B %d %Y|%b %d %Y|%d-%b-%Y|"
    "%d-%b-%y|%b-%d-%Y|%Y-%b-%d|%A, %B %d, %Y|%a, %b %d, %Y|%a, %d %b %Y|%A, %d %B %Y|"
    "%d. %B %Y|%d. %b %Y|%a %b %d %Y|%A %d %B %Y|%a %d %b %Y|%A %B %d %Y|%d%b%Y|%m%d%Y|"
    "%d%m%Y|%Y.%m.%d|%b. %d, %Y|%d.%m.%y|%y-%m-%d|%d-%m-%y|%m-%d-%y|%d %b, %Y|%d %B, %Y|"
    "%Y %b %d|%Y %B %d|%d/%b/%Y|%d %b %y|%b %d, %y|%d %m %Y|%m %d %Y|%Y %m %d|%B %dth, %Y|"
    "%B %dst, %Y|%B %dnd, %Y|%B %drd, %Y|%A, %dst %B, %Y|%A, %dnd %B, %Y|%A, %drd %B, %Y|"
    "%A, %dth %B, %Y|%dth %B %Y|%dst %B %Y|%dnd %B %Y|%drd %B %Y|%A, %B %d %Y|%a, %B %d, %Y|"
    "%Y_%m_%d|%d_%m_%Y|%m_%d_%Y|%m_%Y|%Y_%m"
).split("|")
_TIMES = (
    "%H:%M:%S|%H:%M|%I:%M %p|%I:%M%p|%I:%M:%S %p|%I:%M:%S%p|%H:%M:%S.%f|%H:%M:%SZ|"
    "%H:%M:%S.%fZ|%I %p"
).split("|")
_ALONE = (
    "%H.%M|%H%M|%I%p|%Hh%M|%B %Y|%b %Y|%m/%Y|%b-%y|%b-%Y|%Y-%m|%m-%Y|%B|%b|%Y %j|%j %Y|%Y|"
    "%Y%m|%B, %Y|%b, %Y|%d %B|%d %b|%B %d|%b %d|%m/%d|%d/%m|%b %y|%Y-%j|%Y%j"
).split("|")
_JOINED = [f"{d}{s}{t}" for d in _DATES for s in (" ", "T", ", ") for t in _TIMES]
_TIME_FIRST = [f"{t}{s}{d}" for d in _DATES[:24] for s in (" ", ", ") for t in _TIMES[:6]]
FORMATS = (*_DATES, *_TIMES, *_ALONE, *_JOINED, *_TIME_FIRST)
_MOST_TOGETHER = 6
_NUMERIC = set("YymdHIMSfj")


def _shape(text: str) -> str:
    return re.sub(r"[A-Za-z]+", "a", re.sub(r"[0-9]+", "9", re.sub(r"\s+", " ", text)))


def _format_shape(date_format: str) -> str:
    held = re.sub(r"%([A-Za-z])", lambda m: "\x01" if m[1] in _NUMERIC else "\x02", date_format)
    held = re.sub(r"[A-Za-z]", "\x02", held)
    return re.sub("\x02+", "a", re.sub("\x01+", "9", held))


@lru_cache(maxsize=1)
def _by_shape() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for date_format in FORMATS:
        table.setdefault(_format_shape(date_format), []).append(date_format)
    return table


@lru_cache(maxsize=4096)
def fitting(text: str) -> tuple[str, ...]:
    """The formats that read one text."""
    trimmed = trim(text)
    near = _by_shape().get(_shape(trimmed), [])
    return tuple(f for f in near if clock.read_date(trimmed, (f,)) is not None)


def common(texts: Sequence[str]) -> list[str]:
    """The formats that read each of these."""
    fits = [fitting(t) for t in texts]
    return [f for f in fits[0] if all(f in other for other in fits[1:])] if fits else []


def covers(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Few formats that together read all, once with the day first and once with the month."""
    reads: dict[str, set[str]] = {}
    for text in dict.fromkeys(texts):
        for f in fitting(text):
            reads.setdefault(f, set()).add(text)
    both = (_cover(set(texts), reads, first) for first in ("%m", "%d"))
    return list(dict.fromkeys(found for found in both if found and len(found) > 1))


def _cover(texts: set[str], reads: dict[str, set[str]], first: str) -> tuple[str, ...]:
    left, chosen = set(texts), list[str]()
    while left and len(chosen) < _MOST_TOGETHER:
        best = max(
            reads,
            key=lambda f: (len(reads[f] & left), _leads(f, first), -FORMATS.index(f)),
            default=None,
        )
        if best is None or not reads[best] & left:
            break
        chosen.append(best)
        left -= reads[best]
    return tuple(chosen) if len(left) <= 0.1 * len(texts) else ()


def _leads(date_format: str, first: str) -> bool:
    other = "%d" if first == "%m" else "%m"
    return first in date_format and date_format.find(first) < date_format.find(other)


def written(texts: Sequence[str]) -> Iterable[str]:
    """The formats that may have written these: as they are read, also without leading zeros."""
    for f in common(texts):
        parts = [p for p in ("%m", "%d", "%H", "%I") if p in f]
        for bare in product((False, True), repeat=len(parts)):
            made = f
            for part, strip in zip(parts, bare, strict=True):
                made = made.replace(part, f"%-{part[1]}") if strip else made
            yield made
