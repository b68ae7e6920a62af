"""Files that are sent: what they may be called, how large they may be, and what a run makes of them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lume_dagster import client
from lume_dagster_tests.server.calling import KEY, problem, serving
from lume_dagster_tests.waiting import wait_until

ROWS = b"id,first_name,last_name,email,country,customer_since\n1,A,B,a@example.com,PL,2020-01-01\n"


def sent(served, name, body=ROWS):
    return served.ask("POST", "/v1/uploads", body, name=name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../x.csv", "a separator or a control character"),
        ("..", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("/etc/passwd", "a separator"),
        ("a\\b.csv", "a separator"),
        ("a\0b.csv", "a control character"),
        ("a\nb.csv", "a control character"),
        ("", "is empty"),
        (" ", "is empty"),
        ("x" * 256, "more than 255 bytes"),
        ("ü" * 128, "more than 255 bytes"),
    ],
)
def test_a_name_that_is_none_of_a_file_is_refused(shop, name, said):
    problem(sent(shop, name), 400, "InvalidRequestError", f"The name of an upload .*{said}")
    assert shop.left() == []


def test_an_upload_needs_a_name(shop):
    problem(shop.ask("POST", "/v1/uploads", b"x"), 400, "InvalidRequestError", "name is missing")


@pytest.mark.parametrize(
    "name", ["plain.csv", "with blank.csv", "ü.csv", "a%2Fb.csv", "x" * 251 + ".csv"]
)
def test_a_file_is_kept_as_it_would_be_on_this_machine(shop, tmp_path, name):
    answer = sent(shop, name)
    assert (answer.status, answer.json["name"], answer.json["bytes"]) == (201, name, len(ROWS))
    (tmp_path / name).write_bytes(ROWS)
    here = client.upload_file(tmp_path / name, project=shop.folder)
    assert answer.json["source_path"] == here
    assert shop.left() == []


def test_an_upload_is_a_batch_of_its_own(shop):
    name = sent(shop, "contacts.csv").json["source_path"]
    run = shop.wait(shop.start("contacts", name)["id"])
    assert (run["status"], run["metrics"]["row_counts"]["mapped"]) == ("SUCCEEDED", 1)


def test_uploads_and_seeds_make_the_batch_that_they_make_on_this_machine(shop, tmp_path):
    seed = b"code,name\nPL,Polska\n"
    (tmp_path / "more.csv").write_bytes(ROWS.replace(b"1,A", b"2,C"))
    (tmp_path / "contacts.csv").write_bytes(ROWS)
    (tmp_path / "countries.csv").write_bytes(seed)
    files = [
        sent(shop, n, (tmp_path / n).read_bytes()).json["source_path"]
        for n in ("contacts.csv", "more.csv")
    ]
    seeds = [sent(shop, "countries.csv", seed).json["source_path"]]
    wish = {"flow_version": "contacts", "input_files": files, "seed_files": seeds}
    run = shop.wait(shop.ask("POST", "/v1/runs", wish).json["id"])
    assert (run["status"], run["metrics"]["row_counts"]["mapped"]) == ("SUCCEEDED", 2)
    local = client.run(
        "contacts",
        input_files=[tmp_path / "contacts.csv", tmp_path / "more.csv"],
        seed_files=[tmp_path / "countries.csv"],
        force_rerun=True,
        project=shop.folder,
    )
    assert local.source_path == run["source_path"]
    local.wait(poll_interval=0.3)


def test_a_seed_that_the_flow_does_not_have_is_refused(shop):
    name = sent(shop, "nope.csv").json["source_path"]
    wish = {"flow_version": "contacts", "input_files": [name], "seed_files": [name]}
    answer = shop.ask("POST", "/v1/runs", wish)
    problem(answer, 400, "InvalidRequestError", "has no seed file 'nope.csv'")


def test_an_input_file_may_be_a_uri_of_the_source_and_no_other(shop):
    inside = (shop.folder / "landing/contacts.csv").as_uri()
    wish = {"flow_version": "contacts", "input_files": [inside]}
    run = shop.wait(shop.ask("POST", "/v1/runs", wish).json["id"])
    assert run["metrics"]["row_counts"]["input"] == 6
    for outside in ((shop.folder / "definitions.py").as_uri(), "file:///etc/passwd"):
        answer = shop.ask("POST", "/v1/runs", {**wish, "input_files": [outside]})
        problem(answer, 422, "BatchError", "is outside the connector's root")


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(bench, declared):
    with serving(bench.folder, "--max-upload", "1000") as served:
        assert sent(served, "a.csv", b"x" * 1000).status == 201
        body, headers = b"x" * 1001, {}
        if not declared:
            body, headers = b"3e9\r\n" + body + b"\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}
        answer = served.ask("POST", "/v1/uploads", body, headers=headers, name="b.csv")
        problem(answer, 413, "InvalidRequestError", "more than the 1,000 bytes")
        assert served.left() == []


@pytest.mark.parametrize("way", ["closed", "reset"])
def test_a_connection_that_breaks_half_way_leaves_nothing(shop, way):
    before = sorted((shop.folder / ".lume/uploads").glob("*"))
    head = f"POST /v1/uploads?name=half.csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    with socket.create_connection(("127.0.0.1", shop.port)) as half:
        half.sendall(f"{head}Content-Length: 9000000\r\n\r\n".encode() + b"x" * 3_000_000)
        wait_until(shop.left)
        if way == "reset":
            half.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until(lambda: not shop.left())
    assert sorted((shop.folder / ".lume/uploads").glob("*")) == before
    assert "Traceback" not in shop.log.read_text()


def test_large_files_need_no_memory(shop):
    piece, count = b"x" * (1 << 20), 300
    before = memory(shop)
    with socket.create_connection(("127.0.0.1", shop.port)) as client_:
        head = f"POST /v1/uploads?name=large.csv HTTP/1.1\r\nHost: x\r\nlume-api-key: {KEY}\r\n"
        client_.sendall(f"{head}Content-Length: {len(piece) * count}\r\n\r\n".encode())
        for _ in range(count):
            client_.sendall(piece)
        assert client_.recv(1 << 16).startswith(b"HTTP/1.1 201")
    assert memory(shop) - before < 100_000  # kB, of 307,200 that were sent


def memory(served) -> int:
    """The most that the process ever held, in kB."""
    told = Path(f"/proc/{served.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in told if line.startswith("VmHWM:")))
