"""A thousand small files: one backfill run over a thousand partitions against a thousand runs."""

from __future__ import annotations

import shutil

from benchmarks.figures import Goal, Result, Row
from benchmarks.rounds import Contender, median, take_turns
from benchmarks.setting import Setting, ours, write_small_files

_FILES = 1000
_SAMPLE = 10


def measure(setting: Setting) -> Result:
    """The thousand runs are measured by a sample: a process each, as Dagster launches them."""
    landing = setting.landing / "small"
    names = write_small_files(landing, _FILES, 100)
    project = setting.project("small", landing=str(landing))

    def together(_: object) -> list[str]:
        shutil.rmtree(project / ".lume", ignore_errors=True)
        (project / "warehouse.duckdb").unlink(missing_ok=True)
        return [*ours("run"), "--project", str(project), "--batches", ",".join(names)]

    one = f"one run of {_FILES:,} partitions"
    each = f"a run of one partition ({_SAMPLE} of {_FILES:,})"
    samples = take_turns([Contender(one, together)], 1, setting.work)
    samples |= take_turns([Contender(each, lambda _: _next(project, names))], _SAMPLE, setting.work)
    rows = samples[one][0].outcome["mapped"] + samples[one][0].outcome["rejected"]
    if rows != _FILES * 100:
        raise AssertionError(f"{rows:,} rows came out of {_FILES * 100:,}")
    alone = median(samples, each) * _FILES
    share = samples[one][0].wall / alone
    return Result(
        title=f"{_FILES:,} files of 100 rows",
        rows=[
            Row(one, samples[one][0].wall, samples[one][0].cpu, samples[one][0].rss_mb,
                note=f"{samples[one][0].wall / _FILES * 1000:.0f} ms a partition"),
            Row(each, median(samples, each), median(samples, each, "cpu"), median(samples, each, "rss_mb"),
                note=f"{_FILES:,} of them: about {alone:,.0f} s"),
        ],
        goals=[Goal("one run takes under 1/50 of the time of 1,000 runs", round(share, 4), 1 / 50)],
        notes=[f"The time of {_FILES:,} runs is the median of {_SAMPLE}, times {_FILES:,}; they are not all run."],
        samples=samples,
    )  # fmt: skip


def _next(project: object, names: list[str]) -> list[str]:
    """A batch again is a run like the first: Dagster replaces its rows."""
    names.append(names.pop(0))
    return [*ours("run"), "--project", str(project), "--batches", names[-1]]
