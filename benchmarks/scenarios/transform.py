"""A staged batch becomes mapped rows, rejects and metrics: our engine against scripts by hand."""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Goal, Result, rows_of
from benchmarks.rounds import Contender, fastest, must_agree, ratio, take_turns
from benchmarks.setting import Setting, by_hand_in_duckdb, by_hand_in_polars, ours

NAME = "lume_dagster"


def measure(setting: Setting) -> Result:
    """Everybody reads the same staged Parquet and writes the same rows."""
    staged = setting.staged()
    project = setting.project()

    def command(work: Path) -> list[str]:
        flags = ["--project", str(project), "--memory-limit", setting.memory_limit]
        return [*ours("transform"), str(staged), str(work), *flags]

    plans = [by_hand_in_duckdb(p, staged, setting) for p in ("raw_once", "raw_twice", "csv_rowid")]
    samples = take_turns(
        [Contender(NAME, command), *plans, by_hand_in_polars(staged)], setting.rounds, setting.work
    )
    shared = must_agree(samples)
    best = fastest(samples, [plan.name for plan in plans])
    whole, inside = (ratio(samples, NAME, best, what).median for what in ("wall", "inside"))
    return Result(
        title=f"Transform {setting.rows:,} staged rows: mapped, rejects, metrics",
        rows=rows_of(samples, best),
        goals=[
            Goal(f"whole process within 1.15 of the best DuckDB script ({best})", whole, 1.15),
            Goal("the same without start and imports", inside, 1.15),
        ],
        notes=[
            f"All agree: {shared['mapped']:,} mapped, {shared['rejected']:,} rejected, the same rows in each of "
            f"{len(shared['codes'])} reasons.",
            "Whole processes, with start, imports, planning and seeds. The scripts' memory limit is ours "
            f"({setting.memory_limit}); Polars has none.",
        ],
        samples=samples,
    )
