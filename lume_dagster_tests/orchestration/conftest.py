"""A project in a temporary folder: one flow, the small engine, and a stage to arrange things on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration.instance import dagster_home, open_instance
from lume_dagster.orchestration.launch import Request
from lume_dagster.orchestration.names import asset_key, partitions_name
from lume_dagster.orchestration.project import Project, load_project
from lume_dagster.runs.status import STEPS
from lume_dagster_tests.orchestration.fakes import OneFileTarget, Stage

_DEFINITIONS = """\
import sys
from pathlib import Path

sys.path.insert(0, {tests!r})
from lume_dagster.orchestration.definitions import build_definitions
from lume_dagster_tests.orchestration import fakes

here = Path(__file__).parent
stage = fakes.Stage(here / "stage")
defs = build_definitions(
    "flows",
    {{
        "landing": fakes.FolderStore(stage, here / "files"),
        "warehouse": fakes.OneFileTarget(stage, here / "target.json"),
    }},
    data="data",
    open_engine=lambda workspace: fakes.open_small_engine(stage),
    retry_waits=(0.0, 0.0),
)
"""

_FLOW = """\
lume: 1
flow: orders
description: Orders of a test.
source: {connector: landing}
target: {connector: warehouse, table: sales.orders}
schema:
  type: object
  required: [id]
  properties:
    id: {type: string}
    amount: {type: integer}
mapping: {id: id, amount: CAST(amount AS BIGINT)}
rules:
  - {name: small, check: TRY_CAST(amount AS BIGINT) < 100, on_fail: warn}
checks:
  - {unique: id}
errors: {max_error_rate: 0.5}
"""


#: Dagster would start four processes for each run, to show what a step prints in its own log.
_NO_CAPTURE = """\
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


@dataclass(frozen=True)
class Bench:
    """A project with its instance, and the few things tests do with it."""

    folder: Path
    stage: Stage
    instance: dg.DagsterInstance
    number: int = 1

    def of_version(self, number: int) -> Bench:
        return replace(self, number=number)

    @property
    def project(self) -> Project:
        return load_project(self.folder, [f"orders:v{self.number}"])

    @property
    def version(self) -> FlowVersion:
        return Library(self.folder / "flows").resolve(f"orders:v{self.number}")

    @property
    def target(self) -> OneFileTarget:
        return OneFileTarget(self.stage, self.folder / "target.json")

    def put(self, name: str, *amounts: str) -> str:
        """A file of the source with a row for each amount; its name is a ``source_path``."""
        rows = "".join(f"{name}-{n},{a}\n" for n, a in enumerate(amounts))
        (self.folder / "files" / name).write_text(f"id,amount\n{rows}")
        return name

    def key(self, step: str) -> dg.AssetKey:
        return asset_key("lume", self.version, step)

    def request(self, source_path: str, **options: Any) -> Request:
        return Request(self.version, source_path, {}, **options)

    def materialize(
        self, *batches: str, steps: tuple[str, ...] = STEPS, assets: tuple[Any, ...] = ()
    ) -> dg.ExecuteInProcessResult:
        """Run steps of the version on batches in this process."""
        name = partitions_name("lume", self.version)
        self.instance.add_dynamic_partitions(name, list(batches))
        project = self.project
        defs = dg.Definitions.merge(project.definitions, dg.Definitions(assets=list(assets)))
        keys = [self.key(s) for s in steps] + [k for a in assets for k in a.keys]
        job = defs.resolve_implicit_global_asset_job_def()
        span = {
            "dagster/asset_partition_range_start": batches[0],
            "dagster/asset_partition_range_end": batches[-1],
        }
        many = len(batches) > 1
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=keys,
            partition_key=None if many else batches[0],
            tags=span if many else {},
            raise_on_error=False,
        )

    def retry(self, first: dg.ExecuteInProcessResult) -> dg.ExecuteInProcessResult:
        """Run a run of one batch again, as Dagster does when a person retries it."""
        run = self.instance.get_run_by_id(first.run_id)
        job = self.project.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[self.key(step) for step in STEPS],
            tags={
                **run.tags,
                "dagster/root_run_id": first.run_id,
                "dagster/parent_run_id": first.run_id,
            },
            raise_on_error=False,
        )


@pytest.fixture(scope="session")
def blank_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance without runs; making its tables takes a second."""
    data = tmp_path_factory.mktemp("blank")
    with (dagster_home(data) / "dagster.yaml").open("a") as config:
        config.write(_NO_CAPTURE)
    with open_instance(data) as instance:
        assert instance.get_runs_count() == 0
    return data / "dagster"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank_instance: Path) -> Iterator[Bench]:
    """A project with a flow of one published version."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    folder = tmp_path / "project"
    for part in ("flows/orders", "files", "stage", "data"):
        (folder / part).mkdir(parents=True)
    root = Path(__file__).parents[2]
    (folder / "definitions.py").write_text(_DEFINITIONS.format(tests=str(root)))
    publish(folder, _FLOW)
    shutil.copytree(blank_instance, folder / "data/dagster")
    with open_instance(folder / "data") as instance:
        yield Bench(folder, Stage(folder / "stage"), instance)


def publish(folder: Path, flow: str) -> None:
    """Make the text the next version of the flow orders."""
    (folder / "flows/orders/flow.yaml").write_text(flow)
    Library(folder / "flows").publish("orders", author="tests")
