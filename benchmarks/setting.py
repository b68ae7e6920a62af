"""What every scenario is given: how many rows, how many rounds, and where to work."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.process import run
from benchmarks.rounds import Contender, say

FLOW = Path(__file__).parent / "flows" / "invoices"
SEEDS = FLOW / "seeds"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is of everything but rows; with less, it is tried whether a scenario works."""

    flows: int = 100  # of the code location, and versions of each
    versions: int = 10
    files: int = 1000  # small ones: in one run, with rows in each, and runs to sample
    rows_a_file: int = 100
    sampled: int = 10
    runs: int = 6  # tiny ones in a process
    arrivals: int = 100_000  # files that a sensor looks at, and new ones among them
    arrived: int = 100
    partitions: int = 10_000  # of a backfill
    completions: int = 1000  # told by webhook
    callers: int = 50  # of the HTTP API, who wait at once
    cases: int | None = None  # of the mapper, of each kind
    matchers: Sequence[str] | None = None  # that stand beside ours; all of them unless said
    peers: bool = True  # other tools beside our connectors
    least_rounds: bool = True  # what takes next to no time is done more often than asked for


@dataclass(frozen=True, slots=True)
class Setting:
    """The size of the job, and a folder outside the checkout for gigabytes of it."""

    rows: int
    rounds: int
    cache: Path
    memory_limit: str = "2GB"
    sizes: Sizes = field(default_factory=Sizes)
    servers: Mapping[str, Any] = field(default_factory=dict)  # that run already, by system

    def at_least(self, rounds: int) -> int:
        """The rounds of what takes next to no time."""
        return max(rounds, self.rounds) if self.sizes.least_rounds else self.rounds

    @property
    def work(self) -> Path:
        """Where one contender at a time works."""
        return self.cache / "work"

    @property
    def landing(self) -> Path:
        """Where the invoices lie."""
        return self.cache / "landing"

    def invoices(self, rows: int | None = None) -> Path:
        """The invoices as CSV, written once and read into the page cache."""
        path = self.landing / f"invoices-{rows or self.rows}.csv"
        if not path.exists():
            say(f"  writing {path.name}")
            run([*python("benchmarks.invoices"), str(path), "--rows", str(rows or self.rows)])
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
        return path

    def staged(self, rows: int | None = None) -> Path:
        """The invoices as our engine stages them, staged anew for each scenario."""
        source = self.invoices(rows)
        folder = self.cache / "staged" / source.stem
        shutil.rmtree(folder, ignore_errors=True)
        run([*ours("stage"), str(source), str(folder), "--memory-limit", self.memory_limit])
        return folder

    def project(self, name: str = "project", **options: str) -> Path:
        """A fresh project with the invoices flow published, its landing folder and a warehouse."""
        folder = self.cache / name
        shutil.rmtree(folder, ignore_errors=True)
        wanted = {"landing": str(self.landing), "memory-limit": self.memory_limit, **options}
        flags = [part for key, value in wanted.items() for part in (f"--{key}", value)]
        run([*python("benchmarks.project"), str(folder), *flags])
        return folder


def python(module: str) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-m", module]


def ours(command: str) -> list[str]:
    """A command of ours.py."""
    return [*python("benchmarks.ours"), command]


def by_hand_in_duckdb(plan: str, source: Path, setting: Setting, *more: str) -> Contender:
    """A plan of the DuckDB script; ``more`` are its further flags."""

    def command(work: Path) -> list[str]:
        flags = ["--seeds", str(SEEDS), "--memory-limit", setting.memory_limit]
        loads = ["--warehouse", str(work / "warehouse.duckdb")] if "--warehouse" in more else []
        return [
            *python("benchmarks.baseline_duckdb"),
            plan,
            str(source),
            str(work / "out"),
            *flags,
            *loads,
        ]

    return Contender(f"DuckDB by hand, {plan}", command)


def by_hand_in_polars(source: Path) -> Contender:
    """The Polars script."""
    return Contender(
        "Polars by hand",
        lambda work: [
            *python("benchmarks.baseline_polars"),
            str(source),
            str(work / "out"),
            "--seeds",
            str(SEEDS),
        ],
    )


def write_small_files(folder: Path, files: int, rows: int) -> list[str]:
    """Many small batches of different invoices; the names of the files."""
    names = [f"batch-{n:04}.csv" for n in range(files)]
    whole = folder.parent / f"{folder.name}.csv"
    if not (folder / names[-1]).exists():
        run([*python("benchmarks.invoices"), str(whole), "--rows", str(files * rows)])
        _cut(whole, folder, names, rows)
        whole.unlink()
    return names


def _cut(whole: Path, folder: Path, names: list[str], rows: int) -> None:
    """Records may span lines, so they are cut as CSV."""
    import csv
    from itertools import islice

    folder.mkdir(parents=True, exist_ok=True)
    with whole.open(newline="", encoding="utf-8") as file:
        records = csv.reader(file)
        header = next(records)
        for name in names:
            with (folder / name).open("w", newline="", encoding="utf-8") as part:
                writer = csv.writer(part, lineterminator="\n")
                writer.writerow(header)
                writer.writerows(islice(records, rows))
