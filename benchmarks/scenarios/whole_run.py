"""From a CSV file to tables in a DuckDB warehouse: a run through Dagster against a script by hand."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import Goal, Result, rows_of
from benchmarks.rounds import Contender, must_agree, ratio, take_turns
from benchmarks.setting import Setting, by_hand_in_duckdb, by_hand_in_polars, ours

NAME = "lume_dagster on Dagster"

#: Plans of the script that do less, and what they leave out.
_LESS = {
    "raw_once": "stages nothing",
    "raw_twice": "stages nothing",
    "csv_rowid": "stages nothing",
    "direct": "stages nothing, leaves no files",
}


def measure(setting: Setting) -> Result:
    """A million rows, where what a run costs at all still shows."""
    return _measure(setting, most=1.3)


def measure_large(setting: Setting) -> Result:
    """Ten times as many, under the same memory limit."""
    large = replace(setting, rows=setting.rows * 10, rounds=max(1, setting.rounds // 2))
    return _measure(large, most=1.15)


def _measure(setting: Setting, most: float) -> Result:
    source = setting.invoices()
    fresh = setting.project()

    def command(work: Path) -> list[str]:
        project = shutil.copytree(fresh, work / "project")
        return [*ours("run"), "--project", str(project), "--batches", source.name]

    staged, *others = (
        by_hand_in_duckdb(p, source, setting, "--warehouse") for p in ("staged", *_LESS)
    )
    polars = by_hand_in_polars(source)
    contenders = [Contender(NAME, command), staged, *others, polars]
    samples = take_turns(contenders, setting.rounds, setting.work)
    shared = must_agree(samples)
    best = staged.name
    less = dict(zip((other.name for other in others), _LESS.values(), strict=True))
    whole, inside = (ratio(samples, NAME, best, what).median for what in ("wall", "inside"))
    seconds = statistics.median(s.inside for s in samples[NAME])
    imports = statistics.median(s.outcome["seconds"]["import dagster"] for s in samples[NAME])
    return Result(
        title=f"Whole run of {setting.rows:,} rows: CSV, staging, transform, DuckDB warehouse",
        rows=rows_of(samples, best, {**less, polars.name: "stages nothing, loads no warehouse"}),
        goals=[
            Goal(
                f"whole process within {most} of the DuckDB script that does the same", whole, most
            ),
            Goal("the same without start and imports", inside, most),
        ],
        notes=[
            f"All agree: {shared['mapped']:,} mapped, {shared['rejected']:,} rejected.",
            f"Whole processes. Of ours, importing Dagster takes {imports:.2f} s and the run itself {seconds:.2f} s.",
            f"The script that does the same ({best}) leaves the batch staged as Parquet, so that a retry does not "
            "read the source again; the other scripts keep the text in memory, and have to begin again. Ours also "
            "counts the records independently and writes Dagster's events.",
        ],
        samples=samples,
    )
