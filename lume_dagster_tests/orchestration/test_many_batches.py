"""A run over many batches: figures for each, and a bad one does not stop the others."""

from __future__ import annotations

import dagster as dg
import pandas as pd
import pytest

from lume_dagster.orchestration.newest import newest
from lume_dagster.orchestration.query import batch_of, read_details
from lume_dagster.runs.output import part_files
from lume_dagster.runs.status import STEPS, Status


@pytest.fixture
def mixed(bench):
    """Three batches, of which the second cannot be mapped at all."""
    bench.put("a.csv", "1", "x")
    bench.put("b.csv", "x", "y")
    bench.put("c.csv", "1", "2", "3")
    return bench


def rows_of(bench, step, batch):
    found = newest(bench.instance, bench.key(step), batch)
    return None if found is None else found.metadata["dagster/partition_row_count"].value


def test_each_batch_has_its_own_figures(mixed):
    mixed.materialize("a.csv", "c.csv")
    assert [rows_of(mixed, "source", b) for b in ("a.csv", "c.csv")] == [2, 3]
    assert [rows_of(mixed, "target", b) for b in ("a.csv", "c.csv")] == [1, 3]


def test_a_bad_batch_does_not_stop_the_others(mixed):
    result = mixed.materialize("a.csv", "b.csv", "c.csv")
    assert not result.success
    assert [rows_of(mixed, "target", b) for b in ("a.csv", "b.csv", "c.csv")] == [1, None, 3]
    assert len(mixed.target.rows()) == 4


def test_the_run_says_which_batch_failed_and_why(mixed):
    result = mixed.materialize("a.csv", "b.csv", "c.csv")
    run = read_details(mixed.instance, f"run_{result.run_id}")
    assert run.summary.status is Status.FAILED
    assert (
        "1 of 3 batches failed; b.csv: All 2 rows were rejected"
        in (run.metadata["error"]["message"])
    )


def test_the_rejects_of_a_batch_that_was_refused_are_counted_and_readable(mixed):
    result = mixed.materialize("a.csv", "b.csv", "c.csv")
    run = read_details(mixed.instance, f"run_{result.run_id}")
    counts = run.metrics.row_counts
    assert (counts.input, counts.mapped, counts.rejects) == (7, 4, 3)
    assert set(run.batches) == {"a.csv", "b.csv", "c.csv"}
    batch, folder = batch_of(run, "b.csv")
    assert batch == "b.csv"
    (rejects,) = map(pd.read_parquet, part_files(folder, "rejects"))
    assert rejects["_lume_row"].tolist() == [1, 2]


def test_the_partition_that_failed_says_why_and_the_others_nothing(mixed):
    mixed.materialize("a.csv", "b.csv", "c.csv")
    told = {
        step: [
            (record.event_log_entry.dagster_event.partition, "All 2 rows were rejected" in words)
            for record in mixed.instance.fetch_observations(mixed.key(step), limit=9).records
            for words in [record.asset_observation.description]
        ]
        for step in STEPS
    }
    assert told == {"source": [], "transform": [("b.csv", True)], "target": [("b.csv", True)]}


def test_a_fault_of_ours_in_one_batch_is_a_crash_after_the_others(mixed):
    mixed.stage.arrange("transform", "bug")
    result = mixed.materialize("a.csv", "c.csv")
    run = read_details(mixed.instance, f"run_{result.run_id}")
    assert run.summary.status is Status.CRASHED
    assert rows_of(mixed, "target", "c.csv") == 3


def test_rejects_anywhere_make_the_run_partial_and_counts_are_summed(mixed):
    result = mixed.materialize("a.csv", "c.csv")
    run = read_details(mixed.instance, f"run_{result.run_id}")
    assert run.summary.status is Status.PARTIAL_FAILED
    assert run.metadata["row_counts"] == {"input": 5, "mapped": 4, "rejects": 1}
    assert len(run.output) == 2


def test_a_check_names_the_batches_that_fail_it(mixed):
    result = mixed.materialize("a.csv", "b.csv", "c.csv")
    checks = {c.check_name: c for c in result.get_asset_check_evaluations()}
    rejects = checks["rejects"]
    assert rejects.metadata["batches_failed"].value == 2
    failed = [r.data["source_path"] for r in rejects.metadata["failed"].records]
    assert failed == ["a.csv", "b.csv"]


def test_an_asset_downstream_in_the_same_run_is_not_skipped(mixed):
    seen = []

    @dg.asset(
        partitions_def=dg.DynamicPartitionsDefinition(name="lume/orders/v1"),
        ins={"orders": dg.AssetIn(mixed.key("transform"))},
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def report(orders: pd.DataFrame) -> None:
        seen.append(len(orders))

    assert mixed.materialize("a.csv", "c.csv", assets=(report,)).success
    assert seen == [4]
    assert rows_of(mixed, "target", "c.csv") == 3
