"""Files of a thousand rows, many of them, in one backfill run: how many a second."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import Setting, ours, write_small_files

_FILES, _ROWS = 500, 1000


def measure(setting: Setting) -> Result:
    """The whole process, with its start and its imports."""
    landing = setting.landing / "thousands"
    names = write_small_files(landing, _FILES, _ROWS)
    fresh = setting.project("thousands", landing=str(landing))

    def run(work: Path) -> list[str]:
        project = shutil.copytree(fresh, work / "project")
        return [*ours("run"), "--project", str(project), "--batches", ",".join(names)]

    name = f"one run of {_FILES} partitions"
    samples = take_turns([Contender(name, run)], 1, setting.work)
    sample = samples[name][0]
    came_out = sample.outcome["mapped"] + sample.outcome["rejected"]
    if came_out != _FILES * _ROWS:
        raise AssertionError(f"{came_out:,} rows came out of {_FILES * _ROWS:,}")
    rate = _FILES / sample.wall
    return Result(
        title=f"{_FILES} files of {_ROWS:,} rows in one backfill run",
        rows=[plain_row(samples, name, f"{rate:.1f} files a second")],
        goals=[
            Goal("20 files a second: under 50 ms a file", round(sample.wall / _FILES * 1000, 1), 50)
        ],
        notes=[
            f"By CPU time a file takes {sample.cpu / _FILES * 1000:.0f} ms; there is one process,"
            " with DuckDB's threads. Dagster's events are in SQLite."
        ],
        samples=samples,
    )
