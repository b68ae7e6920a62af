"""A component loads from YAML alone, keeps Dagster's conventions, and says what is wrong with it."""

from __future__ import annotations

import json
from contextlib import contextmanager

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox
from dagster.components.testing.test_cases import TestOpCustomization as OpCustomization
from dagster.components.testing.test_cases import TestTranslation as Translation

from lume_dagster import LumeFlowComponent, LumeFlowsComponent
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


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ({"schema_contract": "error"}, "Input should be 'ignore', 'warn' or 'fail'"),
        ({"row_count": "warn"}, "row_count"),
        ({"reject_rate_above": 2}, "reject_rate_above"),
    ],
)
def test_checks_that_are_misspelt_are_named_with_their_line(checks, said):
    with (
        pytest.raises(Exception, match="defs.yaml") as caught,
        loaded({**ONE, "checks": checks}),
    ):
        pass
    told, error = "", caught.value
    while error is not None:
        told, error = f"{told}{error}\n", error.__cause__ or error.__context__
    assert said in told


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


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({**ONE, "flow": "ordres"}, "no published version of ordres"),
        ({"connections": {**CONNECTIONS, "landing": {"root": "x"}}}, "does not say what kind"),
        ({"connections": {**CONNECTIONS, "landing": {"kind": "ftp"}}}, "no connector of the kind"),
        (
            {"connections": {**CONNECTIONS, "landing": {"kind": "local_files", "rot": "x"}}},
            "has a field 'rot'",
        ),
        ({"connections": {**CONNECTIONS, "other": {"kind": "duckdb"}}}, "uses the connection"),
        ({"arrival": {"path": "a", "query": "b"}}, "need a path or a query"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(attributes, said):
    with (
        pytest.raises(Exception, match="defs.yaml") as caught,
        loaded({**ONE, **attributes}),
    ):
        pass
    chain, error = [], caught.value
    while error is not None:
        chain.append(error)
        error = error.__cause__
    assert said in str(next(e for e in chain if isinstance(e, LumeError)))


def test_a_secret_of_a_connection_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("PG_PASSWORD", "hunter2-Zażółć")
    secret = {"kind": "postgres", "host": "x", "password": {"env": "PG_PASSWORD"}}
    with loaded({**ONE, "connections": {**CONNECTIONS, "warehouse": secret}}) as (found, defs):
        assert "hunter2" not in repr(found) + repr(defs) + str(spec_of(defs).metadata)


_PYPROJECT = """\
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "shop"
"""


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
    project = load_project(find_project(tmp_path), ["orders:v1"])
    version = Library(home.parent).resolve("orders:v1")
    assert project.workspace.data == tmp_path / ".lume"
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
