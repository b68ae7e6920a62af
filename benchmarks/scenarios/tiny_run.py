"""What a run costs that has next to nothing to do: 100 rows through Dagster in one process."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Goal, Result, Row
from benchmarks.process import Sample
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import Setting, ours, python, write_small_files

_OURS, _EMPTY = "lume_dagster", "Dagster, three empty assets"


def measure(setting: Setting) -> Result:
    """Several runs in one process: the first one loads what all need."""
    runs = setting.sizes.runs
    names = write_small_files(setting.landing / "tiny", runs, 100)
    fresh = setting.project("tiny", landing=str(setting.landing / "tiny"))

    def command(work: Path) -> list[str]:
        project = shutil.copytree(fresh, work / "project")
        batches = ["--batches", ",".join(names), "--times", str(runs)]
        return [*ours("run"), "--project", str(project), *batches]

    def empty(work: Path) -> list[str]:
        home = shutil.copytree(fresh / ".lume" / "dagster", work / "dagster")
        return [*python("benchmarks.baseline_dagster"), str(home), "--times", str(runs)]

    contenders = [Contender(_OURS, command), Contender(_EMPTY, empty)]
    samples = take_turns(contenders, setting.at_least(5), setting.work)
    first, later = _first(samples[_OURS]), _later(samples[_OURS], runs)
    theirs, theirs_later = _first(samples[_EMPTY]), _later(samples[_EMPTY], runs)
    ours_first = round(first - theirs, 3)
    return Result(
        title="A run of 100 rows in process",
        rows=[
            Row(
                "importing Dagster",
                _median([s.outcome["seconds"]["import dagster"] for s in samples[_OURS]]),
            ),
            Row("first run of a process", first, note="imports the rest, loads the project"),
            Row("a later run in it", later, note="loads the project again"),
            Row("first run of three empty assets on Dagster", theirs),
            Row("a later run of them", theirs_later),
        ],
        goals=[
            Goal("first run under 0.5 s beyond importing Dagster", first, 0.5),
            Goal("a later run under 0.5 s", later, 0.5),
            Goal("first run under 0.5 s beyond that of three empty assets", ours_first, 0.5),
        ],
        notes=[
            f"Of the {first:.2f} s, an empty run on the same Dagster instance takes {theirs:.2f} s, so {ours_first:.2f} s "
            f"are ours; of the {later:.2f} s of a later run, {later - theirs_later:.2f} s.",
            "Dagster's databases (SQLite, on disk) are there before the run.",
        ],
        samples=samples,
    )


def _first(samples: Sequence[Sample]) -> float:
    return _median([s.outcome["seconds"]["run"] for s in samples])


def _later(samples: Sequence[Sample], runs: int) -> float:
    return _median([s.outcome["seconds"][f"run {n}"] for s in samples for n in range(2, runs + 1)])


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)
