"""Checks that the operator sets: columns, row counts, rejects, keys and what arrived, over history."""

from __future__ import annotations

import dagster as dg
import duckdb
import pytest
from pydantic import ValidationError

import lume_dagster as lume
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector
from lume_dagster.errors import FlowError
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.newest import newest
from lume_dagster.orchestration.query import read_details
from lume_dagster.runs.status import Status

FLOW = """\
lume: 1
flow: orders
source: {connector: landing}
target: {connector: warehouse, table: orders, key: [id]}
schema:
  type: object
  properties: {id: {type: string}, amount: {type: integer}}
mapping: {id: id, amount: CAST(amount AS BIGINT)}
"""


class House:
    """The real engine, store and warehouse in this process, with checks as a test wants them."""

    def __init__(self, folder, instance):
        self.folder, self.instance = folder, instance
        home = folder / "flows/orders"
        home.mkdir(parents=True)
        (home / "flow.yaml").write_text(FLOW)
        (folder / "landing").mkdir()
        Library(folder / "flows").publish("orders", author="tests")

    def definitions(self, target=None, **checks):
        return lume.build_definitions(
            self.folder / "flows",
            {
                "landing": LocalFilesConnector(root=str(self.folder / "landing")),
                "warehouse": target or self.warehouse,
            },
            data=self.folder / "data",
            checks=lume.Checks(**checks),
        )

    @property
    def warehouse(self):
        return DuckDBConnector(path=str(self.folder / "warehouse.duckdb"))

    def put(self, name, rows, header="id,amount"):
        lines = [f"{name}-{n},{n}" + ",x" * (header.count(",") - 1) for n in range(rows)]
        (self.folder / "landing" / name).write_text("\n".join([header, *lines, ""]))
        return name

    def run(self, *batches, tags=(), defs=None, steps=(), **checks):
        self.instance.add_dynamic_partitions("lume/orders/v1", list(batches))
        span = {
            "dagster/asset_partition_range_start": batches[0],
            "dagster/asset_partition_range_end": batches[-1],
        }
        chosen = defs or self.definitions(**checks)
        return chosen.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=[key(step) for step in steps] or None,
            partition_key=batches[0] if len(batches) == 1 else None,
            tags={**dict(tags), **(span if len(batches) > 1 else {})},
            raise_on_error=False,
        )

    def history(self, *rows):
        """A batch for each number of rows, run together."""
        names = [self.put(f"day{n:02}.csv", count) for n, count in enumerate(rows)]
        assert self.run(*names).success


@pytest.fixture
def house(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield House(tmp_path, instance)


def key(step):
    return dg.AssetKey(["lume", "orders", "v1", step])


def check(result, name):
    (found,) = [c for c in result.get_asset_check_evaluations() if c.check_name == name]
    return found


def value(found, name):
    return found.metadata[name].value


def names(defs):
    (assets,) = (a for a in defs.assets if isinstance(a, dg.AssetsDefinition))
    return {(spec.asset_key.path[-1], spec.name) for spec in assets.check_specs}


def test_each_asset_has_its_checks(house):
    assert names(house.definitions()) == {
        ("source", "schema_contract"),
        ("source", "row_count_anomaly"),
        ("transform", "rejects"),
        ("transform", "reject_rate"),
        ("transform", "unique_key"),
        ("target", "reconciliation"),
    }


def test_a_check_that_is_ignored_is_not_there(house):
    ignored = dict.fromkeys(("schema_contract", "unique_key", "reconciliation"), "ignore")
    assert names(house.definitions(**ignored)) == {
        ("source", "row_count_anomaly"),
        ("transform", "rejects"),
        ("transform", "reject_rate"),
    }
    assert house.run(house.put("a.csv", 1), **ignored).success


def test_a_check_is_misspelt(house):
    with pytest.raises(ValidationError, match="'ignore', 'warn' or 'fail'"):
        lume.Checks(schema_contract="off")
    with pytest.raises(ValidationError, match="schema_contrakt"):
        lume.Checks(schema_contrakt="warn")


def test_checks_for_a_flow_that_is_not_there_are_refused(house):
    with pytest.raises(FlowError, match="checks for a flow 'order'") as caught:
        lume.build_definitions(
            house.folder / "flows",
            {"landing": house.warehouse, "warehouse": house.warehouse},
            checks={"order": lume.Checks()},
        )
    assert "orders" in caught.value.hint


def test_checks_may_differ_by_flow(house):
    defs = lume.build_definitions(
        house.folder / "flows",
        {"landing": house.warehouse, "warehouse": house.warehouse},
        checks={"orders": lume.Checks(row_count_anomaly="ignore")},
    )
    assert ("source", "row_count_anomaly") not in names(defs)
    assert ("source", "schema_contract") in names(defs)


# -- columns


def test_the_first_batch_has_nothing_to_be_compared_with(house):
    found = check(house.run(house.put("a.csv", 1)), "schema_contract")
    assert found.passed
    assert "there is no earlier batch" in found.description


def test_new_and_gone_columns_are_named_and_only_warn(house):
    house.run(house.put("a.csv", 1, header="id,amount,note"))
    found = check(house.run(house.put("b.csv", 1, header="id,amount,remark")), "schema_contract")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description == "note is gone; remark is new since a.csv."
    assert (value(found, "new"), value(found, "gone")) == (["remark"], ["note"])
    assert (value(found, "columns_new"), value(found, "columns_gone")) == (1, 1)
    assert newest(house.instance, key("target"), "b.csv") is not None


def test_a_batch_that_is_run_again_is_not_compared_with_itself(house):
    house.run(house.put("a.csv", 1))
    house.put("b.csv", 1, header="id,amount,note")
    for _ in range(2):
        found = check(house.run("b.csv"), "schema_contract")
        assert (found.passed, value(found, "compared_with")) == (False, "a.csv")


def test_a_column_that_the_flow_needs_is_named_before_the_run_fails(house):
    result = house.run(house.put("a.csv", 1, header="id,amuont"))
    found = check(result, "schema_contract")
    assert found.description == "amount, which the flow needs, is missing."
    assert value(found, "columns_missing") == 1
    run = read_details(house.instance, f"run_{result.run_id}")
    assert run.summary.status is Status.FAILED
    assert "no column 'amount'" in run.metadata["error"]["message"]


def test_a_column_of_another_type_is_named(house):
    landing = house.folder / "landing"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT 'a' AS id, 1 AS amount) TO '{landing / 'a.parquet'}'")
        engine.execute(f"COPY (SELECT 'b' AS id, 1::BIGINT AS amount) TO '{landing / 'b.parquet'}'")
    house.run("a.parquet")
    found = check(house.run("b.parquet"), "schema_contract")
    assert value(found, "retyped") == ["amount was INTEGER and is BIGINT"]


def test_a_schema_contract_that_fails_stops_the_batch_before_it_is_mapped(house):
    house.run(house.put("a.csv", 1))
    result = house.run(house.put("b.csv", 1, header="id,amount,note"), schema_contract="fail")
    run = read_details(house.instance, f"run_{result.run_id}")
    assert run.summary.status is Status.FAILED
    assert run.metadata["error"]["code"] == "SCHEMA_CONTRACT"
    assert run.metadata["error"]["step"] == "source"
    assert check(result, "schema_contract").severity is dg.AssetCheckSeverity.ERROR
    assert newest(house.instance, key("source"), "b.csv") is None


def test_a_batch_that_is_forced_passes_and_is_what_the_next_is_compared_with(house):
    house.run(house.put("a.csv", 1))
    fails = {"schema_contract": "fail"}
    house.put("b.csv", 1, header="id,amount,note")
    result = house.run("b.csv", tags={"lume/force_rerun": "true"}.items(), **fails)
    assert result.success
    assert not check(result, "schema_contract").passed
    again = house.run(house.put("c.csv", 1, header="id,amount,note"), **fails)
    assert check(again, "schema_contract").passed


# -- row counts


def test_a_short_batch_is_unusual_and_says_what_is_usual(house):
    house.history(*range(950, 1110, 10))
    found = check(house.run(house.put("short.csv", 12)), "row_count_anomaly")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description.startswith("12 rows; the last 16 batches had 950 to 1,100")
    assert value(found, "rows") == 12
    assert value(found, "usual_min") in range(700, 951)
    assert value(found, "usual_max") in range(1100, 1350)


def test_with_little_history_nothing_is_unusual(house):
    house.history(1000, 1000)
    found = check(house.run(house.put("short.csv", 12)), "row_count_anomaly")
    assert found.passed
    assert found.description == (
        "12 rows; too little history to tell what is usual (2 earlier batches)."
    )


def test_a_short_batch_can_be_kept_from_the_target(house):
    house.history(*[100] * 6)
    result = house.run(house.put("short.csv", 1), row_count_anomaly="fail")
    run = read_details(house.instance, f"run_{result.run_id}")
    assert run.metadata["error"]["code"] == "ROW_COUNT_ANOMALY"
    assert "force_rerun" in run.metadata["error"]["hint"]
    assert newest(house.instance, key("target"), "short.csv") is None


def test_batches_of_one_run_are_history_to_one_another(house):
    batches = [house.put(f"b{n}.csv", 100) for n in range(6)]
    result = house.run(*batches, house.put("c.csv", 1))
    found = check(result, "row_count_anomaly")
    assert (found.passed, value(found, "batches"), value(found, "batches_failed")) == (False, 7, 1)
    (failed,) = found.metadata["failed"].records
    assert failed.data["source_path"] == "c.csv"
    assert value(found, "rows") == 100


def test_history_is_asked_for_once_a_run(house):
    asked = []

    class Counting:
        """An instance that tells when it is asked for what came before."""

        def __init__(self, inner):
            self.inner = inner

        def fetch_materializations(self, *args, **kwargs):
            asked.append(args)
            return self.inner.fetch_materializations(*args, **kwargs)

    from lume_dagster.orchestration.checks.history import History

    house.history(*[10] * 3)
    history = History(Counting(house.instance), key("source"), 20)
    for n in range(50):
        assert len(history.before(f"x{n}.csv")) == 3
    assert len(asked) == 1


# -- rejects and keys


def test_rejects_above_the_operators_bound_warn(house):
    (house.folder / "landing/a.csv").write_text("id,amount\n1,1\n2,2\n3,x\n")
    found = check(house.run("a.csv", reject_rate_above=0.1), "reject_rate")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description == "33.33% of the rows were rejected; up to 10.00% are allowed."
    assert value(found, "error_rate") == 0.3333


def test_rejects_within_the_bound_pass_and_the_run_is_partial_all_the_same(house):
    (house.folder / "landing/a.csv").write_text("id,amount\n1,1\n2,2\n3,x\n")
    result = house.run("a.csv", reject_rate_above=0.5)
    assert check(result, "reject_rate").passed
    assert not check(result, "rejects").passed
    tags = house.instance.get_run_by_id(result.run_id).tags
    assert (tags["lume/status"], tags["lume/rejected_rows"]) == ("PARTIAL_FAILED", "1")
    target = newest(house.instance, key("target"), "a.csv")
    assert target.metadata["lume/status"].value == "PARTIAL_FAILED"


def test_rejects_above_the_operators_bound_can_fail_the_run(house):
    (house.folder / "landing/a.csv").write_text("id,amount\n1,1\n2,2\n3,x\n")
    result = house.run("a.csv", reject_rate_above=0.1, reject_rate="fail")
    assert not result.success
    tags = house.instance.get_run_by_id(result.run_id).tags
    assert (tags["lume/status"], tags["lume/error"]) == ("FAILED", "REJECT_RATE")
    assert newest(house.instance, key("target"), "a.csv") is None


def test_repeated_keys_are_counted(house):
    (house.folder / "landing/a.csv").write_text("id,amount\n1,1\n1,2\n2,3\n")
    found = check(house.run("a.csv"), "unique_key")
    assert (found.passed, value(found, "rows_failed"), value(found, "rows")) == (False, 1, [2])
    assert found.description == "1 row repeats the id of an earlier row; it was rejected."


def test_a_run_without_rejects_has_no_status_of_ours(house):
    result = house.run(house.put("a.csv", 1))
    assert "lume/status" not in house.instance.get_run_by_id(result.run_id).tags


# -- reconciliation


def test_what_was_read_is_found_in_the_target(house):
    (house.folder / "landing/a.csv").write_text("id,amount\n1,1\n2,2\n3,x\n")
    found = check(house.run("a.csv", read_back=True), "reconciliation")
    assert found.passed
    assert found.description == (
        "3 rows were read: 2 mapped and 1 rejected, all in the target, where 2 were counted."
    )
    assert {n: value(found, n) for n in ("rows_lost", "rows_held")} == {
        "rows_lost": 0,
        "rows_held": 2,
    }


def test_batches_of_one_run_are_counted_in_the_target(house):
    batches = [house.put(f"b{n}.csv", n + 1) for n in range(3)]
    found = check(house.run(*batches, read_back=True), "reconciliation")
    assert (found.passed, value(found, "rows_held"), value(found, "batches")) == (True, 3, 3)


class Leaky(DuckDBConnector):
    """A target from which somebody takes a row as soon as it is there."""

    def deliver(self, delivery, checkpoint=lambda _: None):
        receipt = super().deliver(delivery, checkpoint)
        with duckdb.connect(self.path) as connection:
            connection.execute("DELETE FROM orders WHERE _lume_row = 1")
        return receipt


def test_a_row_that_did_not_arrive_fails_the_run(house):
    leaky = Leaky(path=str(house.folder / "warehouse.duckdb"))
    defs = house.definitions(leaky, read_back=True)
    result = house.run(house.put("a.csv", 3), defs=defs)
    found = check(result, "reconciliation")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found.description == "3 rows were mapped, but 2 are in the target."
    run = read_details(house.instance, f"run_{result.run_id}")
    assert run.metadata["error"]["code"] == "RECONCILIATION"


def test_the_target_alone_reconciles_what_was_mapped_before(house):
    house.run(house.put("a.csv", 3), steps=("source", "transform"))
    result = house.run("a.csv", steps=("target",))
    assert {c.check_name for c in result.get_asset_check_evaluations()} == {"reconciliation"}
    assert check(result, "reconciliation").passed


def test_checks_without_their_assets_say_what_to_do(house):
    house.run(house.put("a.csv", 3))
    defs = house.definitions()
    job = defs.resolve_implicit_global_asset_job_def()
    alone = dg.AssetCheckKey(key("transform"), "rejects")
    subset = job.get_subset(asset_check_selection={alone}, asset_selection=set())
    result = subset.execute_in_process(instance=house.instance, raise_on_error=False)
    assert not result.success
    (failed,) = result.get_step_failure_events()
    assert "materialize" in failed.step_failure_data.user_failure_data.description
