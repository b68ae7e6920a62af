"""A real deployment on PostgreSQL: queue, pools, a worker that is killed, and every batch once."""

from __future__ import annotations

from itertools import combinations

import dagster as dg
import pytest

from lume_dagster import client
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.names import asset_key, partitions_name, public_id
from lume_dagster.runs.status import STEPS
from lume_dagster_tests.orchestration.deployment import deployed
from lume_dagster_tests.orchestration.fakes import Stage
from lume_dagster_tests.servers.postgres import postgres
from lume_dagster_tests.waiting import wait_until

__all__ = ["postgres"]

DEFINITIONS = """\
import os
from pathlib import Path

from lume_dagster import build_definitions
from lume_dagster.connectors import LocalFilesConnector, PostgresConnector
from lume_dagster_tests.orchestration.fakes import Stage

here = Path(__file__).parent


class Watched(PostgresConnector):
    def deliver(self, delivery, checkpoint=lambda _: None):
        return super().deliver(delivery, Stage(here / "stage").pass_by)


defs = build_definitions(
    "flows",
    {{"landing": LocalFilesConnector(root=str(here / "landing")), "warehouse": Watched(**{config})}},
    data="data",
)
"""

FLOW = """\
lume: 1
flow: {flow}
source: {{connector: landing}}
target: {{connector: warehouse, table: sales.{flow}}}
schema: {{type: object, required: [id], properties: {{id: {{type: string}}, amount: {{type: integer}}}}}}
mapping: {{id: id, amount: CAST(amount AS BIGINT)}}
"""
FLOWS = ("orders", "returns")
BATCHES = [f"{n}.csv" for n in range(4)]
ROWS = 20


@pytest.fixture
def project(tmp_path, postgres):
    """Two flows with a table each, and batches that both of them take."""
    for folder in ("landing", "stage", *(f"flows/{flow}" for flow in FLOWS)):
        (tmp_path / folder).mkdir(parents=True)
    for flow in FLOWS:
        (tmp_path / f"flows/{flow}/flow.yaml").write_text(FLOW.format(flow=flow))
        Library(tmp_path / "flows").publish(flow, author="tests")
    for name in BATCHES:
        rows = "".join(f"{name}-{n},{n or 'x'}\n" for n in range(ROWS))
        (tmp_path / "landing" / name).write_text(f"id,amount\n{rows}")
    return tmp_path


def test_runs_two_at_a_time_one_of_them_killed_and_every_batch_once(project, postgres, monkeypatch):
    with postgres.new_database() as storage, postgres.new_database() as target:
        config = repr(postgres.config(target))
        (project / "definitions.py").write_text(DEFINITIONS.format(config=config))
        environment = {
            "DAGSTER_PG_HOST": postgres.host,
            "DAGSTER_PG_PORT": str(postgres.port),
            "DAGSTER_PG_USER": postgres.user,
            "DAGSTER_PG_PASSWORD": postgres.password,
            "DAGSTER_PG_DB": storage,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        Stage(project / "stage").arrange("before_commit", "kill")
        with deployed(project, environment) as deployment:
            launch_all(deployment, project)
            runs = wait_for_all(deployment.instance)
            assert_nobody_fought(deployment.instance, runs)
            assert_statuses(project, runs, monkeypatch)
        assert_each_batch_once(postgres, target)


def launch_all(deployment, project):
    for flow in FLOWS:
        version = Library(project / "flows").resolve(f"{flow}:v1")
        name = partitions_name("lume", version)
        deployment.instance.add_dynamic_partitions(name, BATCHES)
        keys = [asset_key("lume", version, step) for step in STEPS]
        for source_path in BATCHES:
            deployment.launch(keys, source_path)


def wait_for_all(instance):
    """All runs when all and the retry of the killed one have ended."""
    wanted = 2 * len(BATCHES) + 1

    def all_of_them():
        runs = instance.get_runs()
        return runs if [run.is_finished for run in runs] == [True] * wanted else None

    def told():
        newest = instance.event_log_storage.get_maximum_record_id()
        return newest, [(run.run_id, run.status, run.tags) for run in instance.get_runs()]

    return wait_until(all_of_them, told, pause=0.2)


def spans(instance, run, begin="STEP_START"):
    """From the begin of a run's step to its end, or to that of the run when it was killed."""
    times = {}
    for entry in instance.all_logs(run.run_id):
        if entry.is_dagster_event:
            times.setdefault(entry.dagster_event.event_type_value, entry.timestamp)
    ends = ("STEP_SUCCESS", "STEP_FAILURE", "RUN_FAILURE", "PIPELINE_FAILURE")
    return times[begin], next(times[end] for end in ends if end in times)


def assert_nobody_fought(instance, runs):
    """Never two runs at once on one table, though there were two workers at once."""
    by_table = {flow: [] for flow in FLOWS}
    for run in runs:
        by_table[run.tags["lume/flow"]].append(spans(instance, run))
    for held in by_table.values():
        for (start, end), (other_start, other_end) in combinations(held, 2):
            assert end <= other_start or other_end <= start
    workers = [spans(instance, run, "PIPELINE_STARTING") for run in runs]
    assert any(a < d and c < b for (a, b), (c, d) in combinations(workers, 2))


def assert_statuses(project, runs, monkeypatch):
    """The killed run CRASHED, its retry and all others got through, with a reject each."""
    monkeypatch.setenv("DAGSTER_HOME", str(project / "home"))
    told = {run.id: str(run.status) for run in client.runs(project=project)}
    killed = [run for run in runs if run.status is dg.DagsterRunStatus.FAILURE]
    assert len(killed) == 1
    assert told.pop(public_id(killed[0].run_id)) == "CRASHED"
    assert set(told.values()) == {"PARTIAL_FAILED"}
    [retry] = [run for run in runs if run.parent_run_id == killed[0].run_id]
    assert told[public_id(retry.run_id)] == "PARTIAL_FAILED"


def assert_each_batch_once(postgres, database):
    with postgres.connect(database) as cursor:
        for flow in FLOWS:
            cursor.execute(f"SELECT id, count(*) FROM sales.{flow} GROUP BY id")
            rows = cursor.fetchall()
            assert len(rows) == len(BATCHES) * (ROWS - 1)
            assert {count for _, count in rows} == {1}
            cursor.execute(f"SELECT count(*) FROM sales.{flow}_rejects")
            assert cursor.fetchone() == (len(BATCHES),)
