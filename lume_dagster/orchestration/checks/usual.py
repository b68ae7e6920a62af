"""Tell from how many rows earlier batches had how many are usual, whatever a few of them had."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_NORMAL = 1.4826  # makes the median of distances what the standard deviation is of a normal spread
_SHARE = 0.05  # batches that were all alike may still differ by this share of their size
_TRIMMED_FROM = 4


@dataclass(frozen=True, slots=True)
class Usual:
    """What earlier batches had, and between what bounds (both included) another is like them."""

    batches: int
    median: float
    least: int
    most: int
    low: int
    high: int

    def holds(self, rows: int) -> bool:
        """Whether so many rows are usual."""
        return self.low <= rows <= self.high


def usual(rows: Sequence[int], tolerance: float) -> Usual:
    """The bounds: so many spreads around the median, and all that two earlier batches went beyond.

    The spread is the median distance from the median, but no less than chance alone makes of such
    a number. Batches of two sizes, as on weekdays and weekends, are usual in both. An empty batch
    is unusual where none was.
    """
    middle = median(rows)
    distance = _NORMAL * median(abs(r - middle) for r in rows)
    spread = tolerance * max(distance, math.sqrt(middle), _SHARE * middle)
    low, high = middle - spread, middle + spread
    ordered = sorted(rows)
    if len(ordered) >= _TRIMMED_FROM:
        low, high = min(low, ordered[1]), max(high, ordered[-2])
    fewest = 1 if ordered[0] > 0 else 0
    return Usual(
        batches=len(rows),
        median=middle,
        least=ordered[0],
        most=ordered[-1],
        low=max(fewest, math.floor(low)),
        high=math.ceil(high),
    )
