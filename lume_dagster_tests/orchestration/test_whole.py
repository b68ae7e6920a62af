"""The real engine, store and warehouse under a real run: each row once, whatever happens."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lume_dagster import client
from lume_dagster.errors import RunFailedError
from lume_dagster.runs.status import Status
from lume_dagster_tests.orchestration.conftest import publish
from lume_dagster_tests.waiting import SOON

DEFINITIONS = """\
import sys
from pathlib import Path

sys.path.insert(0, {tests!r})
from lume_dagster import build_definitions
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector
from lume_dagster_tests.orchestration.fakes import Stage, Watched

here = Path(__file__).parent
warehouse = DuckDBConnector(path=str(here / "warehouse.duckdb"))
defs = build_definitions(
    "flows",
    {{
        "landing": LocalFilesConnector(root=str(here / "files")),
        "warehouse": Watched(Stage(here / "stage"), warehouse),
    }},
    data="data",
)
"""
BY_CURRENCY = """\
lume: 1
flow: orders
source: {connector: landing}
target: {connector: warehouse, table: sales.orders}
seeds: {rates: {path: seeds/rates.csv, key: currency}}
schema:
  type: object
  required: [id, currency]
  properties: {id: {type: string}, amount: {type: integer}, currency: {type: string}}
mapping:
  id: id
  amount: CAST(amount AS BIGINT)
  currency: lookup('rates', 'EUR', 'name')
"""


@pytest.fixture
def whole(bench):
    """The bench with the real things."""
    root = Path(__file__).parents[2]
    (bench.folder / "definitions.py").write_text(DEFINITIONS.format(tests=str(root)))
    return bench


def rows(whole, table="orders"):
    with duckdb.connect(str(whole.folder / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(f"SELECT _lume_row FROM sales.{table} ORDER BY 1").fetchall()


@pytest.mark.parametrize("where", ["connected", "before_commit", "after_commit"])
def test_a_run_killed_while_it_writes_and_then_retried_writes_each_row_once(whole, where):
    whole.put("a.csv", "1", "x", "3")
    whole.stage.arrange(where, "kill")
    with pytest.raises(RunFailedError, match="killed by SIGKILL"):
        client.run("orders:v1", source_path="a.csv", project=whole.folder).wait(**SOON)
    assert whole.materialize((whole.folder / "files" / "a.csv").as_uri()).success
    assert rows(whole) == [(1,), (3,)]
    assert rows(whole, "orders_rejects") == [(2,)]


def test_files_and_seeds_given_by_hand_make_a_run(whole, tmp_path):
    seeds = whole.folder / "flows/orders/seeds"
    seeds.mkdir()
    (seeds / "rates.csv").write_text("currency,name\nEUR,euro\n")
    publish(whole.folder, BY_CURRENCY)
    (tmp_path / "rates.csv").write_text("currency,name\nEUR,Euro of today\n")
    files = [tmp_path / name for name in ("one.csv", "two.csv")]
    for file in files:
        file.write_text("id,amount\n1,1\n")
    run = client.run(
        "orders:v2", input_files=files, seed_files=[tmp_path / "rates.csv"], project=whole.folder
    )
    assert run.wait(**SOON).status is Status.SUCCEEDED
    assert run.metrics.row_counts.input == 2
    (mapped,) = run.download_mapped(tmp_path / "to")
    assert mapped.read_text().splitlines()[1:] == ["1,1,1,Euro of today", "2,1,1,Euro of today"]
    assert run.metadata["run"]["source_path"].startswith("upload:")
