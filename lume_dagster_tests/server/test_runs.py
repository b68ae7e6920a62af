"""Runs as they stand: lists, one of them, many who wait, and one that is canceled."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from lume_dagster import client
from lume_dagster_tests.server.calling import problem, serving
from lume_dagster_tests.waiting import SOON, wait_until

NOBODY = "run_00000000-0000-0000-0000-000000000000"


def test_a_run_has_its_figures_when_it_has_ended(shop, ran):
    run = shop.look(ran)
    assert run["status"] == "PARTIAL_FAILED"
    assert run["metrics"]["row_counts"] == {"input": 6, "mapped": 3, "rejects": 3}
    assert run["metadata"]["run"]["run_metadata"] == {"by": "test"}
    times = [
        datetime.fromisoformat(run[f"{what}_at"]) for what in ("created", "started", "finished")
    ]
    assert times == sorted(times)
    assert all(one.tzinfo for one in times)


@pytest.mark.parametrize("run_id", [NOBODY, "run_nope", "nope", "run_" + "x" * 36, "run_%00"])
@pytest.mark.parametrize("rest", ["", "?wait=5", "/output", "/rejects"])
def test_a_run_that_is_not_there_is_not_found(shop, run_id, rest):
    problem(
        shop.ask("GET", f"/v1/runs/{run_id}{rest}"), 404, "NotFoundError", "no run|not a run id"
    )


@pytest.mark.parametrize("verb", ["cancel", "resubmit"])
def test_nothing_can_be_done_to_a_run_that_is_not_there(shop, verb):
    problem(shop.ask("POST", f"/v1/runs/{NOBODY}/{verb}", b"x"), 404, "NotFoundError", "no run")


def test_a_list_is_a_page_of_many(shop, ran):
    page = shop.ask("GET", "/v1/runs", source_path="contacts.csv", status="partial_failed").json
    assert (page["total"], page["page"], page["size"], page["pages"]) == (1, 1, 50, 1)
    (item,) = page["items"]
    assert (item["id"], item["started_by"]) == (ran, "partner")
    assert "metrics" not in item
    nothing = shop.ask("GET", "/v1/runs", flow="nope").json
    assert (nothing["items"], nothing["total"], nothing["pages"]) == ([], 0, 0)
    both = shop.ask("GET", "/v1/runs", status=["SUCCEEDED", "PARTIAL_FAILED"], flow="contacts").json
    assert both["total"] >= 1
    past = shop.ask("GET", "/v1/runs", source_path="contacts.csv", page=2, size=1).json
    assert (past["items"], past["total"], past["pages"]) == ([], 1, 1)


def test_flows_are_found_by_a_part_of_their_name(shop):
    page = shop.ask("GET", "/v1/flows", search="ONTAC").json
    assert [(one["name"], one["active"]) for one in page["items"]] == [("contacts", "contacts:v1")]
    assert page["items"][0]["versions"][0]["name"] == "contacts:v1"
    assert shop.ask("GET", "/v1/flows", search="nope").json["total"] == 0
    assert "schema" not in page["items"][0]


def test_a_flow_shows_what_its_rows_become(shop):
    flow = shop.ask("GET", "/v1/flows/contacts").json
    assert flow["schema"]["required"] == ["contact_id", "name", "country"]
    problem(shop.ask("GET", "/v1/flows/contact"), 404, "NotFoundError", "no flow 'contact'")
    problem(shop.ask("GET", "/v1/flows/contacts:draft"), 404, "NotFoundError", "no flow 'contacts:")


def test_a_flow_that_was_changed_is_told_by_itself_and_hides_no_other(stage, bench):
    published = bench.folder / "flows/orders/v1/flow.yaml"
    published.write_text(published.read_text().replace("Orders", "Changed"))
    (flow,) = stage.ask("GET", "/v1/flows").json["items"]
    assert (flow["name"], flow["description"]) == ("orders", None)
    answer = stage.ask("GET", "/v1/flows/orders")
    problem(answer, 422, "VersionChangedError", "is not what was published")


def test_a_run_that_crashed_says_where_its_log_is(stage, bench):
    bench.stage.arrange("transform", "kill all")
    run = stage.start("orders", bench.put("a.csv", "1"))
    ended = stage.wait(run["id"])
    assert ended["status"] == "CRASHED"
    assert ended["metadata"]["error"]["hint"].endswith(f"{run['id']}.log on the server.")


def test_fifty_clients_wait_at_once_and_others_are_answered_meanwhile(stage, bench):
    bench.stage.arrange("transform", "pause")
    run = stage.start("orders", bench.put("a.csv", "1"))["id"]
    bench.stage.wait_for("paused")
    with ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(stage.look, run, wait=60) for _ in range(50)]
        wait_until(lambda: connections(stage) >= 50)
        assert threads(stage) < 45
        began = time.monotonic()
        assert stage.look(run)["finished_at"] is None
        assert time.monotonic() - began < 5
        (bench.stage.folder / "go on").touch()
        assert {one.result()["status"] for one in waiting} == {"SUCCEEDED"}


def connections(served) -> int:
    """Those that the server has accepted, and keeps."""
    port = f":{served.port:04X}"
    table = Path(f"/proc/{served.process.pid}/net/tcp").read_text()
    rows = [line.split() for line in table.splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows)


def threads(served) -> int:
    told = Path(f"/proc/{served.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in told if line.startswith("Threads:")))


def test_a_wait_ends_when_its_seconds_are_over(stage, bench):
    bench.stage.arrange("transform", "pause")
    run = stage.start("orders", bench.put("a.csv", "1"))["id"]
    bench.stage.wait_for("paused")
    began = time.monotonic()
    assert stage.look(run, wait=0.5)["finished_at"] is None
    assert time.monotonic() - began >= 0.5
    (bench.stage.folder / "go on").touch()
    assert stage.wait(run)["status"] == "SUCCEEDED"
    began = time.monotonic()
    assert stage.look(run, wait=60)["status"] == "SUCCEEDED"
    assert time.monotonic() - began < 30


def test_who_waits_is_answered_when_the_server_ends(bench):
    bench.stage.arrange("transform", "pause")
    with serving(bench.folder) as served, ThreadPoolExecutor(1) as pool:
        run = served.start("orders", bench.put("a.csv", "1"))["id"]
        bench.stage.wait_for("paused")
        waiting = pool.submit(served.look, run, wait=60)
        wait_until(lambda: connections(served) >= 1)
        served.process.send_signal(signal.SIGTERM)
        assert waiting.result(timeout=40)["finished_at"] is None
        assert served.process.wait(60) == 0
    (bench.stage.folder / "go on").touch()
    assert client.run_status(run, project=bench.folder).wait(**SOON).status == "SUCCEEDED"


def test_a_run_is_canceled_and_no_second_time(stage, bench):
    bench.stage.arrange("transform", "hold")
    run = stage.start("orders", bench.put("a.csv", "1"))["id"]
    bench.stage.wait_for("held")
    answer = stage.ask("POST", f"/v1/runs/{run}/cancel")
    assert (answer.status, answer.json["id"]) == (202, run)
    assert stage.wait(run)["status"] == "CANCELED"
    told = problem(stage.ask("POST", f"/v1/runs/{run}/cancel"), 409, "NotNowError", "has ended")
    assert told["run_id"] == run
    assert not bench.target.path.exists()
