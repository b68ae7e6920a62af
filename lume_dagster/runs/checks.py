"""Judge a whole batch by the flow's checks: unique, row_count, reject_rate, null_rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlglot import exp

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
    """A name for each check, unique in the flow: ``unique_flight_id``, ``row_count``, ``row_count_2``."""
    seen: Counter[str] = Counter()
    names = []
    for check in checks:
        base = "_".join((_kind(check), *_fields(check))).replace(".", "_")
        seen[base] += 1
        names.append(base if seen[base] == 1 else f"{base}_{seen[base]}")
    return tuple(names)


def run_checks(
    checks: Sequence[Check], mapped: Sequence[Path], rows: RowCounts
) -> tuple[CheckResult, ...]:
    """Evaluate the checks on the mapped rows and on the counts of the batch."""
    if not checks:
        return ()
    evaluate = _Evaluation(mapped, rows)
    return tuple(
        evaluate(name, check) for name, check in zip(check_names(checks), checks, strict=True)
    )


class _Evaluation:
    """One batch being judged; DuckDB is opened only when a check has to look at rows."""

    def __init__(self, mapped: Sequence[Path], rows: RowCounts) -> None:
        self._mapped = mapped
        self._rows = rows
        self._by_kind: dict[CheckKind, Callable[[Check], tuple[float, Bounds]]] = {
            "unique": self._unique,
            "row_count": lambda c: (self._rows.mapped, c.row_count or Bounds()),
            "reject_rate": self._reject_rate,
            "null_rate": self._null_rate,
        }

    def __call__(self, name: str, check: Check) -> CheckResult:
        kind = _kind(check)
        value, bounds = self._by_kind[kind](check)
        return CheckResult(name, kind, _within(value, bounds), value, _words(bounds), check.on_fail)

    def _reject_rate(self, check: Check) -> tuple[float, Bounds]:
        rate = self._rows.rejects / self._rows.input if self._rows.input else 0.0
        return rate, check.reject_rate or Bounds()

    def _unique(self, check: Check) -> tuple[float, Bounds]:
        """Rows whose key came before; a key with a NULL in it equals no other, as in SQL."""
        columns = [_column(f) for f in _fields(check)]
        present = exp.and_(*(c.copy().is_(exp.null()).not_() for c in columns))
        extra = exp.Sub(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))
        groups = (
            exp.select(exp.alias_(extra, "extra"))
            .from_("mapped")
            .where(present)
            .group_by(*columns)
            .having(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1)))
        )
        total = exp.Coalesce(
            this=exp.Sum(this=exp.column("extra")), expressions=[exp.Literal.number(0)]
        )
        return self._ask(exp.select(total).from_(groups.subquery("g"))), Bounds(max=0)

    def _null_rate(self, check: Check) -> tuple[float, Bounds]:
        assert check.null_rate is not None  # noqa: S101 - _kind chose this evaluation by it
        nulls = self._ask(
            exp.select(exp.Count(this=exp.Star()))
            .from_("mapped")
            .where(_column(check.null_rate.field).is_(exp.null()))
        )
        rate = nulls / self._rows.mapped if self._rows.mapped else 0.0
        return rate, Bounds(max=check.null_rate.max)

    def _ask(self, query: exp.Select) -> float:
        import duckdb

        with duckdb.connect() as connection:
            connection.read_parquet([str(p) for p in self._mapped]).create_view("mapped")
            row = connection.execute(query.sql(dialect="duckdb")).fetchone()
        return float(row[0]) if row else 0.0


def _kind(check: Check) -> CheckKind:
    return next(kind for kind in KINDS if getattr(check, kind) is not None)


def _fields(check: Check) -> tuple[str, ...]:
    if check.unique is not None:
        return (check.unique,) if isinstance(check.unique, str) else check.unique
    return (check.null_rate.field,) if check.null_rate is not None else ()


def _column(path: str) -> exp.Expression:
    """A field by its path, quoted: ``customer.city`` is the property of a struct."""
    first, *rest = path.split(".")
    node: exp.Expression = exp.column(exp.to_identifier(first, quoted=True))
    for name in rest:
        node = exp.Dot(this=node, expression=exp.to_identifier(name, quoted=True))
    return node


def _within(value: float, bounds: Bounds) -> bool:
    above = bounds.min is None or value >= bounds.min
    return above and (bounds.max is None or value <= bounds.max)


def _words(bounds: Bounds) -> str:
    ends = (("at least", bounds.min), ("at most", bounds.max))
    return " and ".join(f"{word} {end:g}" for word, end in ends if end is not None) or "anything"
