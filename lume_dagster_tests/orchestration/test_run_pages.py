"""Pages of runs: what is on them, in which order, and how many there are in all."""

from __future__ import annotations

import dagster as dg
import pytest

from lume_dagster.orchestration.launch import create
from lume_dagster.orchestration.names import dagster_id, public_id
from lume_dagster.orchestration.query import ended_among, list_runs
from lume_dagster.orchestration.run_pages import Wanted, page_of_runs
from lume_dagster.runs.status import Status


@pytest.fixture
def history(bench):
    """A run of each end, and one that waits."""
    bench.materialize(bench.put("good.csv", "1", "2"))
    bench.materialize(bench.put("mixed.csv", "1", "x"))
    bench.materialize(bench.put("bad.csv", "x", "y"))
    for name, end in (("dead.csv", "report_run_failed"), ("gone.csv", "report_run_canceled")):
        run_id = create(bench.project, bench.instance, bench.request(name))
        getattr(bench.instance, end)(bench.instance.get_run_by_id(run_id))
    create(bench.project, bench.instance, bench.request("new.csv"))
    return bench.instance


def found(instance, *, page=1, size=50, **wanted):
    items, total = page_of_runs(instance, Wanted(**wanted), page=page, size=size)
    return [one.source_path for one in items], total


def test_all_runs_come_newest_first(history):
    names = ["new.csv", "gone.csv", "dead.csv", "bad.csv", "mixed.csv", "good.csv"]
    assert found(history) == (names, 6)
    assert [one.source_path for one in list_runs(history)] == names


@pytest.mark.parametrize(
    ("page", "names"),
    [(1, ["new.csv", "gone.csv"]), (3, ["mixed.csv", "good.csv"]), (4, [])],
    ids=["first", "last", "past the last"],
)
def test_a_page_knows_how_many_there_are(history, page, names):
    assert found(history, page=page, size=2) == (names, 6)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (Status.CREATED, "new.csv"),
        (Status.SUCCEEDED, "good.csv"),
        (Status.PARTIAL_FAILED, "mixed.csv"),
        (Status.FAILED, "bad.csv"),
        (Status.CRASHED, "dead.csv"),
        (Status.CANCELED, "gone.csv"),
    ],
)
def test_each_status_has_its_runs(history, status, name):
    assert found(history, statuses=[status]) == ([name], 1)
    assert [one.source_path for one in list_runs(history, status=[status])] == [name]


def test_several_statuses_keep_the_order(history):
    wanted = [Status.SUCCEEDED, Status.CANCELED, Status.PARTIAL_FAILED]
    assert found(history, statuses=wanted) == (["gone.csv", "mixed.csv", "good.csv"], 3)


def test_a_running_run_is_found_by_its_phase(history, bench):
    run_id = create(bench.project, history, bench.request("now.csv"))
    history.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            level="debug",
            user_message="",
            run_id=run_id,
            timestamp=1.0,
            dagster_event=dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.RUN_START.value, job_name="__ASSET_JOB"
            ),
        )
    )
    assert found(history, statuses=[Status.SYNCING_SOURCE]) == (["now.csv"], 1)
    assert found(history, statuses=[Status.TRANSFORMING]) == ([], 0)


@pytest.mark.parametrize(
    "wanted",
    [{"flow": "orders"}, {"flow_version": "orders:v1"}, {"source_paths": ["bad.csv", "new.csv"]}],
    ids=["flow", "version", "batch"],
)
def test_what_is_asked_for_is_found(history, wanted):
    names, total = found(history, **wanted)
    assert total == len(names) == (2 if "source_paths" in wanted else 6)


def test_what_is_not_there_is_an_empty_page(history):
    assert found(history, flow="nope") == ([], 0)
    assert found(history, source_paths=[]) == ([], 0)


def test_runs_of_others_do_not_count(bench):
    bench.instance.add_run(dg.DagsterRun(job_name="somebody_else"))
    assert found(bench.instance) == ([], 0)


def test_those_that_ended_are_told_by_one_question(history):
    runs = {one.source_path: one.id for one in list_runs(history)}
    deleted = public_id("00000000-0000-0000-0000-000000000000")
    assert history.get_run_by_id(dagster_id(deleted)) is None
    told = ended_among(history, [runs["new.csv"], runs["dead.csv"], deleted])
    assert told == {runs["dead.csv"], deleted}
