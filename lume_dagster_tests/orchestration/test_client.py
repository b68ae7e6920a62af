"""What the client refuses, finds and hands out; the runs themselves happen in this process."""

from __future__ import annotations

import pytest

import lume_dagster
from lume_dagster import client
from lume_dagster.errors import InvalidRequestError, NotFoundError, NotNowError
from lume_dagster.orchestration.launch import create
from lume_dagster.orchestration.names import dagster_id
from lume_dagster.orchestration.query import list_runs
from lume_dagster.runs.status import Status


def made(bench, source_path, **options):
    """A run as the client makes it, before its process is started."""
    return create(bench.project, bench.instance, bench.request(source_path, **options))


def end(bench, run_id, *, failed=False):
    run = bench.instance.get_run_by_id(run_id)
    (bench.instance.report_run_failed if failed else bench.instance.report_run_canceled)(run)


def test_a_batch_that_is_done_is_refused_unless_forced(bench):
    bench.materialize(bench.put("a.csv", "1", "x"))
    (done,) = bench.instance.get_runs()
    with pytest.raises(NotNowError, match="is done under orders:v1") as refused:
        made(bench, "a.csv")
    assert refused.value.run_id == f"run_{done.run_id}"
    assert made(bench, "a.csv", force_rerun=True)


def test_a_batch_that_failed_may_be_run_again(bench):
    bench.materialize(bench.put("a.csv", "x"))
    assert made(bench, "a.csv")


def test_a_batch_that_is_running_is_refused_even_when_forced(bench):
    first = made(bench, "a.csv")
    with pytest.raises(NotNowError, match=f"being run by run_{first}") as refused:
        made(bench, "a.csv", force_rerun=True)
    assert refused.value.run_id == f"run_{first}"


def test_other_batches_are_free(bench):
    assert made(bench, "a.csv") != made(bench, "b.csv")


def test_each_try_of_a_batch_is_a_run_of_its_own(bench):
    first = made(bench, "a.csv")
    end(bench, first, failed=True)
    second = made(bench, "a.csv")
    end(bench, second)
    assert len({first, second, made(bench, "a.csv")}) == 3


def test_a_deleted_run_does_not_block_the_next(bench):
    first = made(bench, "a.csv")
    end(bench, first)
    second = made(bench, "a.csv")
    end(bench, second)
    bench.instance.delete_run(first)
    assert made(bench, "a.csv") != second


def test_runs_can_be_found(bench):
    bench.materialize(bench.put("good.csv", "1"))
    bench.materialize(bench.put("mixed.csv", "1", "x"))
    bench.materialize(bench.put("bad.csv", "x"))
    found = list_runs(bench.instance, flow="orders")
    assert [(r.source_path, r.status) for r in found] == [
        ("bad.csv", Status.FAILED),
        ("mixed.csv", Status.PARTIAL_FAILED),
        ("good.csv", Status.SUCCEEDED),
    ]
    assert [r.source_path for r in list_runs(bench.instance, limit=1)] == ["bad.csv"]
    failed = list_runs(bench.instance, status=[Status.FAILED])
    assert [r.source_path for r in failed] == ["bad.csv"]
    by_path = list_runs(bench.instance, source_path="good.csv", flow_version="orders:v1")
    assert len(by_path) == 1
    assert list_runs(bench.instance, flow_version="orders:v2") == []


def test_a_run_is_seen_and_downloaded_by_id(bench, tmp_path):
    result = bench.materialize(bench.put("a.csv", "1", "x"))
    run = client.run_status(f"run_{result.run_id}", project=bench.folder)
    assert run.metrics.row_counts.rejects == 1
    assert {p.parent.name for p in run.download_all(tmp_path / "all")} == {
        "mapped",
        "rejects",
        "all",
    }
    (rejects,) = run.download_rejects(tmp_path / "rejects", output_format="json")
    assert '"INVALID_INTEGER"' in rejects.read_text()
    (mapped,) = run.download_mapped(tmp_path / "mapped")
    assert mapped.read_text().splitlines() == ["_lume_row,id,amount", "1,a.csv-0,1"]
    assert repr(run) == f"<LumeRun {run.id} PARTIAL_FAILED orders:v1 on a.csv>"


def test_a_run_over_many_batches_is_downloaded_by_batch(bench, tmp_path):
    bench.put("a.csv", "1")
    bench.put("b.csv", "1")
    result = bench.materialize("a.csv", "b.csv")
    run = client.run_status(f"run_{result.run_id}", project=bench.folder)
    folders = {p.parents[1].name.partition("-")[0] for p in run.download_mapped(tmp_path / "to")}
    assert folders == {"a.csv", "b.csv"}


def test_a_run_that_left_nothing_cannot_be_downloaded(bench, tmp_path):
    run_id = made(bench, "a.csv")
    run = client.run_status(f"run_{run_id}", project=bench.folder)
    with pytest.raises(InvalidRequestError, match="has left no rows"):
        run.download_all(tmp_path)


def test_input_files_become_a_batch(bench, tmp_path):
    files = [tmp_path / name for name in ("one.csv", "two.csv")]
    for number, file in enumerate(files):
        file.write_text(f"id,amount\n{number},{number}\n")
    upload = client.store_files(bench.project, bench.version, files, [])
    assert bench.materialize(upload).success
    assert [row["amount"] for row in bench.target.rows()] == [0, 1]


def test_an_uploaded_file_is_a_batch_that_any_flow_can_map(bench, tmp_path):
    (tmp_path / "one.csv").write_text("id,amount\na,5\n")
    batch = client.upload_file(tmp_path / "one.csv", project=bench.folder)
    assert client.upload_file(str(tmp_path / "one.csv"), project=bench.folder) == batch
    assert bench.materialize(batch).success
    assert [row["amount"] for row in bench.target.rows()] == [5]


def test_a_file_that_is_not_there_is_not_uploaded(bench):
    with pytest.raises(InvalidRequestError, match=r"There is no file nope\.csv"):
        client.upload_file("nope.csv", project=bench.folder)


def test_files_that_a_connector_knows_are_named_not_copied(bench):
    bench.put("a.csv", "7")
    upload = client.store_files(bench.project, bench.version, ["folder://a.csv"], [])
    assert bench.materialize(upload).success
    assert [row["amount"] for row in bench.target.rows()] == [7]
    assert not list((bench.folder / "data/uploads").rglob("a.csv"))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "either a source_path or input_files"),
        ({"source_path": "a", "input_files": ["b"]}, "either a source_path or input_files"),
        ({"source_path": "a", "seed_files": ["s.csv"]}, "seed_files go with input_files"),
        ({"source_path": "a...b"}, r"contains '\.\.\.'"),
        ({"input_files": []}, "input_files is empty"),
        ({"input_files": "a.csv"}, r"input_files is one path.*\n.*input_files=\['a\.csv'\]"),
        ({"source_path": "a", "run_metadata": "cron"}, "run_metadata is of the type str"),
        ({"source_path": "a", "run_metadata": {"at": object()}}, r"run_metadata\['at'\] is of"),
    ],
)
def test_a_wrong_request_is_refused(bench, request_, message):
    with pytest.raises(InvalidRequestError, match=message):
        client.run("orders:v1", project=bench.folder, **request_)
    assert bench.instance.get_runs_count() == 0


@pytest.mark.parametrize("name", ["nope:v1", "orders:v9"])
def test_an_unknown_version_is_refused(bench, name):
    with pytest.raises(NotFoundError, match=r"(?i)there is no flow|has no version"):
        client.run(name, source_path="a.csv", project=bench.folder)


def test_an_unknown_run_is_refused(bench):
    with pytest.raises(NotFoundError, match="no run run_nope"):
        client.run_status("run_nope", project=bench.folder)


def test_an_unknown_status_is_refused(bench):
    with pytest.raises(InvalidRequestError, match=r"no status 'suceeded'.*\n.*'SUCCEEDED'"):
        client.runs(status=["suceeded"], project=bench.folder)


def test_a_run_that_has_ended_cannot_be_canceled(bench):
    result = bench.materialize(bench.put("a.csv", "1"))
    run = client.run_status(f"run_{result.run_id}", project=bench.folder)
    with pytest.raises(InvalidRequestError, match="has ended"):
        run.cancel()


def test_ids_are_dagsters_with_a_prefix(bench):
    run_id = made(bench, "a.csv")
    assert dagster_id(client.run_status(f"run_{run_id}", project=bench.folder).id) == run_id


def test_two_versions_are_compared_on_a_batch_without_a_run(bench):
    bench.put("a.csv", "1", "x")
    found = lume_dagster.compare(
        "orders:v1", "orders:v1", source_path="a.csv", project=bench.folder
    )
    assert (found.input_rows, found.changed_rows, found.examples) == (2, 0, ())
    assert bench.instance.get_runs_count() == 0
