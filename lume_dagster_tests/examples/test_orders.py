"""The orders example: many files in a run, nested rows, merge by key, a rule that fails the run."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from lume_dagster.flows.library import Library
from lume_dagster.orchestration.names import partitions_name
from lume_dagster.orchestration.project import load_project

ROOT = Path(__file__).parent.parent.parent
FIRST, SECOND, THIRD = (f"orders/2026-03-0{day}" for day in (1, 2, 3))


class Shop:
    """A copy of the example, whose deliveries are run in this process."""

    def __init__(self, folder: Path) -> None:
        shutil.copy(ROOT / "definitions.py", folder)
        shutil.copytree(ROOT / "examples", folder / "examples")
        self.folder = folder
        self.version = Library(folder / "examples" / "flows").resolve("orders:v1")

    def deliver(self, source_path: str) -> dg.ExecuteInProcessResult:
        project = load_project(self.folder, [self.version.name])
        job = project.definitions.resolve_implicit_global_asset_job_def()
        partitions = partitions_name(project.workspace.prefix, self.version)
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(partitions, [source_path])
            return job.execute_in_process(
                instance=instance, partition_key=source_path, raise_on_error=False
            )

    def ask(self, query: str) -> list[tuple[object, ...]]:
        file = self.folder / ".lume" / "warehouse.duckdb"
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def first_day(tmp_path_factory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    assert shop.deliver(FIRST).success
    return shop


@pytest.fixture
def shop(first_day, tmp_path) -> Shop:
    """The shop after its first day, for a test that delivers more."""
    shop = Shop(tmp_path)
    shutil.copytree(first_day.folder / ".lume", tmp_path / ".lume")
    return shop


def test_the_files_of_a_day_are_one_batch(first_day):
    assert first_day.ask("SELECT count(*) FROM shop.orders") == [(54,)]
    files = first_day.ask(
        "SELECT DISTINCT parse_filename(_lume_file) FROM shop.orders_rejects ORDER BY 1"
    )
    assert files == [("berlin.jsonl",), ("krakow.jsonl",), ("online.jsonl",)]


def test_every_planted_fault_is_found_and_nothing_else(first_day):
    found = first_day.ask(
        "SELECT parse_filename(_lume_file), _lume_file_row,"
        " list_sort(json_extract_string(to_json(errors), '$[*].code'))"
        " FROM shop.orders_rejects ORDER BY ALL"
    )
    assert found == [
        ("berlin.jsonl", 5, ["INVALID_TIMESTAMP_FORMAT"]),
        ("berlin.jsonl", 8, ["INVALID_FORMAT"]),
        ("krakow.jsonl", 3, ["LOOKUP_NOT_FOUND", "NOT_IN_ENUM"]),
        ("krakow.jsonl", 10, ["BELOW_MINIMUM"]),
        ("online.jsonl", 4, ["MALFORMED_RECORD"]),
        ("online.jsonl", 7, ["MISSING_REQUIRED_FIELD"]),
        ("online.jsonl", 13, ["INVALID_NUMBER"]),
    ]


def test_an_order_keeps_its_customer_and_its_lines(first_day):
    line = json.loads(
        (ROOT / "examples" / "landing" / FIRST / "berlin.jsonl").read_text().splitlines()[0]
    )
    ((customer, lines, total),) = first_day.ask(
        "SELECT to_json(customer), to_json(lines), total FROM shop.orders"
        f" WHERE order_id = '{line['order_no']}'"
    )
    assert json.loads(str(customer))["email"] == line["customer"]["mail"]
    assert [
        (item["sku"], item["quantity"], float(item["unit_price"]))
        for item in json.loads(str(lines))
    ] == [(item["sku"], item["qty"], item["price"]) for item in line["items"]]
    assert float(str(total)) == sum(item["qty"] * item["price"] for item in line["items"])


def test_the_second_day_merges_by_key(shop):
    assert shop.deliver(SECOND).success
    shipped = shop.ask("SELECT order_id FROM shop.orders WHERE status = 'SHIPPED' ORDER BY 1")
    assert shipped == [("BE-00001",), ("BE-00002",), ("BE-00003",)]
    assert shop.ask("SELECT count(*), count(DISTINCT order_id) FROM shop.orders") == [(85, 85)]
    assert shop.ask(
        "SELECT placed_at::DATE::VARCHAR FROM shop.orders WHERE order_id = 'BE-00005'"
    ) == [("2026-02-28",)]


def test_an_order_of_a_test_system_stops_the_whole_delivery(shop):
    before = shop.ask("SELECT count(*) FROM shop.orders")
    ended = shop.deliver(THIRD)
    assert not ended.success
    said = [e.event_specific_data.user_failure_data for e in ended.get_step_failure_events()]
    assert "the delivery holds orders of a test system" in said[0].description
    assert shop.ask("SELECT count(*) FROM shop.orders") == before


def test_the_committed_orders_are_what_the_generator_writes(tmp_path):
    made = runpy.run_path(str(ROOT / "examples" / "landing" / "generate_orders.py"))
    made["main"](tmp_path)
    committed = ROOT / "examples" / "landing" / "orders"
    names = sorted(str(p.relative_to(committed)) for p in committed.rglob("*.jsonl"))
    assert names == sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.jsonl"))
    assert all((tmp_path / n).read_bytes() == (committed / n).read_bytes() for n in names)
