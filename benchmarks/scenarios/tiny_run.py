"""What a run costs that has next to nothing to do: 100 rows through Dagster in one process."""

from __future__ import annotations

import shutil
import statistics

from benchmarks.figures import Goal, Result, Row
from benchmarks.rounds import Contender, median, take_turns
from benchmarks.setting import Setting, ours, write_small_files

_RUNS = 6


def measure(setting: Setting) -> Result:
    """Several runs in one process: the first one loads what all need."""
    names = write_small_files(setting.landing / "tiny", _RUNS, 100)
    project = setting.project("tiny", landing=str(setting.landing / "tiny"))

    def command(_: object) -> list[str]:
        shutil.rmtree(project / ".lume", ignore_errors=True)
        return [
            *ours("run"),
            "--project",
            str(project),
            "--batches",
            ",".join(names),
            "--times",
            str(_RUNS),
        ]

    samples = take_turns([Contender("six runs", command)], max(5, setting.rounds), setting.work)
    steps = [s.outcome["seconds"] for s in samples["six runs"]]
    first = statistics.median(s["run"] for s in steps)
    later = statistics.median(s[f"run {n}"] for s in steps for n in range(2, _RUNS + 1))
    imports = statistics.median(s["import dagster"] for s in steps)
    return Result(
        title="A run of 100 rows in process",
        rows=[
            Row("importing Dagster", round(imports, 3)),
            Row("the first run of a process", round(first, 3), note="loads the engine, the project, the instance"),
            Row("a later run", round(later, 3), note="loads the project again"),
            Row("six runs, whole process", median(samples, "six runs"), median(samples, "six runs", "cpu"),
                median(samples, "six runs", "rss_mb")),
        ],
        goals=[Goal("under 0.5 s beyond importing Dagster (first run)", round(first, 3), 0.5)],
        samples=samples,
    )  # fmt: skip
