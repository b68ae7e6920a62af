"""Judge a whole batch by the flow's checks: unique, row_count, reject_rate, null_rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lume_dagster.flows.model import Bounds, Check, CheckHandling
from lume_dagster.runs.metrics import RowCounts

CheckKind = Literal["unique", "row_count", "reject_rate", "null_rate"]
KINDS: tuple[CheckKind, ...] = ("unique", "row_count", "reject_rate", "null_rate")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found in a batch: a figure, and whether it is within bounds."""

    name: str
    kind: CheckKind
    passed: bool
    value: float
    wanted: str  # "at most 0.05"
    on_fail: CheckHandling

    @property
    def sentence(self) -> str:
        """The result in words."""
        return f"{self.name} is {self.value:g}, wanted {self.wanted}"


def check_names(checks: Sequence[Check]) -> tuple[str, ...]:
    """A name for each check, unique in the flow: ``unique_flight_id``, ``row_count_2``."""
    seen: Counter[str] = Counter()
    names = []
    for check in checks:
        base = "_".join((_kind(check), *_fields(check))).replace(".", "_")
        seen[base] += 1
        names.append(base if seen[base] == 1 else f"{base}_{seen[base]}")
    return tuple(names)


def run_checks(
    checks: Sequence[Check], rows: RowCounts, measures: Mapping[str, int]
) -> tuple[CheckResult, ...]:
    """Hold the counts of a batch, and what the engine measured in it, to the checks."""
    results = []
    for name, check in zip(check_names(checks), checks, strict=True):
        kind = _kind(check)
        value, bounds = _FIGURES[kind](check, rows, measures)
        passed = _within(value, bounds)
        results.append(CheckResult(name, kind, passed, value, _words(bounds), check.on_fail))
    return tuple(results)


_Figure = tuple[float, Bounds]


def _unique(check: Check, _: RowCounts, measures: Mapping[str, int]) -> _Figure:
    """Rows whose key came before."""
    return measures[f"unique:{','.join(_fields(check))}"], Bounds(max=0)


def _row_count(check: Check, rows: RowCounts, _: Mapping[str, int]) -> _Figure:
    return rows.mapped, check.row_count or Bounds()


def _reject_rate(check: Check, rows: RowCounts, _: Mapping[str, int]) -> _Figure:
    return (rows.rejects / rows.input if rows.input else 0.0), check.reject_rate or Bounds()


def _null_rate(check: Check, rows: RowCounts, measures: Mapping[str, int]) -> _Figure:
    nulls = measures[f"null_rate:{','.join(_fields(check))}"]
    rate = nulls / rows.mapped if rows.mapped else 0.0
    return rate, Bounds(max=check.null_rate.max if check.null_rate else None)


_FIGURES: Mapping[CheckKind, Callable[[Check, RowCounts, Mapping[str, int]], _Figure]] = {
    "unique": _unique,
    "row_count": _row_count,
    "reject_rate": _reject_rate,
    "null_rate": _null_rate,
}


def _kind(check: Check) -> CheckKind:
    return next(kind for kind in KINDS if getattr(check, kind) is not None)


def _fields(check: Check) -> tuple[str, ...]:
    if check.unique is not None:
        return (check.unique,) if isinstance(check.unique, str) else check.unique
    return (check.null_rate.field,) if check.null_rate is not None else ()


def _within(value: float, bounds: Bounds) -> bool:
    above = bounds.min is None or value >= bounds.min
    return above and (bounds.max is None or value <= bounds.max)


def _words(bounds: Bounds) -> str:
    ends = (("at least", bounds.min), ("at most", bounds.max))
    return " and ".join(f"{word} {end:g}" for word, end in ends if end is not None) or "anything"
