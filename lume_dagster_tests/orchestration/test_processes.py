"""Runs in processes of their own: killed anywhere, canceled, started twice at once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from lume_dagster import client
from lume_dagster.cli import lume as command
from lume_dagster.cli.running import finish
from lume_dagster.cli.shell import Shell
from lume_dagster.errors import InvalidRequestError, RunError, RunFailedError, RunTimeoutError
from lume_dagster.orchestration.launch import create, spawn
from lume_dagster.orchestration.names import TAG_SUPERVISOR, TAG_WORKER, dagster_id, public_id
from lume_dagster.orchestration.processes import is_gone, pid_here
from lume_dagster.runs.status import Status
from lume_dagster_tests.waiting import SOON, wait_until

ROOT = Path(__file__).parents[2]


def start(bench, source_path, **options):
    return client.run("orders:v1", source_path=source_path, project=bench.folder, **options)


def amounts(bench):
    return [row["amount"] for row in bench.target.rows()]


def test_a_run_goes_through_its_statuses_in_a_process_of_its_own(bench):
    bench.put("a.csv", "1", "x")
    bench.stage.arrange("transform", "hold")
    run = start(bench, "a.csv")
    assert not run.status.ended
    bench.stage.wait_for("held")
    assert run.refresh().status is Status.TRANSFORMING
    with pytest.raises(RunTimeoutError, match="still TRANSFORMING after 0 s"):
        run.wait(timeout=0)
    with pytest.raises(InvalidRequestError, match=f"being run by {run.id}"):
        start(bench, "a.csv", force_rerun=True)
    run.cancel()
    assert run.wait(**SOON).status is Status.CANCELED
    assert not bench.target.path.exists()
    assert not list((bench.folder / "data/output/orders/v1").iterdir())
    assert start(bench, "a.csv").wait(**SOON).status is Status.PARTIAL_FAILED
    assert amounts(bench) == [1]


@pytest.mark.parametrize("where", ["source", "stage", "transform", "deliver", "delivered"])
def test_a_killed_run_is_crashed_and_a_retry_writes_each_row_once(bench, where):
    bench.put("a.csv", "1", "x", "3")
    bench.stage.arrange(where, "kill")
    with pytest.raises(RunFailedError, match="CRASHED: .*killed by SIGKILL") as caught:
        start(bench, "a.csv").wait(**SOON)
    assert caught.value.run.status is Status.CRASHED
    assert f"{caught.value.run.id}.log" in caught.value.hint
    assert amounts(bench) == ([1, 3] if where == "delivered" else [])
    assert bench.materialize("a.csv").success
    assert amounts(bench) == [1, 3]


def test_a_run_whose_supervisor_died_too_is_found_dead(bench):
    bench.put("a.csv", "1")
    bench.stage.arrange("transform", "hold")
    run = start(bench, "a.csv")
    bench.stage.wait_for("held")
    record = bench.instance.get_run_by_id(dagster_id(run.id))
    for tag in (TAG_SUPERVISOR, TAG_WORKER):
        os.kill(pid_here(record.run_id, record.tags[tag]), signal.SIGKILL)
    with pytest.raises(RunFailedError, match="process of the run is gone"):
        run.wait(**SOON)


def test_a_run_canceled_in_the_ui_stops(bench):
    bench.put("a.csv", "1")
    bench.stage.arrange("transform", "hold")
    run = start(bench, "a.csv")
    bench.stage.wait_for("held")
    # What the UI's "terminate" does; it has no process to signal, so the worker has to look.
    bench.instance.run_coordinator.cancel_run(dagster_id(run.id))
    assert run.wait(**SOON).status is Status.CANCELED


def test_a_run_canceled_before_it_begins_never_begins(bench):
    """Its process, which starts too late, leaves it alone."""
    bench.put("a.csv", "1")
    project = bench.project
    run_id = create(project, bench.instance, bench.request("a.csv"))
    run = client.run_status(public_id(run_id), project=bench.folder)
    run.cancel()
    spawn(project, bench.instance, run_id)
    again = start(bench, "a.csv").wait(**SOON)
    wait_until_gone(bench, run_id)
    assert (run.refresh().status, again.status) == (Status.CANCELED, Status.SUCCEEDED)
    assert bench.stage.said.count("deliver") == 1


_PAUSED_IN_ITS_PROCESS = """
import os
if "DAGSTER_EXECUTE_RUN_ARGS" in os.environ:
    stage.pass_by("loading again" if "loaded" in stage.said else "loading")
    stage.say("loaded")
"""


@pytest.mark.parametrize("where", ["loading", "loading again"])
def test_a_run_canceled_while_its_process_loads_the_project_never_begins(bench, where):
    """Dagster looks whether a run is canceled when the project is loaded, and then loads it again."""
    definitions = bench.folder / "definitions.py"
    definitions.write_text(definitions.read_text() + _PAUSED_IN_ITS_PROCESS)
    bench.put("a.csv", "1")
    bench.stage.arrange(where, "pause")
    run = start(bench, "a.csv")
    bench.stage.wait_for("paused")
    run.cancel()
    bench.stage.arrange("go on", "")
    wait_until_gone(bench, dagster_id(run.id))
    assert run.refresh().status is Status.CANCELED
    assert "source" not in bench.stage.said


def wait_until_gone(bench, run_id):
    """Until the processes of a run have ended."""
    supervisor = bench.instance.get_run_by_id(run_id).tags[TAG_SUPERVISOR]
    wait_until(lambda: is_gone(run_id, supervisor))


def test_two_processes_that_start_at_once_make_one_run(bench):
    bench.put("a.csv", "1")
    bench.stage.arrange("deliver", "hold")
    program = (
        "import sys; from lume_dagster import client, errors\n"
        "import dagster; sys.stdin.readline()\n"
        "try: print(client.run('orders:v1', source_path='a.csv', project=sys.argv[1]).id)\n"
        "except errors.InvalidRequestError as error: print('refused:', error.message)\n"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(bench.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor() as pool:
        said = sorted(pool.map(lambda p: p.communicate("go\n")[0].strip(), both))
    assert said[0] == f"refused: Batch a.csv of orders:v1 is being run by {said[1]}."
    bench.stage.wait_for("held")
    run = client.run_status(said[1], project=bench.folder)
    run.cancel()
    run.wait(**SOON)
    assert len(client.runs(project=bench.folder)) == 1


def test_the_events_of_a_run_are_those_of_any_run(bench):
    bench.put("a.csv", "1")
    run = start(bench, "a.csv", run_metadata={"triggered_by": "cron"}).wait(**SOON)
    record = bench.instance.get_run_by_id(dagster_id(run.id))
    assert record.job_name == "__ASSET_JOB"
    assert record.asset_selection == {bench.key(s) for s in ("source", "transform", "target")}
    assert record.execution_plan_snapshot_id
    assert record.job_snapshot_id
    assert json.loads(json.dumps(run.metadata))["run"]["run_metadata"] == {"triggered_by": "cron"}


def test_the_shell_ends_a_run_and_whoever_waits_for_it_there_is_not_told_that_all_is_well(bench):
    bench.put("a.csv", "1")
    bench.stage.arrange("transform", "hold")
    run = start(bench, "a.csv")
    bench.stage.wait_for("held")
    said = CliRunner().invoke(command, ["cancel", run.id, "--project", str(bench.folder)])
    assert re.match(rf"{run.id} is (told to end, while TRANSFORMING: lume|CANCELED)", said.stdout)
    with pytest.raises(RunError, match=f"Run {run.id} was canceled") as caught:
        finish(Shell(json=False), run, timeout=SOON["timeout"])
    assert caught.value.exit_code == 10
