"""A thousand runs that ended, told to a receiver that fails half of the time."""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.figures import Goal, Result, Row, plain_row
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import Setting, python

_SECRET = "whsec_" + "bHVtZSBiZW5jaG1hcmtzIGFyZSBub3Qgc2VjcmV0IQ=="


def measure(setting: Setting) -> Result:
    """One round; the waits between attempts are skipped, all else is as it is."""
    project, runs = setting.project("webhooks"), setting.sizes.completions
    name = f"{runs:,} completions"
    command = [*python("benchmarks.dagster.webhooks"), str(project), "--runs", str(runs)]
    samples = take_turns([Contender(name, lambda _: command)], 1, setting.work)
    found = samples[name][0].outcome
    tell = found["seconds"]["tell"]
    return Result(
        title=f"{name} to a receiver that fails half of the time",
        rows=[
            plain_row(samples, name, "the whole process, which also makes the runs"),
            Row("telling them", round(tell, 1), note=f"{found['attempts']:,} attempts"),
        ],
        goals=[
            Goal("none lost", found["lost"], 0),
            Goal("none unsigned, or signed by something else", found["unsigned"], 0),
        ],
        notes=[
            f"{found['attempts'] / tell:.0f} attempts a second; each is noted in Dagster (SQLite)."
        ],
        samples=samples,
    )


def main() -> None:
    """Make the runs, tell them, and look at what the receiver has."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("project", type=Path)
    arguments.add_argument("--runs", type=int, required=True)
    given = arguments.parse_args()

    import dagster as dg

    from benchmarks.dagster.receiver import receiver
    from benchmarks.ours import Clock
    from benchmarks.outcome import report
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.webhooks.cursor import Cursor
    from lume_dagster.orchestration.webhooks.endpoint import Webhook
    from lume_dagster.orchestration.webhooks.sensor import deliver_what_is_due

    clock, attempts = Clock(), 0
    with (
        open_instance(given.project / ".lume") as instance,
        receiver(_SECRET, random.Random(11)) as received,
    ):
        make_runs(instance, given.runs, dg.DagsterRunStatus.SUCCESS)
        webhook = Webhook(name="ops", url=received.url, secrets=(_SECRET,), allow_private=True)
        cursor = Cursor(0.0)
        with clock.step("tell"):
            while not attempts or cursor.due:
                waiting = tuple(sorted(replace(due, at=0.0) for due in cursor.due))
                cursor = replace(cursor, due=waiting)
                cursor, _ = deliver_what_is_due(instance, {"ops": webhook}, "lume", cursor)
                attempts = received.asked
    report(
        seconds=clock.seconds,
        attempts=attempts,
        lost=given.runs - len(received.taken),
        unsigned=received.unsigned,
    )


def make_runs(instance: Any, number: int, status: Any) -> None:
    """Records of runs in a status of Dagster's, without running them."""
    import dagster as dg

    @dg.job
    def empty() -> None:
        """Nothing."""

    for run in range(number):
        instance.create_run_for_job(
            empty,
            status=status,
            tags={
                "lume/flow": "invoices",
                "lume/flow_version": "invoices:v1",
                "lume/source_path": f"{run}.csv",
            },
        )


if __name__ == "__main__":
    main()
