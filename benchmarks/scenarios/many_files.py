"""A thousand small files: one backfill run over a thousand partitions against a thousand runs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, median, take_turns
from benchmarks.setting import Setting, ours, write_small_files

_FILES, _ROWS = 1000, 100
_SAMPLE = 10


def measure(setting: Setting) -> Result:
    """The thousand runs are measured by a sample: a process each, as Dagster launches them."""
    landing = setting.landing / "small"
    names = write_small_files(landing, _FILES, _ROWS)
    fresh = setting.project("small", landing=str(landing))
    apart = setting.project("apart", landing=str(landing))
    waiting = iter(names)

    def together(work: Path) -> list[str]:
        return _run(shutil.copytree(fresh, work / "project"), names)

    def in_one_process(work: Path) -> list[str]:
        project = shutil.copytree(fresh, work / "project")
        return [*_run(project, names[:_SAMPLE]), "--times", str(_SAMPLE)]

    one = f"one run of {_FILES:,} partitions"
    each = f"a run of one partition, a process each ({_SAMPLE} of {_FILES:,})"
    same = f"{_SAMPLE} runs of one partition in one process"
    samples = take_turns([Contender(one, together)], 1, setting.work)
    samples |= take_turns(
        [Contender(each, lambda _: _run(apart, [next(waiting)]))], _SAMPLE, setting.work
    )
    samples |= take_turns([Contender(same, in_one_process)], 1, setting.work)
    came_out = samples[one][0].outcome["mapped"] + samples[one][0].outcome["rejected"]
    if came_out != _FILES * _ROWS:
        raise AssertionError(f"{came_out:,} rows came out of {_FILES * _ROWS:,}")
    wall = samples[one][0].wall
    alone = median(samples, each) * _FILES
    return Result(
        title=f"{_FILES:,} files of {_ROWS} rows",
        rows=[
            plain_row(samples, one, f"{wall / _FILES * 1000:.0f} ms a partition"),
            plain_row(samples, each, f"{_FILES:,} of them: about {alone:,.0f} s"),
            plain_row(samples, same, f"{median(samples, same) / _SAMPLE * 1000:.0f} ms a run"),
        ],
        goals=[
            Goal(
                f"one run takes under 1/50 of the time of {_FILES:,} runs",
                round(wall / alone, 4),
                1 / 50,
            )
        ],
        notes=[
            f"The time of {_FILES:,} runs is the median of {_SAMPLE} of them, times {_FILES:,}; they are not all run."
        ],
        samples=samples,
    )


def _run(project: Path, batches: Sequence[str]) -> list[str]:
    return [*ours("run"), "--project", str(project), "--batches", ",".join(batches)]
