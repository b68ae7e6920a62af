"""A canceled run ends CANCELED on every executor, with retries or without, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from lume_dagster import client
from lume_dagster.orchestration.names import dagster_id
from lume_dagster.runs.status import Status
from lume_dagster_tests.waiting import SOON

DEFINITIONS = """\
import sys
from pathlib import Path

sys.path.insert(0, {tests!r})
import dagster as dg
from lume_dagster.orchestration.assets import OpOptions
from lume_dagster.orchestration.code_location import CodeLocation, published
from lume_dagster.orchestration.io_manager import BATCHES
from lume_dagster.orchestration.workspace import Workspace
from lume_dagster_tests.orchestration import fakes

here = Path(__file__).parent
stage = fakes.Stage(here / "stage")
connectors = {{
    "landing": fakes.FolderStore(stage, here / "files"),
    "warehouse": fakes.OneFileTarget(stage, here / "target.json"),
}}
workspace = Workspace(
    here / "flows", here / "data", open_engine=lambda workspace: fakes.open_small_engine(stage)
)
policy = dg.RetryPolicy(max_retries=2) if {retries} else None
location = CodeLocation(
    workspace,
    published(here / "flows"),
    connectors,
    op=lambda version: OpOptions(retry_policy=policy),
)
defs = dg.Definitions(
    assets=location.assets(location.placed()),
    resources={{**connectors, "lume": workspace, "lume_io_manager": BATCHES}},
    executor=dg.{executor}_executor,
)
"""


@pytest.mark.parametrize(
    ("executor", "retries", "by"),
    [
        ("in_process", True, "the client"),  # without retries: test_processes.py
        ("multiprocess", False, "the client"),
        ("multiprocess", True, "the client"),
        ("multiprocess", True, "the UI"),
    ],
)
def test_a_canceled_run_stops_and_leaves_nothing(bench, executor, retries, by):
    text = DEFINITIONS.format(
        tests=str(Path(__file__).parents[2]), executor=executor, retries=retries
    )
    (bench.folder / "definitions.py").write_text(text)
    bench.put("a.csv", "1", "x")
    bench.stage.arrange("transform", "hold")
    run = client.run("orders:v1", source_path="a.csv", project=bench.folder)
    bench.stage.wait_for("held")
    if by == "the UI":
        bench.instance.run_coordinator.cancel_run(dagster_id(run.id))
    else:
        run.cancel()
    assert run.wait(**SOON).status is Status.CANCELED
    assert bench.stage.said.count("transform") == 1, "it was tried again"
    assert not bench.target.path.exists()
    assert not list((bench.folder / "data/output/orders/v1").iterdir())
    assert bench.materialize("a.csv").success
    assert [row["amount"] for row in bench.target.rows()] == [1]
