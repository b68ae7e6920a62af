"""A run over one batch: its statuses, figures, checks and errors, on a real instance."""

from __future__ import annotations

import dagster as dg
import pytest

from lume_dagster.orchestration.newest import newest
from lume_dagster.orchestration.query import read_details, read_summary
from lume_dagster.runs.status import STEPS, Status
from lume_dagster_tests.orchestration.conftest import publish


def details(bench, result):
    return read_details(bench.instance, f"run_{result.run_id}")


def test_good_rows_make_a_run_succeed(bench):
    run = details(bench, bench.materialize(bench.put("a.csv", "1", "2")))
    assert run.summary.status is Status.SUCCEEDED
    assert [row["amount"] for row in bench.target.rows()] == [1, 2]


def test_some_bad_rows_make_it_partial_and_both_are_written(bench):
    run = details(bench, bench.materialize(bench.put("a.csv", "1", "x", "3")))
    assert run.summary.status is Status.PARTIAL_FAILED
    assert run.metadata["row_counts"] == {"input": 3, "mapped": 2, "rejects": 1}
    assert '"original"' in bench.target.path.read_text()


def test_an_empty_batch_succeeds_with_no_rows(bench):
    run = details(bench, bench.materialize(bench.put("a.csv")))
    assert run.summary.status is Status.SUCCEEDED
    assert run.metrics.row_counts.input == 0


def test_nothing_but_bad_rows_fails_and_the_target_is_not_touched(bench):
    run = details(bench, bench.materialize(bench.put("a.csv", "x", "y")))
    assert run.summary.status is Status.FAILED
    assert run.metadata["error"]["code"] == "ALL_REJECTED"
    assert run.metadata["error"]["step"] == "transform"
    assert run.metrics.row_counts.rejects == 2
    assert "deliver" not in bench.stage.said


def test_rejects_of_a_refused_batch_stay_readable(bench):
    run = details(bench, bench.materialize(bench.put("a.csv", "x", "y")))
    (folder,) = run.output
    left = {p.name for p in bench.folder.joinpath(folder).iterdir()}
    assert left == {"mapped", "rejects", "metrics.json", "validation_results.json"}


def test_too_many_rejects_fail_the_run(bench):
    run = details(bench, bench.materialize(bench.put("a.csv", "1", "x", "y")))
    assert run.metadata["error"]["code"] == "ERROR_RATE"
    assert "2 of 3 rows" in run.metadata["error"]["message"]
    assert "deliver" not in bench.stage.said


@pytest.mark.parametrize(
    ("instead", "amounts", "code"),
    [
        (("on_fail: warn", "on_fail: fail"), ("1", "100"), "RULE_FAILED"),
        (("{unique: id}", "{row_count: {min: 3}}"), ("1", "2"), "CHECK_FAILED"),
    ],
    ids=["a rule", "a check"],
)
def test_what_fails_a_run_does_so_before_the_target_is_written(bench, instead, amounts, code):
    text = (bench.folder / "flows/orders/flow.yaml").read_text()
    publish(bench.folder, text.replace(*instead))
    bench = bench.of_version(2)
    run = details(bench, bench.materialize(bench.put("a.csv", *amounts)))
    assert run.metadata["error"]["code"] == code
    assert "deliver" not in bench.stage.said


def test_a_warning_rule_only_warns(bench):
    result = bench.materialize(bench.put("a.csv", "1", "100"))
    check = next(c for c in result.get_asset_check_evaluations() if c.check_name == "rule_small")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert details(bench, result).summary.status is Status.SUCCEEDED


def test_rejects_are_a_check_that_warns(bench):
    result = bench.materialize(bench.put("a.csv", "1", "x"))
    checks = {c.check_name: c for c in result.get_asset_check_evaluations()}
    assert {"rejects", "rule_small", "check_unique_id"} < set(checks)
    assert (checks["rejects"].passed, checks["rejects"].severity.value) == (False, "WARN")


@pytest.mark.parametrize("where", ["source", "deliver"])
def test_a_cause_people_can_mend_is_a_failed_run_with_its_sentence(bench, where):
    bench.stage.arrange(where, "connector")
    result = bench.materialize(bench.put("a.csv", "1"))
    run = details(bench, result)
    assert run.summary.status is Status.FAILED
    assert run.metadata["error"] == {
        "step": "target" if where == "deliver" else "source",
        "code": "ConnectorError",
        "message": "It is connector.",
        "hint": "mend it",
    }
    (failed,) = result.get_step_failure_events()
    said = failed.step_failure_data.user_failure_data
    assert said.description == "It is connector.\nHint: mend it"


def test_a_batch_that_failed_says_why_on_each_asset_that_lacks_it(bench):
    bench.put("a.csv", "x", "y")
    bench.materialize("a.csv")
    for step in ("transform", "target"):
        (record,) = bench.instance.fetch_observations(bench.key(step), limit=9).records
        seen = record.asset_observation
        assert seen.partition == "a.csv"
        assert "All 2 rows were rejected" in seen.description
        assert seen.metadata["lume/status"].value == "FAILED"
        assert seen.metadata["lume/rows_rejected"].value == 2
    assert not bench.instance.fetch_observations(bench.key("source"), limit=9).records


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"dagster/partition": "nope.csv"}, "nope.csv is no partition of orders:v1."),
        ({}, "This run names no partition of orders:v1."),
    ],
)
def test_a_run_of_no_partition_there_is_fails_with_a_sentence(bench, tags, says):
    bench.materialize(bench.put("a.csv", "1"))
    job = bench.project.definitions.resolve_implicit_global_asset_job_def()
    keys = [bench.key(step) for step in STEPS]
    run = details(
        bench,
        job.execute_in_process(
            instance=bench.instance, asset_selection=keys, tags=tags, raise_on_error=False
        ),
    )
    assert run.summary.status is Status.FAILED
    assert run.metadata["error"]["message"] == says
    assert "lume partitions list orders:v1" in run.metadata["error"]["hint"]


def test_a_fault_of_ours_is_a_crashed_run(bench):
    bench.stage.arrange("transform", "bug")
    run = details(bench, bench.materialize(bench.put("a.csv", "1")))
    assert run.summary.status is Status.CRASHED
    assert run.metadata["error"]["step"] == "transform"
    assert "a fault of ours" in run.metadata["error"]["message"]


@pytest.mark.parametrize("where", ["source", "deliver"])
def test_what_may_pass_is_tried_again(bench, where):
    bench.stage.arrange(where, "transient")
    run = details(bench, bench.materialize(bench.put("a.csv", "1")))
    assert run.summary.status is Status.SUCCEEDED
    assert bench.stage.said.count(where) == 2


def test_a_retry_says_that_it_does_not_read_a_source_that_was_mended(bench):
    bench.put("a.csv", "x", "y")
    first = bench.materialize("a.csv")
    bench.put("a.csv", "1", "2")
    runs = [bench.retry(first), bench.materialize("a.csv")]
    told = read_details(bench.instance, f"run_{runs[0].run_id}").metadata["error"]
    assert told["message"].startswith("All 2 rows were rejected")
    assert told["hint"].endswith("for a source that was mended start a run anew")
    assert runs[1].success


def test_a_retry_does_not_sync_the_source_again(bench):
    bench.put("a.csv", "1")
    bench.stage.arrange("deliver", "connector")
    first = bench.materialize("a.csv")
    again = bench.retry(first)
    assert again.success
    assert bench.stage.said.count("stage") == 1
    assert read_summary(bench.instance, f"run_{again.run_id}").status is Status.SUCCEEDED


def test_a_retry_of_a_run_does_not_inherit_its_failure(bench):
    bench.put("a.csv", "1")
    bench.stage.arrange("deliver", "connector")
    first = bench.materialize("a.csv")
    bench.stage.arrange("deliver", "bug")
    again = bench.retry(first)
    assert read_summary(bench.instance, f"run_{again.run_id}").status is Status.CRASHED


def test_a_new_run_syncs_the_source_again(bench):
    bench.put("a.csv", "1")
    bench.materialize("a.csv")
    bench.put("a.csv", "1", "2")
    bench.materialize("a.csv")
    assert len(bench.target.rows()) == 2


def test_older_staging_is_removed_when_a_batch_is_through(bench):
    bench.put("a.csv", "1")
    bench.materialize("a.csv")
    second = bench.materialize("a.csv")
    (batch,) = (bench.folder / "data/staging/orders/v1").iterdir()
    assert [p.name for p in batch.iterdir()] == [second.run_id]


def test_steps_can_be_taken_one_by_one(bench):
    bench.put("a.csv", "1", "x", "3")
    for step in ("source", "transform", "target"):
        assert bench.materialize("a.csv", steps=(step,)).success
    assert [row["amount"] for row in bench.target.rows()] == [1, 3]
    assert bench.stage.said.count("stage") == 1
    assert bench.stage.said.count("transform") == 1


def test_only_selected_steps_are_materialized(bench):
    result = bench.materialize(bench.put("a.csv", "1"), steps=("source",))
    assert [e.asset_key.path[-1] for e in result.get_asset_materialization_events()] == ["source"]


@pytest.mark.parametrize(
    ("step", "before"), [("transform", "is not staged"), ("target", "no mapped rows")]
)
def test_a_step_without_the_one_before_says_so(bench, step, before):
    run = details(bench, bench.materialize(bench.put("a.csv", "1"), steps=(step,)))
    assert run.summary.status is Status.FAILED
    assert before in run.metadata["error"]["message"]


def test_a_partition_added_by_hand_is_checked_too(bench):
    run = details(bench, bench.materialize("a\tb"))
    assert run.metadata["error"]["code"] == "InvalidRequestError"


def test_a_person_sees_the_figures_on_the_assets(bench):
    bench.materialize(bench.put("a.csv", "1", "x"))
    transform = newest(bench.instance, bench.key("transform"), "a.csv").metadata
    assert transform["dagster/partition_row_count"].value == 1
    assert transform["lume/error_rate"].value == 0.5
    (top,) = transform["lume/top_errors"].records
    assert top.data == {"code": "INVALID_INTEGER", "rows": 1}
    (reject,) = transform["lume/rejects_sample"].records
    assert (reject.data["row"], reject.data["errors"]) == (2, "amount: INVALID_INTEGER")
    lineage = transform["dagster/column_lineage"].value.deps_by_column["amount"]
    assert lineage == [dg.TableColumnDep(bench.key("source"), "amount")]
    schema = transform["dagster/column_schema"].value
    assert [(c.name, c.type, c.constraints.nullable) for c in schema.columns] == [
        ("id", "string", False),
        ("amount", "integer", True),
    ]


def test_the_target_says_where_and_how_long(bench):
    bench.materialize(bench.put("a.csv", "1"))
    target = newest(bench.instance, bench.key("target"), "a.csv").metadata
    seconds = {f"lume/seconds_{step}" for step in ("source", "transform", "target")}
    assert seconds < set(target)
    assert target["lume/mapped_location"].value == "sales.orders"


def test_metrics_on_disk_are_those_of_the_run(bench):
    run = details(bench, bench.materialize(bench.put("a.csv", "1", "x")))
    import json

    written = json.loads((bench.folder / run.output[0] / "metrics.json").read_text())
    assert written == run.metrics.to_dict()
    assert written["run_id"] == run.summary.id
