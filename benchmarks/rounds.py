"""Let contenders take turns, A B C A B C, and compare them round by round.

A machine that others use is faster in one minute than in the next; neighbours in time share its mood.
So a ratio is taken within each round, and the median of those is the figure.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.process import Sample, run


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to do the job: given an empty folder to work in, the command that does it."""

    name: str
    command: Callable[[Path], Sequence[str]]
    settings: Mapping[str, str] = field(default_factory=dict)


Samples = dict[str, list[Sample]]


def take_turns(contenders: Sequence[Contender], rounds: int, work: Path) -> Samples:
    """Every contender once a round, each in an empty folder that is gone afterwards."""
    samples: Samples = {c.name: [] for c in contenders}
    for number in range(rounds):
        for contender in contenders:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            sample = run(contender.command(work), settings=contender.settings)
            samples[contender.name].append(sample)
            say(
                f"  round {number + 1}  {contender.name:34} {sample.wall:7.2f} s  {sample.rss_mb:6.0f} MB"
            )
    shutil.rmtree(work, ignore_errors=True)
    return samples


def say(line: str) -> None:
    """Progress, for the person who waits."""
    print(line, file=sys.stderr, flush=True)


def must_agree(
    samples: Samples, parts: Sequence[str] = ("mapped", "rejected", "codes")
) -> Mapping[str, Any]:
    """The outcome all contenders share; without one, no ratio means anything."""
    outcomes = {
        name: {part: sample.outcome.get(part) for part in parts}
        for name, runs in samples.items()
        for sample in runs
    }
    first, *others = outcomes.items()
    for name, outcome in others:
        if outcome != first[1]:
            raise AssertionError(
                f"{first[0]} and {name} disagree:\n{_difference(first[1], outcome)}"
            )
    return first[1]


def _difference(left: Mapping[str, Any], right: Mapping[str, Any]) -> str:
    lines = []
    for part in left:
        a, b = left[part], right[part]
        if isinstance(a, dict) and isinstance(b, dict):
            lines += [
                f"  {k}: {a.get(k)} and {b.get(k)}"
                for k in sorted({*a, *b})
                if a.get(k) != b.get(k)
            ]
        elif a != b:
            lines.append(f"  {part}: {a} and {b}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times the other's: the median of the rounds, the least and the most."""

    median: float
    least: float
    most: float


def ratio(samples: Samples, name: str, to: str, what: str = "wall") -> Ratio:
    """``name`` over ``to``, taken within each round."""
    each = [
        getattr(a, what) / getattr(b, what) for a, b in zip(samples[name], samples[to], strict=True)
    ]
    return Ratio(round(statistics.median(each), 2), round(min(each), 2), round(max(each), 2))


def median(samples: Samples, name: str, what: str = "wall") -> float:
    """The middle of all rounds."""
    values: list[float] = [getattr(s, what) for s in samples[name]]
    return round(statistics.median(values), 3)


def fastest(samples: Samples, names: Sequence[str]) -> str:
    """The one whose median wall time is least."""
    return min(names, key=lambda name: median(samples, name))
