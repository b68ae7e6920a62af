"""A translator's names are used everywhere, and a run under them works as any other."""

from __future__ import annotations

import dagster as dg
import pytest

from lume_dagster import LumeTranslator
from lume_dagster.orchestration.project import load_project
from lume_dagster.orchestration.query import read_details
from lume_dagster.orchestration.translator import place
from lume_dagster.runs.status import STEPS, Status

KINDS = {"landing": "folder", "warehouse": "onefile"}


class Sales(LumeTranslator):
    def get_asset_spec(self, props):
        spec = super().get_asset_spec(props)
        key = ["sales", "orders", f"{props.step}_{props.number}"]
        return spec.replace_attributes(
            key=key, group_name="sales", deps=["upstream"] if props.step == "source" else []
        )


@pytest.fixture
def renamed(bench):
    definitions = bench.folder / "definitions.py"
    text = definitions.read_text().replace('data="data",', 'data="data", translator=Sales(),')
    given = "from lume_dagster_tests.orchestration.test_translator import Sales\n"
    definitions.write_text(text.replace("here = ", f"{given}here = "))
    return bench


def test_keys_are_used_in_specs_and_in_what_depends_on_them(bench):
    placed = place(bench.version, "lume", KINDS, Sales())
    assert [key.path[-1] for key in placed.keys] == ["source_1", "transform_1", "target_1"]
    deps = [[dep.asset_key for dep in spec.deps] for spec in placed.specs]
    assert deps == [[dg.AssetKey("upstream")], [placed.key("source")], [placed.key("transform")]]
    assert {spec.group_name for spec in placed.specs} == {"sales"}
    assert all(spec.skippable for spec in placed.specs)


def test_a_run_under_other_names_has_figures_lineage_and_status(renamed):
    path = renamed.put("a.csv", "1", "x")
    renamed.instance.add_dynamic_partitions("lume/orders/v1", [path])
    project = load_project(renamed.folder, ["orders:v1"])
    job = project.definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=renamed.instance,
        asset_selection=project.placed(renamed.version).keys,
        partition_key=path,
    )
    run = read_details(renamed.instance, f"run_{result.run_id}")
    assert run.summary.status is Status.PARTIAL_FAILED
    assert run.metadata["row_counts"]["rejects"] == 1
    made = {e.asset_key.path[-1]: e for e in result.get_asset_materialization_events()}
    assert set(made) == {f"{step}_1" for step in STEPS}
    lineage = made["transform_1"].materialization.metadata["dagster/column_lineage"].value
    (dep,) = lineage.deps_by_column["id"]
    assert dep.asset_key == dg.AssetKey(["sales", "orders", "source_1"])
