"""Files of a thousand rows, many of them, in backfill runs: how many a second."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import Setting, ours, python, write_small_files

_FILES, _ROWS, _RUNS = 500, 1000, 3
_ALONE, _DEPLOYED = f"one run of {_FILES} partitions", f"a backfill of {_RUNS} runs"


def measure(setting: Setting) -> Result:
    """One run in one process on SQLite, and runs one after the other on a deployment."""
    landing = setting.landing / "many-thousands"
    names = write_small_files(landing, _FILES * _RUNS, _ROWS)[:_FILES]
    fresh = setting.project("thousands", landing=str(landing))

    def alone(work: Path) -> list[str]:
        project = shutil.copytree(fresh, work / "project")
        return [*ours("run"), "--project", str(project), "--batches", ",".join(names)]

    def deployed(work: Path) -> list[str]:
        project = shutil.copytree(fresh, work / "project")
        return [*python("benchmarks.dagster.small_files"), str(project), str(landing)]

    contenders = [Contender(_ALONE, alone), Contender(_DEPLOYED, deployed)]
    samples = take_turns(contenders, 1, setting.work)
    sample, found = samples[_ALONE][0], samples[_DEPLOYED][0].outcome
    came_out = sample.outcome["mapped"] + sample.outcome["rejected"]
    if came_out != _FILES * _ROWS:
        raise AssertionError(f"{came_out:,} rows came out of {_FILES * _ROWS:,}")
    files, seconds = found["files"], found["seconds"]
    rate = files / seconds["sustained"]
    note = f"{rate:.1f} files a second from the end of the first run to the end of the last"
    return Result(
        title=f"Files of {_ROWS:,} rows in backfill runs of {_FILES}",
        rows=[
            plain_row(samples, _ALONE, f"{_FILES / sample.wall:.1f} files a second, on SQLite"),
            plain_row(samples, _DEPLOYED, note),
        ],
        goals=[Goal("20 files a second: under 50 ms a file", round(1000 / rate, 1), 50)],
        notes=[
            "The backfill runs on a deployment of processes on PostgreSQL, as docs/deployment.md has"
            " it, one run at a time as all write one table; queue and start of each run count."
            f" Its own work in a run took {seconds['working'] / files * 1000:.0f} ms a file.",
            f"On SQLite a file takes {sample.cpu / _FILES * 1000:.0f} ms of CPU; Dagster waits for"
            " the disk at each of six events a file.",
        ],
        samples=samples,
    )


def main() -> None:
    """Run a backfill to its end."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("project", type=Path)
    arguments.add_argument("landing", type=Path)
    given = arguments.parse_args()

    from benchmarks.dagster.backfill import ENDED, asked_for, in_production, until
    from benchmarks.ours import Clock
    from benchmarks.outcome import report

    with in_production(given.project) as deployment:
        target, _ = asked_for(deployment, given.project, given.landing, Clock())
        instance = deployment.instance

        def ended() -> list[Any]:
            return [r for r in instance.get_run_records() if r.dagster_run.status.value in ENDED]

        until(lambda: len(ended()) == _RUNS, 900, every=2)
        records = sorted(ended(), key=lambda record: record.end_time)
        made = len(instance.get_materialized_partitions(target))
    if made != _FILES * _RUNS:
        raise AssertionError(f"{made} partitions were made of {_FILES * _RUNS}")
    report(
        files=_FILES * (_RUNS - 1),
        seconds={
            "sustained": records[-1].end_time - records[0].end_time,
            "working": sum(r.end_time - r.start_time for r in records[1:]),
        },
    )


if __name__ == "__main__":
    main()
