"""A sensor sees what arrives: each delivery once, none lost, and one bad place stops no other."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.connectors import DuckDBConnector
from lume_dagster.errors import FlowError
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.arrival import Arrival, Arrived, listed
from lume_dagster.orchestration.arrival_cursor import Cursor, Memory, load_cursor
from lume_dagster.orchestration.arrival_sensor import Watch, choose, look
from lume_dagster.orchestration.batch_schedule import BatchSchedule
from lume_dagster.orchestration.definitions import build_definitions
from lume_dagster.orchestration.translator import place
from lume_dagster_tests.orchestration.conftest import publish
from lume_dagster_tests.orchestration.fakes import FolderStore

NOW = Arrival(flow="orders", path="*.csv", settle=False)


def placed(version):
    return place(version, "lume", {"landing": "folder", "warehouse": "onefile"})


@pytest.fixture
def watch(bench):
    library = Library(bench.folder / "flows")
    versions = {v.name: placed(v) for v in library.load_all(drafts=False).versions}
    return Watch((NOW,), versions, library)


@pytest.fixture
def tick(bench):
    def ticked(watch, cursor=None, landing=None):
        store = landing or FolderStore(bench.stage, bench.folder / "files")
        context = dg.build_sensor_context(
            instance=bench.instance, cursor=cursor, resources={"landing": store}
        )
        with context:
            return look(watch, context)

    return ticked


def publish_next(bench):
    text = (bench.folder / "flows/orders/flow.yaml").read_text()
    publish(bench.folder, text.replace("Orders of a test", "Orders of another test"))


def paths(result):
    return [request.partition_key for request in result.run_requests]


def test_each_file_becomes_a_partition_and_a_run_once(bench, watch, tick):
    bench.put("a.csv", "1")
    bench.put("b.csv", "2")
    first = tick(watch)
    assert paths(first) == ["a.csv", "b.csv"]
    (added,) = first.dynamic_partitions_requests
    assert (added.partitions_def_name, added.partition_keys) == ("lume/orders/v1", paths(first))
    assert paths(tick(watch, first.cursor)) == []


def test_a_file_that_is_delivered_again_runs_again(bench, watch, tick):
    bench.put("a.csv", "1")
    first = tick(watch)
    bench.put("a.csv", "1", "2")
    again = tick(watch, first.cursor)
    assert paths(again) == ["a.csv"]
    assert first.run_requests[0].run_key != again.run_requests[0].run_key


def test_a_file_that_a_backfill_has_delivered_runs_when_it_is_delivered_again(bench, watch, tick):
    bench.put("a.csv", "1")
    bench.put("b.csv", "2")
    assert bench.materialize("a.csv").success
    first = tick(watch)
    assert paths(first) == ["b.csv"]
    bench.put("a.csv", "1", "3")
    assert paths(tick(watch, first.cursor)) == ["a.csv"]


def test_a_file_that_did_not_reach_the_target_is_asked_for(bench, watch, tick):
    bench.put("a.csv", "1")
    assert bench.materialize("a.csv", steps=("source", "transform")).success
    assert paths(tick(watch)) == ["a.csv"]


def test_what_another_version_has_delivered_is_asked_for(bench, watch, tick):
    bench.put("a.csv", "1")
    assert bench.materialize("a.csv").success
    publish_next(bench)
    library = Library(bench.folder / "flows")
    library.activate("orders:v2", author="tests")
    versions = {v.name: placed(v) for v in library.load_all(drafts=False).versions}
    (request,) = tick(replace(watch, versions=versions)).run_requests
    assert request.tags["lume/flow_version"] == "orders:v2"


@pytest.mark.parametrize("cursor", [None, "", "nonsense", "[]", '{"version": 7}', '{"version": 1}'])
def test_a_reset_cursor_asks_under_the_same_keys_which_dagster_knows(bench, watch, tick, cursor):
    bench.put("a.csv", "1")
    first, again = tick(watch), tick(watch, cursor)
    assert [r.run_key for r in first.run_requests] == [r.run_key for r in again.run_requests]


def test_a_file_that_is_still_written_waits_until_it_rests(bench, watch, tick):
    watch = replace(watch, arrivals=(replace(NOW, settle=True),))
    bench.put("a.csv", "1")
    first = tick(watch)
    bench.put("a.csv", "1", "2")
    second = tick(watch, first.cursor)
    third = tick(watch, second.cursor)
    assert [paths(r) for r in (first, second, third)] == [[], [], ["a.csv"]]


def test_a_tick_asks_for_no_more_than_it_may_and_the_rest_comes_later(bench, watch, tick):
    watch = replace(watch, arrivals=(replace(NOW, at_most=2),))
    for name in ("a.csv", "b.csv", "c.csv"):
        bench.put(name, "1")
    first = tick(watch)
    assert [paths(first), paths(tick(watch, first.cursor))] == [["a.csv", "b.csv"], ["c.csv"]]


def test_nothing_is_asked_for_while_too_much_waits(bench, watch, tick):
    bench.put("a.csv", "1")
    watch = replace(watch, arrivals=(replace(NOW, backlog=1),))
    job = bench.project.definitions.resolve_implicit_global_asset_job_def()
    waiting = bench.instance.create_run_for_job(job, tags={"lume/flow": "orders"})
    held = tick(watch)
    assert paths(held) == []
    bench.instance.report_run_canceled(waiting)
    assert paths(tick(watch, held.cursor)) == ["a.csv"]


def test_a_place_that_cannot_be_read_is_observed_once_and_stops_no_other(bench, watch, tick):
    bench.put("a.csv", "1")
    broken = replace(NOW, query="SELECT 1", path=None)
    watch = replace(watch, arrivals=(broken, NOW))
    first = tick(watch)
    assert paths(first) == ["a.csv"]
    (seen,) = first.asset_events
    assert seen.asset_key == bench.key("source")
    assert "answers no queries" in seen.metadata["lume/error"].text
    assert tick(watch, first.cursor).asset_events == []


def test_an_empty_folder_is_no_trouble_and_the_tick_says_so(watch, tick):
    nothing = tick(watch)
    assert (paths(nothing), nothing.asset_events) == ([], [])
    assert "There is no file *.csv" in nothing.skip_reason.skip_message


def test_a_name_that_cannot_be_a_partition_is_observed(bench, watch, tick):
    bench.put("a...b.csv", "1")
    bench.put("c.csv", "1")
    result = tick(watch)
    assert paths(result) == ["c.csv"]
    assert "contains '...'" in result.asset_events[0].metadata["lume/error"].text


def test_the_active_version_runs_what_arrives(bench, watch, tick):
    publish_next(bench)
    library = Library(bench.folder / "flows")
    watch = replace(
        watch, versions={v: placed(library.resolve(v)) for v in ("orders:v1", "orders:v2")}
    )
    bench.put("a.csv", "1")
    library.activate("orders:v1", author="tests")
    first = tick(watch)
    library.activate("orders:v2", author="tests")
    bench.put("b.csv", "1")
    second = tick(watch, first.cursor)
    told = [r.run_requests[0].tags["lume/flow_version"] for r in (first, second)]
    assert told == ["orders:v1", "orders:v2"]
    assert paths(second) == ["b.csv"]


def test_a_version_activated_after_loading_asks_for_a_reload(bench, watch, tick):
    publish_next(bench)
    Library(bench.folder / "flows").activate("orders:v2", author="tests")
    seen = tick(watch).asset_events[0]
    assert seen.metadata["lume/hint"].text == "reload the code location"


def test_what_there_is_no_time_for_comes_first_in_the_next_tick(bench, watch, tick):
    other = replace(NOW, path="b*.csv")
    watch = replace(watch, arrivals=(replace(NOW, path="a*.csv"), other), budget=-1.0)
    bench.put("a.csv", "1")
    bench.put("b.csv", "1")
    first = tick(watch)
    assert [paths(first), paths(tick(watch, first.cursor))] == [["a.csv"], ["b.csv"]]


def test_dagster_takes_the_sensor_and_its_answer(bench):
    bench.put("a.csv", "1")
    defs = bench_definitions(bench, arrivals=[NOW])
    sensor = defs.resolve_sensor_def("lume_arrivals")
    assert (
        sensor.description == f"Runs each batch once it has arrived: {NOW.flow} from {NOW.place}."
    )
    with dg.instance_for_test() as instance:
        context = dg.SensorEvaluationContext(
            instance_ref=instance.get_ref(),
            last_tick_completion_time=None,
            last_run_key=None,
            cursor=None,
            repository_name="__repository__",
            definitions=defs,
            resources=defs.resources,
        )
        answer = sensor.evaluate_tick(context)
    (request,) = answer.run_requests
    assert (request.partition_key, request.tags["dagster/partition"]) == ("a.csv", "a.csv")
    assert {key.path[-1] for key in request.asset_selection} == {"source", "transform", "target"}


def test_an_arrival_of_no_flow_is_refused_when_definitions_are_built(bench):
    with pytest.raises(FlowError, match=r"flow ordres, of which no version.*\n.*'orders'"):
        bench_definitions(bench, arrivals=[replace(NOW, flow="ordres")])


@pytest.mark.parametrize("places", [{}, {"path": "a", "query": "b"}])
def test_an_arrival_has_one_place(places):
    with pytest.raises(FlowError, match="need a path or a query"):
        Arrival(flow="orders", **places)


def test_an_arrival_that_could_never_run_is_refused():
    with pytest.raises(FlowError, match="nothing would ever run"):
        Arrival(flow="orders", path="x", at_most=0)


def test_a_query_lists_batches_and_when_they_changed(tmp_path):
    source = DuckDBConnector(path=str(tmp_path / "there.duckdb"))
    fill(tmp_path / "there.duckdb")
    query = "SELECT DISTINCT batch, day FROM loads -- today's\n;"
    assert list(listed(source, query)) == [Arrived("b1", "2024-01-01")]


def fill(path):
    import duckdb

    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE loads AS SELECT 'b1' AS batch, DATE '2024-01-01' AS day")
        con.execute("INSERT INTO loads VALUES (NULL, NULL)")


def test_a_schedule_runs_the_batches_it_is_given(bench):
    plan = BatchSchedule(flow="orders", cron="0 6 * * *", source_paths=("a.csv", "b.csv"))
    defs = bench_definitions(bench, schedules=[plan, plan])
    schedule = defs.resolve_schedule_def("lume_orders_v1_schedule")
    assert defs.resolve_schedule_def("lume_orders_v1_schedule_2").cron_schedule == "0 6 * * *"
    with dg.build_schedule_context(
        instance_ref=bench.instance.get_ref(),
        repository_def=defs.get_repository_def(),
        resources={"landing": object()},
        scheduled_execution_time=datetime(2024, 1, 1),
    ) as context:
        requests = schedule.evaluate_tick(context).run_requests
    assert [r.tags["dagster/partition"] for r in requests] == ["a.csv", "b.csv"]
    assert bench.instance.has_dynamic_partition("lume/orders/v1", "b.csv")


def bench_definitions(bench, **options):
    store = FolderStore(bench.stage, bench.folder / "files")
    connectors = {"landing": store, "warehouse": bench.target}
    return build_definitions(bench.folder / "flows", connectors, data=bench.folder, **options)


BATCHES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"))


@given(st.lists(BATCHES, min_size=1), st.booleans(), st.integers(1, 3))
def test_what_comes_to_rest_is_asked_for_and_what_stays_only_once(ticks, settle, room):
    memory, asked = Memory(), []
    for tick in [*ticks, *([ticks[-1]] * 8)]:
        found = [Arrived(path, version) for path, version in tick.items()]
        chosen, memory = choose(found, memory, settle=settle, room=room)
        memory = load_cursor(Cursor({"x": memory}).dump()).of("x")
        assert len(chosen) <= room
        asked += [(batch.source_path, batch.version) for batch in chosen]
    for delivery in ticks[-1].items():
        there = [delivery in tick.items() for tick in ticks]
        stayed = all(there[there.index(True) :])
        assert asked.count(delivery) == 1 or (asked.count(delivery) > 1 and not stayed)


def test_what_is_delivered_already_takes_no_room():
    found = [Arrived(f"{n:04}.csv", "1") for n in range(2000)]
    chosen, memory = choose(
        found,
        Memory(),
        settle=False,
        room=3,
        delivered=lambda some: [b for b in some if b.source_path < "1"],
    )
    assert chosen == found[1000:1003]
    assert len(memory.seen) == 1003


def test_the_cursor_of_a_hundred_thousand_files_is_small():
    batches = [Arrived(f"s3://bucket/orders/{n}.csv", str(n)) for n in range(100_000)]
    _, memory = choose(batches, Memory(), settle=False, room=len(batches))
    dumped = Cursor({"x": memory}).dump()
    assert len(dumped) < 1_300_000
    assert json.loads(dumped)["version"] == 1
