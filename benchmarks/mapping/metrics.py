"""What is counted of a matcher, ours or another: ranks, right and wrong pairs, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from benchmarks.mapping.cases import Case

_BINS = 10
_SURE = 0.9
_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a matcher says of a case.

    ``ranked`` are for each source column the target paths, best first. ``chosen`` are the pairs
    (source, target) it stands for. ``sure`` are its probabilities of pairs it would choose at
    some threshold, where it gives any.
    """

    ranked: Mapping[str, Sequence[str]]
    chosen: frozenset[tuple[str, str]]
    sure: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass
class Count:
    """Sums over the columns of one split of one family."""

    cases: int = 0
    columns: int = 0  # with a partner
    hit1: int = 0
    hit5: int = 0
    reciprocal: float = 0.0
    right: int = 0  # pairs chosen that are so
    wrong: int = 0  # pairs chosen that are not
    missed: int = 0  # pairs that are so, and were not chosen
    calibration: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, case: Case, answer: Answer, split: str) -> None:
        """Count what concerns the source columns of the split."""
        ours = {path for path, where in case.splits.items() if where == split}
        self.cases += bool(ours)
        gold = {(s, t) for s, t in case.gold.items() if s in ours}
        for source, target in sorted(gold):
            self._rank(answer.ranked.get(source, ()), target)
        chosen = {pair for pair in answer.chosen if pair[0] in ours}
        self.right += len(chosen & gold)
        self.wrong += len(chosen - gold)
        self.missed += len(gold - chosen)
        self.calibration += [
            (p, pair in gold) for pair, p in answer.sure.items() if pair[0] in ours
        ]

    def _rank(self, ranked: Sequence[str], target: str) -> None:
        self.columns += 1
        place = ranked.index(target) if target in ranked else None
        if place is not None:
            self.hit1 += place == 0
            self.hit5 += place < 5
            self.reciprocal += 1 / (1 + place)

    @property
    def f1(self) -> float:
        """Of the pairs chosen."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0

    @property
    def figures(self) -> dict[str, float | int]:
        """For the report."""
        columns = max(1, self.columns)
        return {
            "cases": self.cases,
            "columns": self.columns,
            "hit@1": round(self.hit1 / columns, 4),
            "hit@5": round(self.hit5 / columns, 4),
            "mrr": round(self.reciprocal / columns, 4),
            "f1": round(self.f1, 4),
            "right": self.right,
            "wrong": self.wrong,
            "abstained": self.missed,
            **(self._of_probabilities() if self.calibration else {}),
        }

    def _of_probabilities(self) -> dict[str, float | int]:
        sure = [is_right for probability, is_right in self.calibration if probability >= _SURE]
        return {
            "ece": round(calibration_error(self.calibration), 4),
            "of chance": round(error_of_chance([p for p, _ in self.calibration]), 4),
            "sure": round(sum(sure) / max(1, self.columns), 4),
            "sure but wrong": round(1 - sum(sure) / len(sure), 4) if sure else 0.0,
        }


def error_of_chance(probabilities: Sequence[float]) -> float:
    """The calibration error that probabilities have that are exactly right, in the mean of draws."""
    chance = Random(0)
    drawn = (
        calibration_error((p, chance.random() < p) for p in probabilities) for _ in range(_DRAWS)
    )
    return sum(drawn) / _DRAWS


def calibration_error(pairs: Iterable[tuple[float, bool]]) -> float:
    """The mean distance of probability and truth, in ten bins of equal width."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for probability, is_right in pairs:
        bins[min(_BINS - 1, int(probability * _BINS))].append((probability, is_right))
    total = sum(map(len, bins))
    apart = (abs(sum(p for p, _ in each) - sum(r for _, r in each)) for each in bins)
    return sum(apart) / max(1, total)
