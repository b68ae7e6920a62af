"""Ten thousand files: partitions made of them, one backfill through queue and daemon, a first row."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import Goal, Result, Row, plain_row
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import Setting, python, write_small_files

_ROWS = 10
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
_AT_WORK = frozenset({"STARTING", "STARTED", "CANCELING"})
_LAUNCH = """
mutation($backfill: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfill) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""

_CANCEL = """
mutation($backfill: String!) { cancelPartitionBackfill(backfillId: $backfill) { __typename } }
"""


def measure(setting: Setting) -> Result:
    """A deployment of processes on PostgreSQL, as docs/deployment.md has it; one round."""
    files, landing = setting.sizes.partitions, setting.landing / "ten-thousand"
    name = f"{files:,} partitions"
    write_small_files(landing, files, _ROWS)
    project = setting.project("backfill", landing=str(landing))
    command = [*python("benchmarks.dagster.backfill"), str(project), str(landing)]
    samples = take_turns([Contender(name, lambda _: command)], 1, setting.work)
    seconds = samples[name][0].outcome["seconds"]
    first = round(sum(seconds.values()), 1)
    return Result(
        title=f"{name} listed and launched as one backfill, to the first row",
        rows=[
            plain_row(samples, name, "with the start of the deployment"),
            *(Row(step, round(taken, 2)) for step, taken in seconds.items()),
        ],
        goals=[Goal("under 60 s to the first row in the target", first, 60)],
        samples=samples,
    )


def main() -> None:
    """List, add, launch, and wait for a run, and for its first batch in the target."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("project", type=Path)
    arguments.add_argument("landing", type=Path)
    given = arguments.parse_args()

    from benchmarks.outcome import report

    with in_production(given.project) as deployment:
        seconds, backfill = to_the_first_row(deployment, given.project, given.landing)
        report(seconds=seconds)
        cancel(deployment, backfill)


@contextmanager
def in_production(project: Path) -> Iterator[Any]:
    """A deployment of a project, with a PostgreSQL server of its own."""
    from lume_dagster_tests.orchestration.deployment import deployed
    from lume_dagster_tests.servers.postgres import postgres_server

    with postgres_server() as server, server.new_database() as storage:
        environment = {
            "DAGSTER_PG_HOST": server.host,
            "DAGSTER_PG_PORT": str(server.port),
            "DAGSTER_PG_USER": server.user,
            "DAGSTER_PG_PASSWORD": server.password,
            "DAGSTER_PG_DB": storage,
        }
        os.environ.update(environment)
        with deployed(project, environment) as deployment:
            yield deployment


def to_the_first_row(deployment: Any, project: Path, landing: Path) -> tuple[dict[str, float], str]:
    """Seconds by step, and the backfill, which goes on."""
    import dagster as dg

    from benchmarks.ours import Clock

    instance, clock = deployment.instance, Clock()
    target, backfill = asked_for(deployment, project, landing, clock)
    with clock.step("until the first run is queued"):
        until(lambda: bool(instance.get_runs(limit=1)))
    begun = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS])
    with clock.step("until it has started"):
        until(lambda: bool(instance.get_runs(begun, limit=1)))
    wanted = dg.AssetRecordsFilter(asset_key=target)
    with clock.step("until the first row is in the target"):
        until(lambda: bool(instance.fetch_materializations(wanted, limit=1).records))
    return clock.seconds, backfill


def asked_for(deployment: Any, project: Path, landing: Path, clock: Any) -> tuple[Any, str]:
    """A backfill over all files of a folder: the asset of the target, and the backfill's id."""

    from lume_dagster.connectors import LocalFilesConnector
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.names import asset_key, partitions_name
    from lume_dagster.runs.status import STEPS

    version = Library(project / "flows").resolve("invoices:v1")
    keys = [asset_key("lume", version, step) for step in STEPS]
    with clock.step("list the files"):
        names = [
            Path(o.uri).name for o in LocalFilesConnector(root=str(landing)).list_objects("*.csv")
        ]
    with clock.step("add the partitions"):
        deployment.instance.add_dynamic_partitions(partitions_name("lume", version), names)
    with clock.step("ask for the backfill"):
        wanted = {
            "assetSelection": [{"path": list(key.path)} for key in keys],
            "partitionNames": names,
        }
        answer = deployment.ask(_LAUNCH, {"backfill": wanted})["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            raise AssertionError(answer)
    return keys[-1], answer["backfillId"]


def cancel(deployment: Any, backfill: str) -> None:
    """End a backfill with the runs that have begun, which would outlive the deployment."""
    import dagster as dg

    deployment.ask(_CANCEL, {"backfill": backfill})
    instance = deployment.instance
    workers = dg.RunsFilter(statuses=[s for s in dg.DagsterRunStatus if s.value in _AT_WORK])
    until(lambda: not instance.get_runs(workers, limit=1))


def until(done: Callable[[], bool], seconds: float = 600, every: float = 0.1) -> None:
    """Wait for something; who looks often takes time from what he waits for."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen")
        time.sleep(every)


if __name__ == "__main__":
    main()
