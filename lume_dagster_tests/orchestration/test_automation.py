"""Declarative automation takes partitions one by one: the new ones, the changed ones, no others."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

import lume_dagster as lume
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector
from lume_dagster.flows.library import Library

FLOW = """\
lume: 1
flow: orders
source: {connector: landing}
target: {connector: warehouse, table: orders}
schema: {type: object, properties: {id: {type: string}}}
mapping: {id: id}
"""
STEPS = ("source", "transform", "target")
AC = dg.AutomationCondition


class Automated(lume.LumeTranslator):
    """What a user would write to automate all flows."""

    def __init__(self, condition):
        self.condition = condition

    def get_asset_spec(self, props):
        spec = super().get_asset_spec(props)
        return spec.replace_attributes(automation_condition=self.condition)


@pytest.fixture
def house(tmp_path):
    home = tmp_path / "flows/orders"
    home.mkdir(parents=True)
    (home / "flow.yaml").write_text(FLOW)
    (tmp_path / "landing").mkdir()
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / "landing" / name).write_text("id\n1\n")
    Library(tmp_path / "flows").publish("orders", author="tests")
    with dg.DagsterInstance.ephemeral() as instance:
        yield tmp_path, instance


def definitions(house, condition):
    folder, _ = house
    return lume.build_definitions(
        folder / "flows",
        {
            "landing": LocalFilesConnector(root=str(folder / "landing")),
            "warehouse": DuckDBConnector(path=str(folder / "warehouse.duckdb")),
        },
        translator=Automated(condition),
    )


def add(house, *batches):
    house[1].add_dynamic_partitions("lume/orders/v1", list(batches))


def run(house, defs, batch, *steps):
    job = defs.resolve_implicit_global_asset_job_def()
    keys = [key(step) for step in steps or STEPS]
    assert job.execute_in_process(
        instance=house[1], partition_key=batch, asset_selection=keys
    ).success


def key(step):
    return dg.AssetKey(["lume", "orders", "v1", step])


class Ticks:
    """Evaluations that follow one another."""

    def __init__(self, house, defs):
        self.house, self.defs, self.cursor = house, defs, None

    def __call__(self, at=None):
        found = dg.evaluate_automation_conditions(
            self.defs, self.house[1], cursor=self.cursor, evaluation_time=at
        )
        self.cursor = found.cursor
        asked = {step: sorted(found.get_requested_partitions(key(step))) for step in STEPS}
        return {step: batches for step, batches in asked.items() if batches}


@pytest.mark.parametrize("condition", [AC.eager(), AC.on_missing()], ids=["eager", "on_missing"])
def test_exactly_the_new_batches_are_asked_for(house, condition):
    defs = definitions(house, condition)
    tick = Ticks(house, defs)
    assert tick() == {}
    add(house, "a.csv", "b.csv")
    whole = ["a.csv", "b.csv"]
    assert tick() == {"source": whole, "transform": whole, "target": whole}
    for batch in whole:
        run(house, defs, batch)
    assert tick() == {}
    add(house, "c.csv")
    assert tick() == {step: ["c.csv"] for step in STEPS}


def test_eager_takes_a_batch_that_was_staged_again_and_no_other(house):
    defs = definitions(house, AC.eager())
    tick = Ticks(house, defs)
    tick()
    add(house, "a.csv", "b.csv")
    tick()
    for batch in ("a.csv", "b.csv"):
        run(house, defs, batch)
    tick()
    run(house, defs, "a.csv", "source")
    assert tick() == {"transform": ["a.csv"], "target": ["a.csv"]}


def test_on_cron_takes_every_batch_when_it_is_time(house):
    defs = definitions(house, AC.on_cron("0 6 * * *").without(AC.in_latest_time_window()))
    tick = Ticks(house, defs)
    add(house, "a.csv", "b.csv")
    day = dt.datetime(2026, 1, 31, 5, 59, tzinfo=dt.UTC)
    assert tick(day) == {}
    assert tick(day + dt.timedelta(minutes=2))["source"] == ["a.csv", "b.csv"]
    assert tick(day + dt.timedelta(minutes=3)) == {}
