"""Repaired rejects join their batch in the target, each row once, whatever happens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from lume_dagster import client
from lume_dagster.errors import BatchError, InvalidRequestError, RunFailedError
from lume_dagster.orchestration import names, resubmit
from lume_dagster.orchestration.project import load_project
from lume_dagster.orchestration.query import read_details
from lume_dagster.orchestration.repaired_file import run_named_in
from lume_dagster_tests.orchestration.conftest import publish
from lume_dagster_tests.orchestration.test_whole import DEFINITIONS
from lume_dagster_tests.waiting import SOON

FLOW = """\
lume: 1
flow: orders
source: {{connector: landing}}
target: {{connector: warehouse, table: sales.orders, write: {write}, key: [id]}}
schema:
  type: object
  required: [id]
  properties: {{id: {{type: string}}, amount: {{type: integer}}}}
mapping: {{id: id, amount: CAST(amount AS BIGINT)}}
"""


class Shop:
    """A real project, whose runs go in this process."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.folder: Path = bench.folder
        root = Path(__file__).parents[2]
        (self.folder / "definitions.py").write_text(DEFINITIONS.format(tests=str(root)))

    def write(self, mode: str) -> None:
        publish(self.folder, FLOW.format(write=mode))
        self.bench = self.bench.of_version(self.bench.number + 1)

    def run(self, batch: str) -> str:
        done = self.bench.materialize(batch)
        assert done.success
        return names.public_id(done.run_id)

    def prepare(self, run_id: str, text: str, name: str = "r.csv", **options):
        file = self.folder / name
        file.write_text(text)
        bench = self.bench
        named = {"ran": bench.version, "chosen": bench.version, **options}
        project = load_project(self.folder, [named["ran"].name, named["chosen"].name])
        return resubmit.prepare(project, instance=bench.instance, run_id=run_id, file=file, **named)

    def resubmit(self, run_id: str, text: str, **options) -> str:
        batch, repair = self.prepare(run_id, text, **options)
        bench = self.bench
        bench.instance.add_dynamic_partitions(names.partitions_name("lume", bench.version), [batch])
        done = bench.project.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=bench.instance,
            asset_selection=[bench.key(step) for step in ("source", "transform", "target")],
            partition_key=batch,
            tags={names.TAG_RESUBMITS: repair.run_id, names.TAG_REPAIR: repair.dump()},
            raise_on_error=False,
        )
        assert done.success
        return names.public_id(done.run_id)

    def counts(self, run_id: str) -> tuple[int, int, int]:
        rows = read_details(self.bench.instance, run_id).metrics.row_counts
        assert rows.input == rows.mapped + rows.rejects
        return rows.input, rows.mapped, rows.rejects

    def held(self) -> list[tuple]:
        return self._query("SELECT _lume_source_path, _lume_row, amount FROM sales.orders")

    def rejected(self) -> list[tuple]:
        return self._query("SELECT _lume_source_path, _lume_row FROM sales.orders_rejects")

    def _query(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as con:
            return con.execute(f"{query} ORDER BY ALL").fetchall()


@pytest.fixture
def shop(bench) -> Shop:
    return Shop(bench)


@pytest.fixture
def first(shop) -> str:
    """A run that rejected rows 2 and 4 of five."""
    shop.bench.put("a.csv", "1", "x", "3", "y", "5")
    return shop.run("a.csv")


REPAIRED = "_lume_row,id,amount\n2,a.csv-1,2\n4,a.csv-3,4\n"
WHOLE = [("a.csv", n, n) for n in (1, 2, 3, 4, 5)]


def test_repaired_rows_join_their_batch_and_the_rejects_go(shop, first):
    shop.bench.put("b.csv", "7", "z")
    shop.run("b.csv")
    again = shop.resubmit(first, REPAIRED)
    assert shop.held() == [*WHOLE, ("b.csv", 1, 7)]
    assert shop.rejected() == [("b.csv", 2)]
    assert shop.counts(again) == (5, 5, 0)
    assert read_details(shop.bench.instance, again).summary.resubmits == first


def test_rows_that_are_still_bad_stay_rejects_with_their_new_reasons(shop, first):
    again = shop.resubmit(first, "_lume_row,id,amount\n2,a.csv-1,2\n4,a.csv-3,zz\n")
    assert shop.counts(again) == (5, 4, 1)
    assert shop.rejected() == [("a.csv", 4)]
    (value,) = shop._query("SELECT errors[1].value FROM sales.orders_rejects")[0]
    assert value == "zz"


def test_a_row_that_is_not_in_the_file_stays_a_reject(shop, first):
    shop.resubmit(first, "_lume_row,amount\n2,2\n")
    assert shop.rejected() == [("a.csv", 4)]


def test_what_was_repaired_before_stays_repaired(shop, first):
    shop.resubmit(first, "_lume_row,amount\n2,2\n")
    again = shop.resubmit(first, "_lume_row,amount\n4,4\n", name="other.csv")
    assert shop.held() == WHOLE
    assert shop.counts(again) == (5, 5, 0)


def test_of_two_repairs_of_a_row_the_newest_is_kept(shop, first):
    shop.resubmit(first, REPAIRED)
    shop.resubmit(first, "_lume_row,amount\n2,22\n", name="other.csv")
    assert [row for row in shop.held() if row[1] == 2] == [("a.csv", 2, 22)]
    assert len(shop.held()) == len(WHOLE)


def test_the_same_file_is_refused_and_when_forced_changes_nothing(shop, first):
    shop.resubmit(first, REPAIRED)
    with pytest.raises(InvalidRequestError, match="in the target since run_"):
        shop.prepare(first, REPAIRED)
    shop.resubmit(first, REPAIRED, again=True)
    assert shop.held() == WHOLE


def test_the_rejects_of_a_run_are_known_to_those_that_resubmit_them(shop, first):
    second = shop.resubmit(first, "_lume_row,amount\n2,2\n")
    shop.resubmit(second, "_lume_row,amount\n2,22\n4,4\n", name="other.csv")
    assert [row[2] for row in shop.held()] == [1, 22, 3, 4, 5]
    with pytest.raises(InvalidRequestError, match="were not rejected by the run: 1"):
        shop.prepare(second, "_lume_row,amount\n1,2\n")


def test_a_repaired_row_must_not_repeat_a_key(shop, first):
    shop.write("replace_batch")
    run = shop.run("a.csv")
    again = shop.resubmit(run, "_lume_row,id,amount\n4,a.csv-0,4\n")
    assert shop.counts(again) == (5, 3, 2)
    assert ("a.csv", 4) in shop.rejected()


def test_a_merge_is_handed_repaired_rows_alone(shop):
    """A later batch has brought other values of the other rows' keys."""
    shop.write("merge")
    shop.bench.put("a.csv", "1", "x", "3", "y")
    run = shop.run("a.csv")
    (shop.folder / "files" / "later.csv").write_text("id,amount\na.csv-0,100\n")
    shop.run("later.csv")
    shop.resubmit(run, "_lume_row,amount\n2,2\n")
    (shop.folder / "files" / "later.csv").write_text("id,amount\na.csv-1,200\n")
    shop.bench.materialize("later.csv")
    again = shop.resubmit(run, "_lume_row,amount\n4,4\n", name="other.csv")
    assert shop.held() == [
        ("a.csv", 3, 3),
        ("a.csv", 4, 4),
        ("later.csv", 1, 100),
        ("later.csv", 1, 200),
    ]
    assert (shop.rejected(), shop.counts(again)) == ([], (4, 4, 0))


def test_append_takes_the_batch_of_its_own_version_only(shop, first):
    ran = shop.bench.version
    shop.write("append")
    with pytest.raises(InvalidRequestError, match="appends: under it the rows of orders:v1"):
        shop.prepare(first, REPAIRED, ran=ran)
    shop.bench.put("c.csv", "1", "x")
    run = shop.run("c.csv")
    shop.resubmit(run, "_lume_row,amount\n2,2\n")
    assert [row for row in shop.held() if row[0] == "c.csv"] == [("c.csv", 1, 1), ("c.csv", 2, 2)]


def test_a_table_that_another_batch_has_replaced_is_left_alone(shop, first):
    shop.write("replace")
    run = shop.run("a.csv")
    shop.bench.put("b.csv", "7")
    shop.run("b.csv")
    with pytest.raises(InvalidRequestError, match=r"holds batch b.csv now, which batch a.csv"):
        shop.prepare(run, REPAIRED)


def test_another_version_may_take_the_repaired_batch(shop, first):
    ran = shop.bench.version
    shop.write("replace_batch")
    shop.resubmit(first, "_lume_row,amount\n2,2\n", ran=ran)
    again = shop.resubmit(first, "_lume_row,amount\n4,4\n", ran=ran, name="other.csv")
    assert shop.held() == WHOLE
    assert read_details(shop.bench.instance, again).summary.flow_version == "orders:v2"


def test_a_batch_that_was_read_anew_is_what_its_source_says(shop, first):
    shop.resubmit(first, REPAIRED)
    anew = shop.run("a.csv")
    assert shop.counts(anew) == (5, 3, 2)
    with pytest.raises(InvalidRequestError, match=f"read anew by {anew} after {first}"):
        shop.prepare(first, REPAIRED)
    shop.resubmit(anew, REPAIRED)
    assert shop.held() == WHOLE


def forget_staging(shop) -> None:
    shutil.rmtree(shop.folder / "data" / "staging")


def test_a_batch_that_is_staged_no_more_is_read_again(shop, first):
    forget_staging(shop)
    shop.resubmit(first, REPAIRED)
    assert shop.held() == WHOLE


def test_a_source_that_says_something_else_by_then_is_not_mixed_with_repairs(shop, first):
    forget_staging(shop)
    shop.bench.put("a.csv", "0", "1", "x", "3", "y", "5")
    batch, repair = shop.prepare(first, REPAIRED)
    bench = shop.bench
    done = bench.project.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=bench.instance,
        partition_key=batch,
        tags={names.TAG_REPAIR: repair.dump()},
        raise_on_error=False,
        asset_selection=[bench.key(step) for step in ("source", "transform", "target")],
    )
    error = read_details(bench.instance, names.public_id(done.run_id)).metadata["error"]
    assert "its source has changed: row 2 is not what was rejected" in error["message"]
    assert [row for row in shop.held() if row[0] == "a.csv"] == [WHOLE[0], WHOLE[2], WHOLE[4]]


def test_the_downloads_go_in_as_they_come_out(shop, first, tmp_path):
    run = client.run_status(first, project=shop.folder)
    for form, old, new in (("csv", "x", "2"), ("json", '"y"', '"4"')):
        (file,) = run.download_rejects(tmp_path / form, form)
        edited = [line.replace(old, new, 1) for line in file.read_text().splitlines()]
        assert run_named_in(shop.bench.instance, file) == run.id
        kept = edited if form == "csv" else edited[1:]
        shop.resubmit(first, "\n".join(kept) + "\n", name=f"edited.{form}")
    assert shop.held() == WHOLE


def test_json_lines_are_repaired_as_they_were(shop):
    lines = [{"id": "a", "amount": 1}, {"id": "b", "amount": {"value": 2}}]
    (shop.folder / "files" / "n.jsonl").write_text("\n".join(map(json.dumps, lines)))
    run = shop.run("n.jsonl")
    again = shop.resubmit(run, '{"_lume_row": 2, "id": "b", "amount": 2}\n', name="r.jsonl")
    assert shop.counts(again) == (2, 2, 0)
    assert shop.held() == [("n.jsonl", 1, 1), ("n.jsonl", 2, 2)]


def test_a_run_over_many_batches_must_be_told_which(shop):
    for name in ("a.csv", "b.csv"):
        shop.bench.put(name, "1", "x", "3")
    done = shop.bench.materialize("a.csv", "b.csv")
    run = names.public_id(done.run_id)
    with pytest.raises(InvalidRequestError, match=r"took 2 batches\.(?s:.*)source_path='a.csv'"):
        shop.prepare(run, "_lume_row,amount\n2,2\n")
    shop.resubmit(run, "_lume_row,amount\n2,2\n", source_path="b.csv")
    assert shop.rejected() == [("a.csv", 2)]


def test_a_file_with_a_column_too_many_is_refused_before_anything_runs(shop, first):
    said = "a column 'amuont', which the batch does not have.\n.*_lume_amuont .*'amount'"
    with pytest.raises(BatchError, match=said):
        shop.prepare(first, "_lume_row,amuont\n2,2\n")


def test_a_spreadsheet_may_turn_columns_around_and_bear_notes(shop, first):
    edited = "\ufeff_lume_note;amount;_lume_row\r\nby mail;2;2\r\n;4;4\r\n"
    again = shop.resubmit(first, edited, name="fixed.csv")
    assert shop.held() == WHOLE
    assert shop.counts(again)[2] == 0


def test_a_run_without_rejects_has_nothing_to_repair(shop):
    shop.bench.put("c.csv", "1", "2")
    clean = shop.run("c.csv")
    with pytest.raises(InvalidRequestError, match=r"were not rejected by the run: 2, 4"):
        shop.prepare(clean, REPAIRED)


@pytest.mark.parametrize("where", ["staged", "before_commit", "after_commit"])
def test_a_resubmission_killed_while_it_writes_and_then_repeated_is_there_once(shop, first, where):
    before = shop.held(), shop.rejected()
    shop.bench.stage.arrange(where, "kill")
    file = shop.folder / "repaired.csv"
    file.write_text(REPAIRED)
    run = client.run_status(first, project=shop.folder)
    with pytest.raises(RunFailedError, match="killed by SIGKILL"):
        run.resubmit(file).wait(**SOON)
    assert (shop.held(), shop.rejected()) in (before, (WHOLE, []))
    shop.resubmit(first, REPAIRED, name=file.name)
    assert (shop.held(), shop.rejected()) == (WHOLE, [])


def test_a_run_resubmits_in_a_process_of_its_own(shop, first):
    file = shop.folder / "repaired.csv"
    file.write_text(REPAIRED)
    run = client.run_status(first, project=shop.folder)
    again = run.resubmit(file, run_metadata={"by": "test"}).wait(**SOON)
    assert shop.held() == WHOLE
    assert again.metadata["run"]["resubmits"] == first
    assert again.metadata["run"]["run_metadata"] == {"by": "test"}


BY_QUERY = FLOW.replace(
    "connector: landing",
    "connector: store, query: 'SELECT id, amount FROM raw WHERE batch = :source_path'",
)


def test_rows_of_a_database_are_repaired_in_its_types(shop):
    with duckdb.connect(str(shop.folder / "store.duckdb")) as con:
        con.execute("CREATE TABLE raw(batch VARCHAR, id VARCHAR, amount DECIMAL(9, 2))")
        con.execute("INSERT INTO raw VALUES ('b1', 'x', 1), ('b1', NULL, 2.50), ('b2', 'y', 3)")
    publish(shop.folder, BY_QUERY.format(write="replace_batch").replace("BIGINT", "DOUBLE"))
    shop.bench = shop.bench.of_version(2)
    file = shop.folder / "definitions.py"
    store = '"store": DuckDBConnector(path=str(here / "store.duckdb")),\n        "landing"'
    file.write_text(file.read_text().replace('"landing"', store, 1))
    run = shop.run("b1")
    again = shop.resubmit(run, "_lume_row,id,amount\n2,z,2.00\n")
    assert shop.counts(again) == (2, 2, 0)
    assert shop.held() == [("b1", 1, 1), ("b1", 2, 2)]
