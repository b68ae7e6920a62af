"""What a column's texts look like: types, shapes, lengths, numbers, and the values themselves."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lume_dagster.mapper.profile.texts import (
    TYPES,
    are_yes_and_no,
    number_of,
    shape_of,
    type_of,
)

Kind = Literal["", "date", "number", "boolean", "text"]
Numbers = NDArray[np.float64]

QUANTILES = (0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95)
_MOST_DISTINCT = 1_000  # of a column are kept, and
_MOST_LOOKED_AT = 200  # are looked at, evenly spaced
_MOST_SHAPES = 12
_LONGEST = 400  # characters of a value
_IS_NUMERIC = 0.7  # of the values read as numbers
_WORD = re.compile(r"[^\W_]{2,}")
_DATES = [TYPES.index("datetime"), TYPES.index("date")]
_BOOLEAN = TYPES.index("boolean")


@dataclass(frozen=True)
class Profile:
    """Of the values that are there; shares are of values, not of distinct ones."""

    count: int
    distinct: frozenset[str]  # lower case
    shown: tuple[str, ...]  # some values as they are
    kind: Kind
    types: Numbers  # the share of each of TYPES
    shapes: Mapping[str, float]
    quantiles: Numbers | None  # of the numbers, at QUANTILES; None when these are not numbers
    lengths: Numbers  # at QUANTILES
    stats: Numbers  # logs of mean and spread of length, distinctness, share with a space
    words: frozenset[str]


def profile(values: Iterable[str | None]) -> Profile:
    """Look at a column; of very many values, at some of them."""
    stripped = (value.strip()[:_LONGEST] for value in values if value is not None)
    counted = Counter(value for value in stripped if value)
    kept = _evenly(list(counted), _MOST_DISTINCT)
    chosen = _evenly(kept, _MOST_LOOKED_AT)
    weights = np.array([counted[value] for value in chosen], dtype=np.float64)
    total = float(weights.sum())
    shares = weights / total if total else weights
    types = _types(chosen, shares)
    quantiles = _numbers(chosen, shares)
    return Profile(
        count=counted.total(),
        distinct=frozenset(value.lower() for value in kept),
        shown=tuple(value[:30] for value in chosen[:5]),
        kind=_kind(types, is_number=quantiles is not None) if total else "",
        types=types,
        shapes=_shapes(chosen, shares),
        quantiles=quantiles,
        lengths=_quantiles([len(value) for value in chosen], shares),
        stats=_stats(chosen, shares, len(counted) / max(1, counted.total())),
        words=frozenset(word for value in chosen for word in _WORD.findall(value.lower())),
    )


def _evenly(values: list[str], most: int) -> list[str]:
    return values[:: max(1, -(-len(values) // most))]


def _types(chosen: Sequence[str], shares: Numbers) -> Numbers:
    if are_yes_and_no({value.lower() for value in chosen}):
        return _shares(shares, [_BOOLEAN] * len(chosen))
    return _shares(shares, [TYPES.index(type_of(value)) for value in chosen])


def _shares(shares: Numbers, at: Sequence[int]) -> Numbers:
    counted = np.bincount(np.array(at, dtype=np.intp), weights=shares, minlength=len(TYPES))
    return np.asarray(counted, dtype=np.float64)


def _kind(types: Numbers, *, is_number: bool) -> Kind:
    if types[_DATES].sum() > 0.5:
        return "date"
    if types[_BOOLEAN] > 0.8:
        return "boolean"
    return "number" if is_number else "text"


def _numbers(chosen: Sequence[str], shares: Numbers) -> Numbers | None:
    read = [number_of(value) for value in chosen]
    is_read = np.array([number is not None for number in read], dtype=bool)
    if not len(chosen) or shares[is_read].sum() < _IS_NUMERIC:
        return None
    return _quantiles([number for number in read if number is not None], shares[is_read])


def _quantiles(values: Sequence[float], weights: Numbers) -> Numbers:
    """At QUANTILES of a weighted list; zeros of an empty one."""
    if not len(values):
        return np.zeros(len(QUANTILES))
    numbers = np.array(values, dtype=np.float64)
    order = np.argsort(numbers, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    places = np.searchsorted(reached, np.array(QUANTILES) - 1e-9)
    return np.asarray(numbers[order][np.minimum(places, len(numbers) - 1)])


def _shapes(chosen: Sequence[str], shares: Numbers) -> dict[str, float]:
    found: dict[str, float] = {}
    for value, share in zip(chosen, shares.tolist(), strict=True):
        shape = shape_of(value)
        found[shape] = found.get(shape, 0.0) + share
    most = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return dict(most[:_MOST_SHAPES])


def _stats(chosen: Sequence[str], shares: Numbers, distinctness: float) -> Numbers:
    if not chosen:
        return np.zeros(4)
    lengths = np.array([len(value) for value in chosen], dtype=np.float64)
    mean = float(lengths @ shares)
    spread = math.sqrt(max(0.0, float(((lengths - mean) ** 2) @ shares)))
    spaced = float(np.array([" " in value for value in chosen], dtype=np.float64) @ shares)
    return np.array([math.log1p(mean), math.log1p(spread), distinctness, spaced])
