"""Runs that Dagster itself launches and watches: killed, they are CRASHED, and a retry is exact."""

from __future__ import annotations

import pytest

from docs.dev_server import dagster_dev
from lume_dagster.orchestration.names import partitions_name
from lume_dagster.orchestration.query import read_details
from lume_dagster.runs.status import STEPS, Status
from lume_dagster_tests.servers.process import free_port

MONITORED = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_monitoring:
  enabled: true
  poll_interval_seconds: 2
"""


@pytest.fixture
def dev(bench, tmp_path):
    """A real `dagster dev` with its daemon on the bench's project and instance."""
    home = bench.folder / "data/dagster"
    (home / "dagster.yaml").write_text(MONITORED)
    with dagster_dev(bench.folder, home, tmp_path / "dev.log", free_port()) as server:
        yield server


def launch(bench, dev, batch):
    bench.instance.add_dynamic_partitions(partitions_name("lume", bench.version), [batch])
    keys = [bench.key(step).path for step in STEPS]
    return dev.launch(keys, {"dagster/partition": batch})


def test_a_run_of_dagsters_own_that_is_killed_is_crashed(bench, dev):
    """First its process alone, which the code server sees; then both, which monitoring sees."""
    bench.put("a.csv", "1", "x", "3")
    for where, what, tags, seen in (
        ("delivered", "kill", {}, "SIGKILL"),
        ("deliver", "kill all", {"dagster/max_runtime": "2"}, "maximum runtime"),
    ):
        bench.stage.arrange(where, what)
        run = launch(bench, dev, "a.csv")
        bench.stage.wait_until_taken(where)  # or it would be this process that is killed below
        bench.instance.add_run_tags(run, tags)
        assert dev.wait(run) == "FAILURE"
        found = read_details(bench.instance, f"run_{run}")
        assert found.summary.status is Status.CRASHED
        assert seen in " ".join(event.message for event in bench.instance.all_logs(run))
    assert bench.materialize("a.csv").success
    assert [row["amount"] for row in bench.target.rows()] == [1, 3]
