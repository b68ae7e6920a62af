"""A component loads from YAML alone, keeps Dagster's conventions, and says what is wrong with it."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox
from dagster.components.testing.test_cases import TestOpCustomization as OpCustomization
from dagster.components.testing.test_cases import TestTranslation as Translation

from lume_dagster import LumeFlowComponent, LumeFlowsComponent, LumeWebhooksComponent
from lume_dagster.errors import LumeError
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.project import find_project, load_project
from lume_dagster_tests.orchestration.own_component import OwnFlow

FLOW = """\
lume: 1
flow: orders
source: {connector: landing}
target: {connector: warehouse, table: orders}
schema: {type: object, properties: {id: {type: string}, amount: {type: integer}}}
mapping: {id: id, amount: amount}
"""
CONNECTIONS = {
    "landing": {"kind": "local_files", "root": "landing"},
    "warehouse": {"kind": "duckdb", "path": "warehouse.duckdb"},
}
ONE = {"flow": "orders", "connections": CONNECTIONS}
HOMES = {"OwnFlow": OwnFlow.__module__}
SOURCE = dg.AssetKey(["lume", "orders", "v1", "source"])


@contextmanager
def loaded(attributes, component=LumeFlowComponent):
    with create_defs_folder_sandbox() as sandbox:
        home = sandbox.project_root / "flows/orders"
        home.mkdir(parents=True)
        (home / "flow.yaml").write_text(FLOW)
        Library(home.parent).publish("orders", author="tests")
        (sandbox.project_root / "landing").mkdir()
        (sandbox.project_root / "landing/a.csv").write_text("id,amount\n1,2\n2,x\n")
        written = {
            "type": f"{HOMES.get(component.__name__, 'lume_dagster')}.{component.__name__}",
            "attributes": attributes,
        }
        path = sandbox.scaffold_component(component_cls=component, defs_yaml_contents=written)
        with sandbox.load_component_and_build_defs(defs_path=path) as (found, defs):
            yield found, defs


def spec_of(defs, key=SOURCE):
    return next(s for a in defs.assets for s in a.specs if s.key == key)


@pytest.mark.filterwarnings("ignore:Accessing .*automation_condition:DeprecationWarning")
class TestTranslation(Translation):
    def test_translation(self, attributes, assertion, key_modifier):
        with loaded({**ONE, "translation": attributes}) as (_, defs):
            assert assertion(spec_of(defs, key_modifier(SOURCE) if key_modifier else SOURCE))


class TestOpCustomization(OpCustomization):
    def test_op_customization(self, attributes, assertion):
        with loaded({**ONE, "op": attributes}) as (_, defs):
            (assets,) = defs.assets
            assert assertion(assets if "backfill_policy" in attributes else assets.op)


def test_a_batch_runs_from_yaml_alone():
    with loaded(ONE) as (_, defs), dg.DagsterInstance.ephemeral() as instance:
        dg.Definitions.validate_loadable(defs)
        instance.add_dynamic_partitions("lume/orders/v1", ["a.csv"])
        job = defs.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, partition_key="a.csv")
        (target,) = result.asset_materializations_for_node("lume_orders_v1")[-1:]
    assert (target.metadata["dagster/partition_row_count"].value, target.asset_key.path[-1]) == (
        1,
        "target",
    )


def test_pool_retries_and_tags_are_honoured():
    op = {"pool": "warehouse", "tags": {"a": "b"}, "retries": {"max_retries": 3, "delay": 1}}
    with loaded({**ONE, "op": op}) as (_, defs):
        (assets,) = defs.assets
    assert assets.op.pool == "warehouse"
    assert assets.op.tags["a"] == "b"
    assert (assets.op.retry_policy.max_retries, assets.op.retry_policy.delay) == (3, 1)


def test_what_writes_one_table_shares_a_pool_unless_another_is_named():
    with loaded(ONE) as (_, defs):
        (assets,) = defs.assets
        target = next(s for s in assets.specs if s.key.path[-1] == "target")
    table = target.metadata["dagster/table_name"]
    assert assets.op.pool == f"lume/warehouse/{table}"


def test_a_store_is_a_connector_to_an_object_store():
    store = {"kind": "s3", "root": "s3://bucket/lume", "aws_access_key_id": {"env": "KEY_ID"}}
    with loaded({**ONE, "store": store}) as (_, defs):
        workspace = defs.resources["lume_lume"]
    assert (type(workspace.store).__name__, workspace.store.root) == (
        "S3Connector",
        "s3://bucket/lume",
    )


def test_arrival_schedule_freshness_and_automation_are_honoured():
    attributes = {
        **ONE,
        "arrival": {"path": "*.csv", "at_most": 5},
        "schedule": {"cron": "0 6 * * *", "source_paths": ["a.csv"]},
        "freshness": {"fail_after_hours": 24, "warn_after_hours": 12},
        "automation_condition": "{{ dg.AutomationCondition.eager() }}",
    }
    with loaded(attributes) as (_, defs):
        dg.Definitions.validate_loadable(defs)
        names = [s.name for s in [*defs.sensors, *defs.schedules]]
        target = spec_of(defs, dg.AssetKey(["lume", "orders", "v1", "target"]))
    assert names == ["lume_orders_arrivals", "lume_orders_v1_schedule"]
    assert target.freshness_policy.fail_window.to_timedelta().total_seconds() == 24 * 3600
    assert target.automation_condition is not None


def test_checks_are_honoured():
    given = {"schema_contract": "ignore", "reconciliation": "warn", "reject_rate_above": 0.25}
    with loaded({**ONE, "checks": given}) as (found, defs):
        (assets,) = defs.assets
        shown = {spec.name: spec.description for spec in assets.check_specs}
    assert set(shown) == {"rejects", "row_count_anomaly", "reject_rate", "reconciliation"}
    assert "25.00%" in shown["reject_rate"]
    assert found.checks.handling("reconciliation") == "warn"


def test_a_folder_of_flows_is_one_component():
    attributes = {
        "connections": CONNECTIONS,
        "arrivals": [{"flow": "orders", "path": "*.csv"}],
    }
    with loaded(attributes, LumeFlowsComponent) as (_, defs):
        dg.Definitions.validate_loadable(defs)
        assert [s.name for s in defs.sensors] == ["lume_arrivals"]
        assert spec_of(defs).group_name == "orders/v1"


def test_two_components_stand_side_by_side():
    second = {**ONE, "flow": "orders:v1", "prefix": "other"}
    with loaded(ONE) as (_, one), loaded(second) as (_, two):
        dg.Definitions.validate_loadable(dg.Definitions.merge(one, two))


def test_a_connection_that_is_not_brought_along_is_a_resource():
    attributes = {"flow": "orders", "connections": {"landing": CONNECTIONS["landing"]}}
    with loaded(attributes) as (_, defs):
        (assets,) = defs.assets
        assert assets.required_resource_keys == {"warehouse", "io_manager", "lume_io_manager"}


def test_a_subclass_may_change_specs_and_what_happens_around_a_run():
    with loaded(ONE, OwnFlow) as (_, defs), dg.DagsterInstance.ephemeral() as instance:
        assert spec_of(defs).owners == ["team:own"]
        instance.add_dynamic_partitions("lume/orders/v1", ["a.csv"])
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, partition_key="a.csv", raise_on_error=False
        )
    assert not result.success
    assert len(result.get_asset_materialization_events()) == 3


def mistake(attributes, component=LumeFlowComponent):
    """What is said of a defs.yaml, and the error that says it."""
    with (
        pytest.raises(Exception, match="defs.yaml") as caught,
        loaded(attributes, component),
    ):
        pass
    error = caught.value
    while not isinstance(error, LumeError):
        error = error.__cause__
    return error


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"flow": "ordres"}, "flow: There is no published version of ordres.\n.*'orders'"),
        ({"flow": "orders:v7"}, "flow: There is no published version of orders:v7.\n.*'orders:v1'"),
        ({"library": "flow"}, "library: "),
        ({"connections": {**CONNECTIONS, "landing": {"root": "x"}}}, "does not say what kind"),
        ({"connections": {**CONNECTIONS, "landing": {"kind": "ftp"}}}, "connections.landing: .*ftp"),
        (
            {"connections": {**CONNECTIONS, "landing": {"kind": "local_files", "rot": "x"}}},
            "connections.landing: .* has a field 'rot'.*\n.*'root'",
        ),
        ({"connections": {**CONNECTIONS, "other": {"kind": "duckdb"}}}, "connections.other: No flow"),
        ({"connections": ["landing"]}, "connections: should be a valid dictionary"),
        ({"store": {"kind": "local_files", "root": "x"}}, "store: A LocalFilesConnector cannot be"),
        ({"arival": {"path": "a"}}, "arival: 'arival' is not known here.\n.*'arrival'"),
        ({"arrival": {"path": "a", "query": "b"}}, "arrival: .*need a path or a query"),
        ({"arrival": {"pth": "a"}}, "arrival.pth: 'pth' is not known here.\n.*'path'"),
        ({"arrival": ["a"]}, "arrival: must be a mapping.\n.*it has flow, path, query"),
        ({"arrival": {"path": "a", "at_most": 0}}, "arrival.at_most: 0 is not at least 1"),
        ({"arrival": {"path": "a", "at_most": "many"}}, "arrival.at_most: .* not 'many'"),
        ({"schedule": {"query": "a"}}, "schedule.cron: is missing.\n.*add it: when, such as"),
        ({"schedule": {"cron": "daily at 6", "source_paths": ["a"]}}, "schedule: .*'daily at 6'.* is not one"),
        ({"schedule": {"cron": "0 6 * * *", "source_paths": ["a"], "timezone": "Mars"}}, "timezone 'Mars'"),
        ({"schedule": {"cron": "0 6 * * *"}}, "schedule: .*needs a query or source_paths"),
        ({"schedule": {"cron": "0 6 * * *", "query": "a"}}, "schedule: .*answers no queries.\n.*source_paths"),
        ({"schedule": {"cron": "0 6 * * *", "flow": "x", "source_paths": ["a"]}}, "schedule: This .*has no .* x."),
        ({"arrival": {"query": "SELECT 1"}}, "arrival: A connector of the kind local_files answers no"),
        ({"arrival": {"flow": "ordres", "path": "*"}}, "arrival: .*no published version of ordres.\n.*'orders'"),
        ({"op": {"retries": {"max_retries": -1}}}, "op.retries.max_retries: -1 is not at least 1"),
        ({"op": {"retries": {"backoff": "cubic"}}}, "op.retries.backoff: 'cubic' is not one of"),
        ({"checks": {"schema_contract": "error"}}, "checks.schema_contract: 'error' is not one of"),
        ({"checks": {"row_count": "warn"}}, "checks.row_count: 'row_count' is not known here"),
        ({"checks": {"reject_rate_above": 2}}, "checks.reject_rate_above: 2 is not 0 to 1"),
        ({"freshness": {"fail_after_hours": 1, "warn_after_hours": 2}}, "freshness: .*is not less"),
        ({"freshness": {"fail_after_hours": 0}}, "freshness.fail_after_hours: 0 is not at least"),
        ({"automation_condition": "eager"}, "automation_condition: .*not 'eager'"),
        ({"threads": "zero"}, "threads: .*not 'zero'"),
        ({"memory_limit": "lots"}, "memory_limit: 'lots' is no amount of memory.\n.*2GB"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_in_a_sentence(attributes, said):
    error = mistake({**ONE, **attributes})
    assert re.search(rf"defs\.yaml:\d+:\d+: .*{said}", str(error)), error


def test_everything_that_is_wrong_is_said_at_once():
    error = mistake({**ONE, "arival": {}, "checks": {"row_count": "warn"}, "threads": 0})
    assert [p.field for p in error.problems] == ["threads", "checks.row_count", "arival"]
    assert len({p.line for p in error.problems}) == 3


def test_blocks_of_a_list_are_numbered():
    blocks = [{"flow": "orders", "path": "*.csv"}, {"path": "*.csv"}]
    error = mistake({"connections": CONNECTIONS, "arrivals": blocks}, LumeFlowsComponent)
    assert "arrivals[1]: The arrival block does not say for which flow." in str(error)


def test_templates_stand_for_numbers_too():
    given = {"arrival": {"path": "*.csv", "at_most": "{{ 2 + 3 }}"}, "threads": "{{ 1 }}"}
    with loaded({**ONE, **given}) as (found, _):
        assert (found.arrival.at_most, found.threads) == (5, 1)


def test_editors_still_know_the_fields_of_blocks():
    schema = LumeFlowComponent.get_model_cls().model_json_schema()
    arrival = schema["$defs"]["ArrivalBlockModel"]
    assert {"path", "settle", "at_most"} <= set(arrival["properties"])
    assert {"$ref": "#/$defs/ArrivalBlockModel"} in schema["properties"]["arrival"]["anyOf"]
    assert schema["additionalProperties"] is False


def test_a_secret_of_a_connection_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("PG_PASSWORD", "hunter2-Zażółć")
    secret = {"kind": "postgres", "host": "x", "password": {"env": "PG_PASSWORD"}}
    with loaded({**ONE, "connections": {**CONNECTIONS, "warehouse": secret}}) as (found, defs):
        assert "hunter2" not in repr(found) + repr(defs) + str(spec_of(defs).metadata)


HOOK = {"name": "ops", "url": {"env": "OPS_URL"}, "secrets": [{"env": "OPS_SECRET"}]}


def test_webhooks_are_a_component_of_their_own(monkeypatch):
    monkeypatch.setenv("OPS_SECRET", "hunter2-Zażółć")
    given = {"webhooks": [{**HOOK, "flows": ["orders"], "statuses": ["FAILED"], "timeout": 2}]}
    with loaded(ONE) as (_, flows), loaded(given, LumeWebhooksComponent) as (_, defs):
        dg.Definitions.validate_loadable(dg.Definitions.merge(flows, defs))
        assert [sensor.name for sensor in defs.sensors] == ["lume_webhooks"]
        (told,) = defs.resources["lume_webhooks"].webhooks
        assert (told.name, told.url, told.flows, told.statuses, told.timeout) == (
            "ops", dg.EnvVar("OPS_URL"), ("orders",), ("FAILED",), 2,
        )  # fmt: skip
        assert "hunter2" not in repr(defs.resources)


@pytest.mark.parametrize(
    ("webhooks", "said"),
    [
        ([{"name": "ops", "url": "https://x.example"}], "webhooks[0].secrets: is missing"),
        ([{**HOOK, "secrets": []}], "webhooks[0]: The webhook ops has no secret"),
        ([{**HOOK, "statuses": ["FALED"]}], "waits for runs that end 'FALED'"),
        ([HOOK, HOOK], "webhooks: 2 webhooks are called ops"),
        ([{**HOOK, "uri": "x"}], "webhooks[0].uri: 'uri' is not known here"),
    ],
)
def test_a_webhook_that_could_never_work_is_said_with_its_line(webhooks, said):
    error = mistake({"webhooks": webhooks}, LumeWebhooksComponent)
    assert re.search(r"defs\.yaml:\d+:\d+: ", str(error))
    assert said in str(error)


_PYPROJECT = """\
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "shop"
"""


def test_scaffolding_writes_a_published_flow_and_keeps_data_out_of_git():
    with create_defs_folder_sandbox() as sandbox:
        (sandbox.project_root / ".gitignore").write_text("*.pyc\n")
        for flow in ("orders", "people"):
            path = sandbox.scaffold_component(
                LumeFlowComponent, defs_path=flow, scaffold_params={"flow": flow}
            )
            with sandbox.load_component_and_build_defs(defs_path=path) as (_, defs):
                assert spec_of(defs, dg.AssetKey(["lume", flow, "v1", "target"]))
        assert (sandbox.project_root / ".gitignore").read_text() == "*.pyc\n.lume/\n"


def test_the_shell_and_the_client_find_a_dg_project(tmp_path):
    defs = tmp_path / "src/shop/defs/orders"
    home = tmp_path / "flows/orders"
    for folder in (defs, home):
        folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(_PYPROJECT)
    (defs.parent.parent / "__init__.py").touch()
    (home / "flow.yaml").write_text(FLOW)
    Library(home.parent).publish("orders", author="tests")
    written = {"type": "lume_dagster.LumeFlowComponent", "attributes": ONE}
    (defs / "defs.yaml").write_text(json.dumps(written))
    (defs.parent / "hooks").mkdir()
    written = {"type": "lume_dagster.LumeWebhooksComponent", "attributes": {"webhooks": [HOOK]}}
    (defs.parent / "hooks" / "defs.yaml").write_text(json.dumps(written))
    project = load_project(find_project(tmp_path), ["orders:v1"])
    version = Library(home.parent).resolve("orders:v1")
    assert project.workspace.data == tmp_path / ".lume"
    assert [webhook.name for webhook in project.workspace.webhooks] == ["ops"]
    assert project.placed(version).key("source") == SOURCE


def test_a_fault_in_a_dg_project_is_a_sentence(tmp_path):
    (tmp_path / "pyproject.toml").write_text(_PYPROJECT.replace("shop", "mall"))
    defs = tmp_path / "src/mall/defs/orders"
    defs.mkdir(parents=True)
    (defs.parent.parent / "__init__.py").touch()
    (tmp_path / "flows").mkdir()
    written = {"type": "lume_dagster.LumeFlowComponent", "attributes": ONE}
    (defs / "defs.yaml").write_text(json.dumps(written))
    with pytest.raises(LumeError, match="there is no flow 'orders'"):
        load_project(find_project(tmp_path), ["orders:v1"])
