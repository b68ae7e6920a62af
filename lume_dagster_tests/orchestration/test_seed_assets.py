"""Seed files are assets: what is edited is observed, and makes what used an older copy stale."""

from __future__ import annotations

import hashlib
from pathlib import Path

import dagster as dg
import pytest

from lume_dagster import LumeTranslator, SeedProps
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.code_location import CodeLocation
from lume_dagster.orchestration.definitions import build_definitions
from lume_dagster.orchestration.project import load_project
from lume_dagster_tests.orchestration.conftest import publish
from lume_dagster_tests.orchestration.test_whole import BY_CURRENCY, DEFINITIONS

EUR = "currency,name\nEUR,euro\n"
SEED = dg.AssetKey(["lume", "orders", "seeds", "rates"])
INPUT = f"dagster/input_data_version/{SEED.to_user_string()}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def whole(bench):
    """The bench with real things, and a second version that has a seed."""
    root = Path(__file__).parents[2]
    (bench.folder / "definitions.py").write_text(DEFINITIONS.format(tests=str(root)))
    seeds = bench.folder / "flows/orders/seeds"
    seeds.mkdir()
    (seeds / "rates.csv").write_text(EUR)
    publish(bench.folder, BY_CURRENCY)
    bench.put("a.csv", "1")
    return bench.of_version(2)


def definitions(whole) -> dg.Definitions:
    """The whole code location."""
    connectors = {name: object() for name in ("landing", "warehouse")}
    return build_definitions(whole.folder / "flows", connectors, data=whole.folder / "data")


def transformed(whole) -> dg.AssetMaterialization:
    event = whole.instance.get_latest_materialization_event(whole.key("transform"))
    return event.asset_materialization


def observe(whole) -> None:
    job = definitions(whole).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=whole.instance, asset_selection=[SEED]).success


def observed(whole) -> str:
    (record,) = whole.instance.fetch_observations(SEED, limit=1).records
    return record.asset_observation.tags["dagster/data_version"]


def test_a_seed_is_an_observable_asset_before_the_transform(whole):
    graph = definitions(whole).resolve_asset_graph()
    seed = graph.get(SEED)
    assert seed.is_observable
    assert graph.get(whole.key("transform")).parent_keys == {whole.key("source"), SEED}
    assert (seed.group_name, seed.kinds) == ("seeds", {"csv"})
    assert seed.metadata["dagster/uri"].endswith("/flows/orders/seeds/rates.csv")


def test_a_run_says_which_seeds_it_used(whole):
    assert whole.materialize("a.csv").success
    assert transformed(whole).metadata["lume/seeds"].value == {"rates": digest(EUR)}
    assert transformed(whole).tags[INPUT] == digest(EUR)
    assert observed(whole) == digest(EUR)


def test_a_batch_of_many_says_so_too(whole):
    whole.put("b.csv", "1")
    assert whole.materialize("a.csv", "b.csv").success
    assert transformed(whole).metadata["lume/seeds"].value == {"rates": digest(EUR)}


def test_an_edited_seed_makes_what_used_it_stale_until_it_is_published(whole):
    """Dagster calls stale what has another input version than the newest that was observed."""
    assert whole.materialize("a.csv").success
    edited = EUR + "USD,dollar\n"
    (whole.folder / "flows/orders/seeds/rates.csv").write_text(edited)
    observe(whole)
    assert whole.materialize("a.csv").success
    assert transformed(whole).tags[INPUT] == digest(EUR) != observed(whole)
    Library(whole.folder / "flows").publish("orders", author="tests")
    newer = whole.of_version(3)
    assert newer.materialize("a.csv").success
    assert transformed(newer).tags[INPUT] == digest(edited) == observed(newer)


def test_a_file_that_flows_share_is_one_asset(whole):
    library = whole.folder / "flows"
    shared = library / "shared.csv"
    shared.write_text(EUR)
    for flow in ("orders", "returns"):
        home = library / flow
        (home / "seeds").mkdir(parents=True, exist_ok=True)
        (home / "seeds/rates.csv").unlink(missing_ok=True)
        (home / "seeds/rates.csv").symlink_to("../../shared.csv")
        (home / "flow.yaml").write_text(BY_CURRENCY.replace("flow: orders", f"flow: {flow}"))
        Library(library).publish(flow, author="tests", force=True)
    graph = definitions(whole).resolve_asset_graph()
    key = dg.AssetKey(["lume", "shared"])
    children = {child.path[1] for child in graph.get(key).child_keys}
    assert children == {"orders", "returns"}


class Mine(LumeTranslator):
    """Calls seeds otherwise."""

    def get_seed_spec(self, props: SeedProps) -> dg.AssetSpec:
        return super().get_seed_spec(props).replace_attributes(key=["reference", props.path.stem])


def test_a_translator_decides_what_seeds_are_called(whole):
    workspace = load_project(whole.folder, ["orders:v2"]).workspace
    connectors = {name: object() for name in ("landing", "warehouse")}
    versions = [whole.version]
    location = CodeLocation(workspace, versions, connectors, translator=Mine())
    placed = location.placed()
    transform, seed = location.assets(placed)
    key = dg.AssetKey(["reference", "rates"])
    assert seed.keys == {key}
    assert key in transform.asset_deps[whole.key("transform")]


def test_components_that_share_a_seed_can_be_merged(whole):
    both = dg.Definitions.merge(
        *(dg.Definitions(assets=_seeds_of(definitions(whole))) for _ in range(2))
    )
    assert [asset.key for asset in both.resolve_all_asset_specs()] == [SEED]


def _seeds_of(defs: dg.Definitions) -> list[dg.AssetsDefinition]:
    return [a for a in defs.assets or () if isinstance(a, dg.AssetsDefinition) and SEED in a.keys]
