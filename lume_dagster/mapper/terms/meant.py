"""Which share of a column's values mean an allowed one, told quickly for many columns."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from lume_dagster.mapper.terms.places import folded
from lume_dagster.mapper.terms.synonyms import MEANINGS

MOST = 24  # distinct values, of a code list or a column
_LEAST_START = 3  # letters of a value that another begins with


def share_meant(values: Collection[str], allowed: Collection[str]) -> float:
    """Of the distinct values, in lower case; first letters count where all of them are such.

    0 where there are too many of either to be a code list.
    """
    if not values or not 1 < len(allowed) <= MOST or len(values) > MOST:
        return 0.0
    keys = [_keys(one) for one in allowed]
    if all(len(value) == 1 for value in values):
        return float(_are_initials(values, allowed)) or _share_known(values, keys)
    known = frozenset[str]().union(*keys)
    plain = [_plain(one) for one in allowed]
    return sum(bool(_keys(v) & known) or _begins(_plain(v), plain) for v in values) / len(values)


def _share_known(values: Collection[str], keys: Collection[frozenset[str]]) -> float:
    """Of single letters each must mean another one."""
    hits = [[n for n, one in enumerate(keys) if _keys(value) & one] for value in values]
    found = [hit[0] for hit in hits if len(hit) == 1]
    return len(found) / len(hits) if len(set(found)) == len(found) else 0.0


def _are_initials(values: Collection[str], allowed: Collection[str]) -> bool:
    firsts = [_plain(one)[:1] for one in allowed]
    return len(values) > 1 and all(firsts.count(value) == 1 for value in values)


def _begins(value: str, allowed: Collection[str]) -> bool:
    """Whether it is the beginning of one of them, or one of them its own."""
    if len(value) < _LEAST_START:
        return False
    return any(
        one.startswith(value) or (len(one) >= _LEAST_START and value.startswith(one))
        for one in allowed
    )


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return folded(text).replace(" ", "")


@lru_cache(maxsize=4096)
def _keys(text: str) -> frozenset[str]:
    """Its letters, and the numbers of what it may mean."""
    word = text.strip().casefold()
    meanings = MEANINGS.get(folded(word), frozenset()) | MEANINGS.get(word, frozenset())
    return frozenset({_plain(text) or word, *(f"#{number}" for number in meanings)})
