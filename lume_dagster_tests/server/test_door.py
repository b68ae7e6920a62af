"""The door: who is let in, what the log says of it, and what it never says."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from lume_dagster_tests.server.calling import KEY, OTHER, problem
from lume_dagster_tests.waiting import wait_until

LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d{4} (\S+) (\S+) (\S+) (\S+) \d+ ms")


def lines(served):
    return [
        found.groups()
        for found in map(LINE.fullmatch, served.log.read_text().splitlines())
        if found
    ]


@pytest.mark.parametrize("path", ["/v1/flows", "/v1/runs", "/nothing", "/docs", "/"])
@pytest.mark.parametrize("key", [None, "x" * 40], ids=["no key", "a wrong key"])
def test_nobody_comes_in_without_a_key(shop, path, key):
    answer = shop.ask("GET", path, key=key)
    problem(answer, 401, "AuthenticationError", "no key" if key is None else "Nobody has this key")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "x" * 40 not in answer.body.decode()


def test_a_request_without_a_key_is_refused_before_its_body_is_read(shop):
    answer = shop.ask(
        "POST", "/v1/uploads?name=a.csv", key=None, headers={"Content-Length": "999999"}
    )
    problem(answer, 401, "AuthenticationError", "no key")


def test_the_health_and_the_description_need_no_key(shop):
    assert shop.ask("GET", "/health", key=None).json["status"] == "ok"
    assert shop.ask("GET", "/openapi.json", key=None).status == 200


def test_the_log_says_who_asked_for_what_and_no_query(shop):
    shop.ask("GET", "/v1/runs", source_path="a-private-name", key=OTHER)
    shop.ask("GET", "/v1/nothing%0aat%20all")
    wait_until(lambda: ("partner", "GET", "/v1/nothing%0aat%20all", "404") in lines(shop))
    assert ("other", "GET", "/v1/runs", "200") in lines(shop)
    assert "a-private-name" not in shop.log.read_text()


def test_no_key_is_in_a_log_line_or_an_answer_wherever_it_is_sent(shop):
    tries = [
        shop.ask("GET", f"/v1/runs/{KEY}"),
        shop.ask("GET", f"/v1/runs/{OTHER}", key=None),
        shop.ask("GET", f"/{KEY}?x={KEY}"),
        shop.ask("GET", "/v1/runs", flow=KEY),
        shop.ask("GET", "/v1/flows", key=f"{KEY}x"),
        shop.ask("GET", "/v1/flows", headers={"lume-api-key": OTHER}),
    ]
    assert [one.status for one in tries] == [400, 400, 400, 400, 401, 200]
    problem(tries[0], 400, "InvalidRequestError", "A key stands in the address")
    wait_until(lambda: ("-", "GET", "(key)", "400") in lines(shop))
    seen = [shop.log.read_text(), *(f"{one.headers}{one.body!r}" for one in tries)]
    assert not [text for text in seen if KEY in text or OTHER in text]


def test_what_is_no_http_is_refused_and_not_repeated(shop):
    with socket.create_connection(("127.0.0.1", shop.port)) as line:
        line.sendall(f"{KEY} and so on\r\n\r\n".encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 400")
    assert shop.ask("GET", "/health").status == 200
    wait_until(lambda: "Invalid HTTP request" in shop.log.read_text())
    assert KEY not in shop.log.read_text()


def test_runs_do_not_inherit_the_keys(stage, bench):
    bench.stage.arrange("transform", "pause")
    run = stage.start("orders", bench.put("a.csv", "1"))
    bench.stage.wait_for("paused")
    pids = [entry.split(" ")[2] for entry in worker_tags(bench, run["id"])]
    for pid in pids:
        assert KEY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    (bench.stage.folder / "go on").touch()
    assert stage.wait(run["id"])["status"] == "SUCCEEDED"
    assert len(pids) == 2


def worker_tags(bench, run_id):
    tags = bench.instance.get_run_by_id(run_id.removeprefix("run_")).tags
    return [tags[".dagster/lume_worker"], tags[".dagster/lume_supervisor"]]


def test_an_answer_is_kept_by_no_proxy(shop):
    headers = shop.ask("GET", "/v1/flows").headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert "server" not in headers
