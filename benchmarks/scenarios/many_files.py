"""A thousand small files: one backfill run over a thousand partitions against a thousand runs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, median, take_turns
from benchmarks.setting import Setting, ours, python, write_small_files


def measure(setting: Setting) -> Result:
    """The thousand runs are measured by a sample: a process each, as Dagster launches them."""
    sizes = setting.sizes
    files, sampled = sizes.files, sizes.sampled
    landing = setting.landing / "small"
    names = write_small_files(landing, files, sizes.rows_a_file)
    fresh = setting.project("small", landing=str(landing))
    apart = setting.project("apart", landing=str(landing))
    waiting = iter(names)

    def together(work: Path) -> list[str]:
        return _run(shutil.copytree(fresh, work / "project"), names)

    def nothing(work: Path) -> list[str]:
        home = shutil.copytree(fresh / ".lume" / "dagster", work / "dagster")
        return [*python("benchmarks.baseline_dagster"), str(home), "--partitions", str(files)]

    def in_one_process(work: Path) -> list[str]:
        project = shutil.copytree(fresh, work / "project")
        return [*_run(project, names[:sampled]), "--times", str(sampled)]

    one = f"one run of {files:,} partitions"
    empty = f"three empty assets on Dagster, one run of {files:,} partitions"
    each = f"a run of one partition, a process each ({sampled} of {files:,})"
    same = f"{sampled} runs of one partition in one process"
    single = Contender(each, lambda _: _run(apart, [next(waiting)]))
    before = take_turns([single], sampled // 2, setting.work)[each]
    samples = take_turns([Contender(one, together)], 1, setting.work)
    after = take_turns([single], sampled - len(before), setting.work)[each]
    samples |= {each: [*before, *after]}
    samples |= take_turns(
        [Contender(same, in_one_process), Contender(empty, nothing)], 1, setting.work
    )
    came_out = samples[one][0].outcome["mapped"] + samples[one][0].outcome["rejected"]
    if came_out != files * sizes.rows_a_file:
        raise AssertionError(f"{came_out:,} rows came out of {files * sizes.rows_a_file:,}")
    wall, alone = samples[one][0].wall, median(samples, each) * files
    cpu = samples[one][0].cpu / (median(samples, each, "cpu") * files)
    floor = samples[empty][0]
    return Result(
        title=f"{files:,} files of {sizes.rows_a_file} rows",
        rows=[
            plain_row(samples, one, f"{wall / files * 1000:.0f} ms a partition"),
            plain_row(samples, each, f"{files:,} of them: about {alone:,.0f} s"),
            plain_row(samples, same, f"{median(samples, same) / sampled * 1000:.0f} ms a run"),
            plain_row(samples, empty, f"{floor.wall / files * 1000:.0f} ms a partition"),
        ],
        goals=[
            Goal(
                f"one run takes under 1/50 of the time of {files:,} runs",
                round(wall / alone, 4),
                1 / 50,
            )
        ],
        notes=[
            f"The time of {files:,} runs is the median of {sampled} of them, half before and half after the"
            f" one, times {files:,}; they are not all run. By CPU time the one takes {cpu:.4f} of it.",
            f"Dagster alone takes {floor.cpu:.0f} s of CPU for three empty assets: it stores six events a partition,"
            f" three planned and three materialized, in SQLite. Ours takes {samples[one][0].cpu:.0f} s in all; it"
            " holds the databases open while it writes.",
        ],
        samples=samples,
    )


def _run(project: Path, batches: Sequence[str]) -> list[str]:
    return [*ours("run"), "--project", str(project), "--batches", ",".join(batches)]
