"""A project's definitions load, in Dagster and in the client, and say what is wrong with them."""

from __future__ import annotations

import dagster as dg
import pytest

from lume_dagster.errors import FlowError, InvalidRequestError
from lume_dagster.orchestration.definitions import build_definitions
from lume_dagster.orchestration.instance import dagster_home, open_instance, require_long_keys
from lume_dagster.orchestration.project import find_project, load_project
from lume_dagster_tests.orchestration.conftest import publish
from lume_dagster_tests.orchestration.fakes import FolderStore, OneFileTarget


@pytest.fixture
def connectors(bench):
    return {"landing": FolderStore(bench.stage, bench.folder), "warehouse": bench.target}


def build(bench, connectors, **options):
    return build_definitions(bench.folder / "flows", connectors, data=bench.folder, **options)


def test_every_published_version_has_three_assets(bench, connectors):
    publish(
        bench.folder, (bench.folder / "flows/orders/flow.yaml").read_text() + "owners: ['team:a']\n"
    )
    defs = build(bench, connectors)
    dg.Definitions.validate_loadable(defs)
    keys = {key.to_user_string() for key in defs.resolve_all_asset_keys()}
    assert keys == {
        f"lume/orders/v{number}/{step}"
        for number in (1, 2)
        for step in ("source", "transform", "target")
    }


def test_an_asset_says_what_it_is(bench, connectors):
    defs = build(bench, connectors, prefix="data")
    specs = {spec.key.path[-1]: spec for spec in defs.resolve_all_asset_specs()}
    target = specs["target"]
    assert target.key == dg.AssetKey(["data", "orders", "v1", "target"])
    assert (target.group_name, target.code_version) == ("orders/v1", bench.version.digest)
    assert target.kinds == {"onefile"}
    assert target.metadata["dagster/table_name"] == "sales.orders"
    assert [d.asset_key for d in target.deps] == [specs["transform"].key]
    assert all(spec.skippable for spec in specs.values())
    assert {spec.partitions_def.name for spec in specs.values()} == {"data/orders/v1"}


def test_a_connector_that_is_not_there_is_named(bench, connectors):
    del connectors["warehouse"]
    with pytest.raises(FlowError, match=r"orders:v1 names the target connector 'warehouse'"):
        build(bench, connectors)


def test_what_dagster_does_not_take_is_said_of_the_flow(bench, connectors):
    text = (bench.folder / "flows/orders/flow.yaml").read_text()
    publish(bench.folder, text + "owners: [a@b.international]\n")
    with pytest.raises(FlowError, match="Flow orders:v2 cannot be an asset: .*owner 'a@b"):
        build(bench, connectors)


def test_a_flow_that_is_only_a_draft_warns(bench, connectors):
    draft = bench.folder / "flows/drafted"
    draft.mkdir()
    text = (bench.folder / "flows/orders/flow.yaml").read_text()
    (draft / "flow.yaml").write_text(text.replace("flow: orders", "flow: drafted"))
    with pytest.warns(UserWarning, match="drafted .* has no published version"):
        build(bench, connectors)


def test_a_run_loads_one_version_only(bench):
    publish(
        bench.folder, (bench.folder / "flows/orders/flow.yaml").read_text() + "owners: ['team:a']\n"
    )
    project = load_project(bench.folder, ["orders:v2"])
    versions = {key.path[2] for key in project.definitions.resolve_all_asset_keys()}
    assert versions == {"v2"}


def test_a_project_is_found_upward(bench, monkeypatch):
    below = bench.folder / "files"
    monkeypatch.chdir(below)
    assert find_project() == bench.folder


def test_a_project_is_found_by_the_environment(bench, monkeypatch):
    monkeypatch.setenv("LUME_PROJECT", str(bench.folder))
    assert find_project() == bench.folder


def test_a_folder_without_definitions_is_no_project(tmp_path):
    with pytest.raises(InvalidRequestError, match="has no definitions.py"):
        find_project(tmp_path)


def test_definitions_made_otherwise_are_refused(tmp_path):
    (tmp_path / "definitions.py").write_text("import dagster as dg\ndefs = dg.Definitions()\n")
    with pytest.raises(InvalidRequestError, match="hold no flows"):
        load_project(tmp_path)


def test_a_file_without_definitions_is_refused(tmp_path):
    (tmp_path / "definitions.py").write_text("x = 1\n")
    with pytest.raises(InvalidRequestError, match=r"defines no dagster\.Definitions"):
        load_project(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\nraise ValueError('boom')\n", r"definitions\.py:2 cannot be loaded: .*boom"),
        ("def x(\n", r"definitions\.py cannot be loaded: SyntaxError: .*line 1"),
        ("import no_such_thing\n", r"definitions\.py:1 cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_definitions_that_fail_are_named_with_the_line(tmp_path, text, message):
    (tmp_path / "definitions.py").write_text(text)
    with pytest.raises(InvalidRequestError, match=message):
        load_project(tmp_path)


def test_the_embedded_instance_is_quiet(tmp_path):
    with open_instance(tmp_path) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled


def test_the_operators_instance_is_used_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    with pytest.raises(InvalidRequestError, match="no folder"):
        dagster_home(tmp_path)
    (tmp_path / "home").mkdir()
    assert dagster_home(tmp_path) == tmp_path / "home"


def test_mysql_as_dagsters_own_storage_is_refused(tmp_path):
    class Like:
        """As much of an instance as tells where it keeps its events."""

        is_persistent = True

        def get_ref(self):
            return self

        event_storage_data = type(
            "Data", (), {"module_name": "dagster_mysql", "class_name": "MySQLEventLogStorage"}
        )

    with pytest.raises(FlowError, match="first 64 characters"):
        require_long_keys(Like())


def test_connectors_are_resources_under_their_names(bench, connectors):
    resources = build(bench, connectors).resources
    assert isinstance(resources["warehouse"], OneFileTarget)
