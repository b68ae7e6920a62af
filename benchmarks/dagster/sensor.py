"""A look of the arrival sensor at 100,000 files, 100 of which are new."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Goal, Result, Row, plain_row
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import Setting, python


def measure(setting: Setting) -> Result:
    """Files of a local folder; a store's own listing takes as long as the store takes."""
    files, new = setting.sizes.arrivals, setting.sizes.arrived
    landing = setting.landing / "arrivals"
    write_files(landing, files - new)
    project = setting.project("arrivals", landing=str(landing))
    counts = ["--files", str(files), "--new", str(new)]
    name = f"a look with {new} new"
    command = [*python("benchmarks.dagster.sensor"), str(project), str(landing), *counts]
    samples = take_turns([Contender(name, lambda _: command)], min(3, setting.rounds), setting.work)
    best = min(samples[name], key=lambda s: s.outcome["seconds"]["look"])
    seconds = best.outcome["seconds"]
    return Result(
        title=f"The arrival sensor looks at {files:,} files, {new} of them new",
        rows=[
            plain_row(samples, name, "the whole process, with a first look at all"),
            Row(
                "the look",
                round(seconds["look"], 2),
                note=f"{best.outcome['bytes']:,} bytes of cursor",
            ),
            Row("a look with nothing new", round(seconds["idle"], 2)),
            Row("CPU of the look", cpu=round(seconds["CPU of the look"], 2)),
        ],
        goals=[Goal("a look takes under 10 s", round(seconds["look"], 2), 10)],
        samples=samples,
    )


def write_files(landing: Path, old: int) -> None:
    """Empty files, but for the new ones, which come later."""
    landing.mkdir(parents=True, exist_ok=True)
    if (landing / f"old-{old - 1:06}.csv").exists():
        return
    for number in range(old):
        (landing / f"old-{number:06}.csv").touch()


def main() -> None:
    """Look at all, then at some more, then at the same again."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("project", type=Path)
    arguments.add_argument("landing", type=Path)
    arguments.add_argument("--files", type=int, required=True)
    arguments.add_argument("--new", type=int, required=True)
    given = arguments.parse_args()

    from benchmarks.outcome import report

    new = [given.landing / f"new-{n:03}.csv" for n in range(given.new)]
    for file in new:
        file.unlink(missing_ok=True)
    seconds, size = looks(given.project, new, given.files)
    report(seconds=seconds, bytes=size)


def looks(folder: Path, new: Sequence[Path], files: int) -> tuple[Mapping[str, float], int]:
    """Seconds by look, and the bytes of the cursor after them."""
    import dagster as dg

    from benchmarks.ours import Clock
    from lume_dagster.orchestration.arrival_sensor import look
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.project import load_project

    project, clock = load_project(folder, ["invoices:v1"]), Clock()
    resources = {"landing": project.connector("landing")}
    with open_instance(folder / ".lume") as instance:

        def looked(at_most: int, cursor: str | None) -> dg.SensorResult:
            context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
            with context:
                return look(watch(folder, project, at_most, 10 * files), context)

        first = looked(files, None)
        for file in new:
            file.touch()
        began = time.process_time()
        with clock.step("look"):
            second = looked(len(new), first.cursor)
        clock.seconds["CPU of the look"] = time.process_time() - began
        with clock.step("idle"):
            third = looked(len(new), second.cursor)
    asked = [len(result.run_requests or ()) for result in (first, second, third)]
    if asked != [files - len(new), len(new), 0]:
        raise AssertionError(f"the looks asked for {asked} runs")
    return clock.seconds, len(second.cursor or "")


def watch(folder: Path, project: Any, at_most: int, backlog: int) -> Any:
    """What the sensor of the project watches, but for how much it takes at once."""
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.arrival import Arrival
    from lume_dagster.orchestration.arrival_sensor import Watch

    library = Library(folder / "flows")
    version = library.resolve("invoices:v1")
    arrival = Arrival(flow="invoices", path="*.csv", settle=False, at_most=at_most, backlog=backlog)
    return Watch((arrival,), {version.name: project.placed(version)}, library)


if __name__ == "__main__":
    main()
