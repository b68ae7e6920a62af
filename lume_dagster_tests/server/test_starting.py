"""Runs are started over HTTP: once for each key of the caller's, and not too many at once."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from lume_dagster import client
from lume_dagster.flows.library import Library
from lume_dagster_tests.orchestration.conftest import publish
from lume_dagster_tests.server.calling import KEY, OTHER, problem, serving
from lume_dagster_tests.waiting import SOON


def wish(source_path: str, **more):
    return {"flow_version": "orders", "source_path": source_path, **more}


def runs_of(bench):
    return client.runs(project=bench.folder)


def test_a_run_goes_its_way_and_says_who_started_it(stage, bench):
    sent = {"nested": [1, None, "ü"], "by": "test"}
    answer = stage.ask("POST", "/v1/runs", wish(bench.put("a.csv", "1", "x"), run_metadata=sent))
    run = answer.json
    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/runs/{run['id']}"
    assert (run["status"], run["started_by"], run["run_metadata"]) == ("CREATED", "partner", sent)
    ended = stage.wait(run["id"])
    assert (ended["status"], ended["metrics"]["row_counts"]["rejects"]) == ("PARTIAL_FAILED", 1)
    assert ended["metadata"]["run"]["started_by"] == "partner"
    (local,) = runs_of(bench)
    assert (local.id, local.metadata["run"]["run_metadata"]) == (run["id"], sent)


def test_a_batch_that_is_running_or_done_is_a_conflict_that_names_the_run(stage, bench):
    bench.stage.arrange("transform", "pause")
    run = stage.start("orders:v1", bench.put("a.csv", "1"))
    bench.stage.wait_for("paused")
    told = problem(
        stage.ask("POST", "/v1/runs", wish("a.csv")), 409, "NotNowError", "is being run by"
    )
    assert told["run_id"] == run["id"]
    (bench.stage.folder / "go on").touch()
    stage.wait(run["id"])
    told = problem(
        stage.ask("POST", "/v1/runs", wish("a.csv")), 409, "NotNowError", "is done under"
    )
    assert told["run_id"] == run["id"]
    again = stage.start("orders:v1", "a.csv", force_rerun=True)
    assert (again["force_rerun"], again["id"] != run["id"]) == (True, True)
    assert stage.wait(again["id"])["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nope", "no flow 'nope'"),
        ("orders:v9", "no version 'v9'"),
        ("orders:v1:x", "no version 'v1:x'"),
    ],
)
def test_what_is_not_published_is_not_found(stage, address, said):
    answer = stage.ask("POST", "/v1/runs", {"flow_version": address, "source_path": "a.csv"})
    problem(answer, 404, "NotFoundError", said)


def test_a_draft_is_refused(stage):
    answer = stage.ask("POST", "/v1/runs", {"flow_version": "orders:draft", "source_path": "a"})
    problem(answer, 400, "InvalidRequestError", "is a draft")


@pytest.mark.parametrize(
    "body",
    [
        {"input_files": ["/etc/passwd"]},
        {"input_files": ["definitions.py"]},
        {"input_files": ["../definitions.py"]},
        {"input_files": [f"upload:{'0' * 32}"], "seed_files": ["definitions.py"]},
        {"input_files": [f"upload:{'0' * 32}"], "seed_files": ["file:///etc/passwd"]},
        {"input_files": ["uploads:x"]},
    ],
)
def test_a_file_of_the_server_is_no_input(stage, body):
    answer = stage.ask("POST", "/v1/runs", {"flow_version": "orders", **body})
    problem(answer, 400, "InvalidRequestError", r"(input|seed)_files: .* is no upload")


@pytest.mark.parametrize("name", ["upload:../../files/a.csv", f"upload:{'0' * 32}", "upload:"])
@pytest.mark.parametrize("how", ["source_path", "input_files"])
def test_an_upload_that_is_not_there_is_not_found(stage, bench, name, how):
    given = {"source_path": name} if how == "source_path" else {"input_files": [name]}
    answer = stage.ask("POST", "/v1/runs", {"flow_version": "orders", **given})
    problem(answer, 404, "NotFoundError", "There is no upload")
    assert runs_of(bench) == []


def test_more_metadata_than_can_be_kept_is_refused(stage):
    answer = stage.ask("POST", "/v1/runs", wish("a.csv", run_metadata={"x": "y" * 2_500}))
    problem(answer, 400, "InvalidRequestError", "takes 2,509 characters as JSON; 2,500 can be kept")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "either a source_path or input_files"),
        ({"source_path": "a", "input_files": []}, "either a source_path or input_files"),
        ({"input_files": []}, "input_files is empty"),
        ({"source_path": "a", "seed_files": ["upload:x"]}, "seed_files go with input_files"),
        ({"source_path": " "}, "The source_path ' ' is empty"),
        ({"source_path": "a\u0000b"}, "contains a control character"),
    ],
)
def test_what_names_no_batch_is_refused(stage, given, said):
    answer = stage.ask("POST", "/v1/runs", {"flow_version": "orders", **given})
    problem(answer, 400, "InvalidRequestError", said)


def test_versions_that_are_published_and_activated_meanwhile_are_there(stage, bench):
    assert stage.start("orders", bench.put("a.csv", "1"))["flow_version"] == "orders:v1"
    flow = (bench.folder / "flows/orders/flow.yaml").read_text()
    publish(bench.folder, flow.replace("Orders of a test", "Another description"))
    (flow,) = stage.ask("GET", "/v1/flows").json["items"]
    assert (flow["active"], [v["name"] for v in flow["versions"]]) == (
        "orders:v1",
        ["orders:v1", "orders:v2"],
    )
    Library(bench.folder / "flows").activate("orders:v2", author="tests")
    assert stage.start("orders", bench.put("b.csv", "1"))["flow_version"] == "orders:v2"
    described = stage.ask("GET", "/v1/flows/orders").json
    assert (described["active"], described["description"]) == ("orders:v2", "Another description.")


def test_definitions_that_do_not_load_are_the_servers_fault(stage, bench):
    file = bench.folder / "definitions.py"
    whole = file.read_text()
    file.write_text("1 / 0\n")
    answer = stage.ask("POST", "/v1/runs", wish("a.csv"))
    file.write_text(whole)  # whoever tidies up lists its runs
    problem(answer, 500, "InvalidRequestError", "definitions.py:1 cannot be loaded")


# -- once -----------------------------------------------------------------------------------------


def once(stage, body, key="k-1", key_of=KEY):
    return stage.ask("POST", "/v1/runs", body, headers={"Idempotency-Key": key}, key=key_of)


def test_the_same_request_sent_again_gives_the_run_that_it_started(stage, bench):
    first = once(stage, wish(bench.put("a.csv", "1"), force_rerun=True))
    again = once(stage, wish("a.csv", force_rerun=True))
    stage.wait(first.json["id"])
    later = once(stage, wish("a.csv", force_rerun=True))
    assert [one.status for one in (first, again, later)] == [202, 200, 200]
    assert len({one.json["id"] for one in (first, again, later)}) == 1
    assert later.headers["location"] == first.headers["location"]
    assert later.json["status"] == "SUCCEEDED"
    assert len(runs_of(bench)) == 1


def test_many_requests_at_once_with_one_key_make_one_run(stage, bench):
    bench.put("a.csv", "1")
    together = Barrier(8)

    def send(_):
        together.wait()
        return once(stage, wish("a.csv", force_rerun=True))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert sorted(one.status for one in answers) == [200] * 7 + [202]
    assert len({one.json["id"] for one in answers}) == 1
    (run,) = runs_of(bench)
    assert run.wait(**SOON).id == answers[0].json["id"]


def test_two_servers_of_one_project_start_one_run_for_one_key(stage, bench):
    bench.put("a.csv", "1")
    bench.stage.arrange("transform", "pause")
    with serving(bench.folder) as second:
        together = Barrier(2)

        def send(server):
            together.wait()
            return once(server, wish("a.csv"))

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(send, (stage, second)))
        assert sorted(one.status for one in answers) == [200, 202]
    (run,) = runs_of(bench)
    (bench.stage.folder / "go on").touch()
    assert run.wait(**SOON).id == answers[0].json["id"] == answers[1].json["id"]


def test_a_key_that_was_used_for_something_else_is_refused(stage, bench):
    run = once(stage, wish(bench.put("a.csv", "1"))).json
    answer = once(stage, wish(bench.put("b.csv", "1")))
    problem(answer, 422, "InvalidRequestError", f"has started another run, {run['id']}")
    problem(
        once(stage, wish("a.csv", run_metadata={"x": 1})), 422, "InvalidRequestError", "another"
    )
    assert once(stage, wish("b.csv"), "k-2").status == 202
    for one in runs_of(bench):
        one.wait(**SOON)


def test_keys_of_two_callers_do_not_meet(stage, bench):
    assert once(stage, wish(bench.put("a.csv", "1"))).status == 202
    other = once(stage, wish(bench.put("b.csv", "1")), key_of=OTHER)
    assert other.status == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9"], ids=["empty", "long", "not ASCII"])
def test_an_idempotency_key_is_plain_text(stage, key):
    problem(once(stage, wish("a.csv"), key), 400, "InvalidRequestError", "The Idempotency-Key is")


# -- not too many -----------------------------------------------------------------------------------


def test_no_more_runs_than_may_be_are_under_way(stage, bench):
    started = []
    for name in ("a.csv", "b.csv", "c.csv"):
        bench.stage.arrange("transform", "pause")
        started.append(stage.start("orders", bench.put(name, "1"))["id"])
        bench.stage.wait_until_taken("transform")
    answer = stage.ask("POST", "/v1/runs", wish(bench.put("d.csv", "1")))
    problem(answer, 429, "BusyError", "3 runs that this server started are under way, and 3 may be")
    assert int(answer.headers["retry-after"]) > 0
    (bench.stage.folder / "go on").touch()
    assert {stage.wait(one)["status"] for one in started} == {"SUCCEEDED"}
    assert stage.wait(stage.start("orders", "d.csv")["id"])["status"] == "SUCCEEDED"


def test_runs_go_on_when_the_server_ends(bench):
    bench.stage.arrange("transform", "pause")
    with serving(bench.folder) as served:
        run = served.start("orders", bench.put("a.csv", "1"))
        bench.stage.wait_for("paused")
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(60) == 0
    (bench.stage.folder / "go on").touch()
    ended = client.run_status(run["id"], project=bench.folder).wait(**SOON)
    assert ended.status == "SUCCEEDED"
