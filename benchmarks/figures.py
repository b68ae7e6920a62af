"""The figures a scenario gives, and the file they are kept in: ``figures.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rounds import Ratio, Samples, median, ratio

FIGURES = Path(__file__).with_name("figures.json")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: one contender, its medians, and its ratio to the reference."""

    name: str
    wall: float | None = None
    cpu: float | None = None
    rss_mb: float | None = None
    ratio: Ratio | None = None
    cpu_ratio: Ratio | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """What was asked for, and what was reached; ``most`` is the limit."""

    text: str
    reached: float
    most: float
    at_least: bool = False  # ``most`` is then the least

    @property
    def met(self) -> bool:
        """Whether the figure is within the limit."""
        return self.reached >= self.most if self.at_least else self.reached <= self.most


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that are not seconds and megabytes, as they are shown."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


class NotRun(Exception):  # noqa: N818 -- it is no error: the machine lacks what it needs
    """A scenario cannot be measured here, and why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a scenario found."""

    title: str
    rows: Sequence[Row]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()
    samples: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    tables: Sequence[Table] = ()


def rows_of(samples: Samples, reference: str, notes: Mapping[str, str] | None = None) -> list[Row]:
    """One row for each contender, against the reference."""
    return [
        Row(
            name=name,
            wall=median(samples, name),
            cpu=median(samples, name, "cpu"),
            rss_mb=median(samples, name, "rss_mb"),
            ratio=ratio(samples, name, reference),
            cpu_ratio=ratio(samples, name, reference, "cpu"),
            note=(notes or {}).get(name, "the reference" if name == reference else ""),
        )
        for name in samples
    ]


def plain_row(samples: Samples, name: str, note: str = "") -> Row:
    """A row that is compared with nothing."""
    wall, cpu, rss_mb = (median(samples, name, what) for what in ("wall", "cpu", "rss_mb"))
    return Row(name, wall, cpu, rss_mb, note=note)


def load() -> dict[str, Any]:
    """All figures taken so far, by scenario."""
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}


def store(name: str, result: Result, taken: Mapping[str, Any]) -> None:
    """Keep a scenario's figures with the date and machine they were taken on."""
    figures = load()
    value = asdict(result)
    for goal, kept in zip(result.goals, value["goals"], strict=True):
        kept["met"] = goal.met
    figures[name] = {"taken": dict(taken), **value}
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
