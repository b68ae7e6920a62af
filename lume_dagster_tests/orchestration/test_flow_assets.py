"""One flow version in definitions of one's own: its op, its job, its run, its lines of YAML."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

import lume_dagster as lume
from lume_dagster import client
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector
from lume_dagster.errors import InvalidRequestError
from lume_dagster.orchestration.code_references import KEY
from lume_dagster.orchestration.query import list_runs
from lume_dagster.runs.status import Status
from lume_dagster_tests.orchestration.test_translator import Sales
from lume_dagster_tests.waiting import SOON

OWN = """\
from pathlib import Path

import dagster as dg

import lume_dagster as lume
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector

here = Path(__file__).parent
orders = lume.build_flow_assets(
    "flows",
    "orders",
    connectors={"landing": LocalFilesConnector(root=str(here / "files"))},
    data="data",
)
job = dg.define_asset_job("orders_job", dg.AssetSelection.assets(*orders.keys))
defs = dg.Definitions(
    assets=[orders],
    jobs=[job],
    resources={"warehouse": DuckDBConnector(path=str(here / "w.duckdb"))},
)
"""


@pytest.fixture
def connectors(bench):
    return {
        "landing": LocalFilesConnector(root=str(bench.folder / "files")),
        "warehouse": DuckDBConnector(path=str(bench.folder / "w.duckdb")),
    }


def build(bench, connectors=None, flow="orders", **options) -> dg.AssetsDefinition:
    return lume.build_flow_assets(
        bench.folder / "flows", flow, connectors=connectors, data=bench.folder / "data", **options
    )


def test_arguments_of_the_op_are_honoured(bench, connectors):
    made = build(
        bench,
        connectors,
        name="mine",
        description="What it does.",
        tags={"team": "sales"},
        pool="warehouse",
        backfill_policy=dg.BackfillPolicy.multi_run(10),
        retry_policy=dg.RetryPolicy(max_retries=2),
        translator=Sales(),
    )
    assert (made.op.name, made.op.description, made.op.pool) == (
        "mine",
        "What it does.",
        "warehouse",
    )
    assert made.op.tags == {"team": "sales", "lume/flow_version": "orders:v1"}
    assert made.backfill_policy == dg.BackfillPolicy.multi_run(10)
    assert made.op.retry_policy == dg.RetryPolicy(max_retries=2)
    assert dg.AssetKey(["sales", "orders", "target_1"]) in made.keys
    assert made.required_resource_keys - {"io_manager"} == {"lume_batches"}


def test_a_decorated_body_is_the_op(bench, connectors):
    begun = []

    @lume.lume_assets(
        bench.folder / "flows",
        "orders",
        connectors=connectors,
        data=bench.folder / "data",
        pool="p",
    )
    def mine(context: dg.AssetExecutionContext, placed):
        """What it does."""
        begun.append((placed.version.name, context.partition_key))
        yield from lume.run_flow(context, placed)

    assert (mine.op.name, mine.op.description, mine.op.pool) == ("mine", "What it does.", "p")
    batch = (bench.folder / "files" / bench.put("a.csv", "1", "2")).as_uri()
    bench.instance.add_dynamic_partitions("lume/orders/v1", [batch])
    done = dg.materialize([mine], instance=bench.instance, partition_key=batch)
    assert done.success
    assert begun == [("orders:v1", batch)]
    assert len(done.get_asset_materialization_events()) == 3


def test_options_are_before_what_a_body_says_of_itself(bench, connectors):
    @lume.lume_assets(bench.folder / "flows", "orders", connectors=connectors, name="other")
    def mine(context, placed):
        yield from lume.run_flow(context, placed)

    assert (mine.op.name, mine.op.description) == ("other", None)


def test_a_version_that_is_not_there_is_refused(bench):
    with pytest.raises(InvalidRequestError, match="orders has no version 'v7'"):
        build(bench, flow="orders:v7")
    with pytest.raises(
        InvalidRequestError, match="orders:draft is a draft.*\n.*dry-run 10.*lume publish orders$"
    ):
        build(bench, flow="orders:draft")


def test_a_job_over_the_assets_can_be_scheduled(bench, connectors):
    orders = build(bench, connectors)
    batch = bench.folder / "files" / bench.put("a.csv", "1", "x")
    job = dg.define_asset_job("nightly", dg.AssetSelection.assets(*orders.keys))
    schedule = dg.ScheduleDefinition(
        job=job,
        cron_schedule="0 6 * * *",
        execution_fn=lambda _: dg.RunRequest(partition_key=batch.as_uri()),
    )
    defs = dg.Definitions(assets=[orders], schedules=[schedule])
    bench.instance.add_dynamic_partitions("lume/orders/v1", [batch.as_uri()])
    repository = defs.get_repository_def()
    with dg.build_schedule_context(bench.instance, repository_def=repository) as context:
        (request,) = repository.get_schedule_def(schedule.name).evaluate_tick(context).run_requests
    done = defs.resolve_job_def("nightly").execute_in_process(
        instance=bench.instance, partition_key=request.partition_key
    )
    assert done.success
    (run,) = list_runs(bench.instance, flow="orders")
    assert (run.status, run.source_path) == (Status.PARTIAL_FAILED, batch.as_uri())


def test_the_client_runs_it_with_connectors_of_both_kinds(bench):
    (bench.folder / "definitions.py").write_text(OWN)
    bench.put("a.csv", "1", "2")
    run = client.run("orders", source_path="a.csv", project=bench.folder)
    assert run.wait(**SOON).status is Status.SUCCEEDED
    assert run.source_path == (bench.folder / "files" / "a.csv").as_uri()


def test_it_stands_beside_other_flows(bench, connectors):
    others = lume.build_definitions(
        bench.folder / "flows", connectors, data=bench.folder / "data", prefix="all"
    )
    both = dg.Definitions.merge(
        others, dg.Definitions(assets=[build(bench, connectors, name="one")])
    )
    dg.Definitions.validate_loadable(both)


def lines(made: dg.AssetsDefinition) -> dict[str, str]:
    """By step, the line that its reference leads to."""
    found = {}
    for spec in made.specs:
        (place,) = spec.metadata[KEY].code_references
        text = Path(place.file_path).read_text().splitlines()
        found[spec.key.path[-1]] = text[place.line_number - 1]
    return found


def test_references_lead_to_the_lines_of_the_flow(bench, connectors):
    assert lines(build(bench, connectors)) == {
        "source": "source: {connector: landing}",
        "transform": "mapping: {id: id, amount: CAST(amount AS BIGINT)}",
        "target": "target: {connector: warehouse, table: sales.orders}",
    }


def test_references_can_be_links_to_git(bench, connectors):
    anchor = dg.AnchorBasedFilePathMapping(bench.folder / "definitions.py", "shop/definitions.py")
    (linked,) = dg.link_code_references_to_git(
        dg.with_source_code_references([build(bench, connectors)]),
        git_url="https://github.com/acme/shop",
        git_branch="main",
        file_path_mapping=anchor,
    )
    spec = next(s for s in linked.specs if s.key.path[-1] == "transform")
    urls = [place.url for place in spec.metadata[KEY].code_references]
    flow = "https://github.com/acme/shop/tree/main/shop/flows/orders/v1/flow.yaml"
    assert urls[0].startswith(f"{flow}#L")
