"""What a run left, over HTTP: the tree that `download_all` makes, and nothing that stays behind."""

from __future__ import annotations

import http.client
import io
import socket
import zipfile
from pathlib import Path

import pytest

from lume_dagster import client
from lume_dagster_tests.server.calling import KEY, problem
from lume_dagster_tests.waiting import SOON, wait_until


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def unpacked(answer) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_whole_output_is_what_download_all_writes(shop, ran, tmp_path, form):
    answer = shop.ask("GET", f"/v1/runs/{ran}/output", format=form)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == f'attachment; filename="{ran}.zip"'
    client.run_status(ran, project=shop.folder).download_all(tmp_path, form)
    assert unpacked(answer) == tree(tmp_path)
    assert f"mapped/part-0000.{form}" in tree(tmp_path)
    assert shop.left() == []


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        (["mapped"], ["mapped/part-0000.csv"]),
        (["rejects"], ["rejects/part-0000.csv"]),
        (["documents"], ["metrics.json", "validation_results.json"]),
        (["rejects", "mapped"], ["mapped/part-0000.csv", "rejects/part-0000.csv"]),
    ],
    ids=" ".join,
)
def test_parts_are_as_asked_for(shop, ran, parts, names):
    assert sorted(unpacked(shop.ask("GET", f"/v1/runs/{ran}/output", part=parts))) == names


@pytest.mark.parametrize(
    ("query", "ending"),
    [
        ({}, "csv"),
        ({"format": "json"}, "jsonl"),
        ({"field": "email"}, "csv"),
        ({"code": "LOOKUP_NOT_FOUND"}, "csv"),
    ],
    ids=["csv", "json", "field", "code"],
)
def test_rejects_are_the_file_that_save_rejects_writes(shop, ran, tmp_path, query, ending):
    answer = shop.ask("GET", f"/v1/runs/{ran}/rejects", **query)
    filters = {k: v for k, v in query.items() if k != "format"}
    run = client.run_status(ran, project=shop.folder)
    file = run.save_rejects(tmp_path / f"r.{ending}", **filters)
    assert (answer.status, answer.body) == (200, file.read_bytes())
    assert answer.headers["content-disposition"].endswith(f'-rejects.{ending}"')
    assert shop.left() == []


def test_another_batch_has_no_rejects_here(shop, ran):
    answer = shop.ask("GET", f"/v1/runs/{ran}/rejects", source_path="nope.csv")
    problem(answer, 404, "NotFoundError", "has left no rejects of batch 'nope.csv'")


def test_a_run_that_goes_on_has_left_nothing_yet(stage, bench):
    bench.stage.arrange("transform", "pause")
    run = stage.start("orders", bench.put("a.csv", "1", "x"))["id"]
    bench.stage.wait_for("paused")
    for path in ("output", "rejects"):
        told = problem(stage.ask("GET", f"/v1/runs/{run}/{path}"), 409, "NotNowError", f"Run {run}")
        assert told["run_id"] == run
    (bench.stage.folder / "go on").touch()
    stage.wait(run)
    assert len(unpacked(stage.ask("GET", f"/v1/runs/{run}/output"))) == 4


def test_a_run_that_failed_before_rows_were_mapped_left_none(stage, bench):
    run = stage.wait(stage.start("orders", "nope.csv")["id"])
    assert run["status"] == "FAILED"
    answer = stage.ask("GET", f"/v1/runs/{run['id']}/output")
    problem(answer, 404, "NotFoundError", r"has left no rows \(FAILED\)")


def test_many_batches_are_laid_out_as_download_all_does(stage, bench, tmp_path):
    bench.put("a.csv", "1", "x")
    bench.put("b.csv", "2")
    done = bench.materialize("a.csv", "b.csv")
    run = client.run_status(f"run_{done.run_id}", project=bench.folder)
    answer = stage.ask("GET", f"/v1/runs/{run.id}/output")
    run.download_all(tmp_path / "here")
    assert unpacked(answer) == tree(tmp_path / "here")
    assert len({name.split("/")[0] for name in unpacked(answer)}) == 2
    refused = stage.ask("GET", f"/v1/runs/{run.id}/rejects")
    problem(refused, 400, "InvalidRequestError", "took 2 batches")
    assert stage.ask("GET", f"/v1/runs/{run.id}/rejects", source_path="a.csv").status == 200


def test_who_hangs_up_in_the_middle_leaves_no_file_behind(shop):
    rows = "".join(
        f"{n},A,B,a{n * 7919 % 1000003}@example.com,PL,2020-01-01\n" for n in range(1, 400_001)
    )
    head = "id,first_name,last_name,email,country,customer_since\n"
    name = shop.ask("POST", "/v1/uploads", f"{head}{rows}".encode(), name="many.csv")
    run = shop.wait(shop.start("contacts", name.json["source_path"])["id"])
    assert run["metrics"]["row_counts"]["mapped"] == 400_000
    request = f"GET /v1/runs/{run['id']}/output HTTP/1.1\r\nHost: x\r\nlume-api-key: {KEY}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shop.port)) as half:
        half.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        half.sendall(request.encode())
        assert half.recv(1000).startswith(b"HTTP/1.1 200")
        assert shop.left() != []
    wait_until(lambda: not shop.left())
    whole = unpacked(shop.ask("GET", f"/v1/runs/{run['id']}/output", part="mapped"))
    assert whole["mapped/part-0000.csv"].count(b"\n") == 400_001
    assert "Traceback" not in shop.log.read_text()


def test_an_output_that_fails_in_the_middle_is_no_whole_answer(stage, bench):
    run = stage.wait(stage.start("orders", bench.put("a.csv", "1", "x"))["id"])
    (rejects,) = bench.folder.glob(f"data/output/*/*/{run['id']}/rejects/part-0000.parquet")
    rejects.write_bytes(b"no parquet")
    with pytest.raises(http.client.IncompleteRead, match="IncompleteRead"):
        stage.ask("GET", f"/v1/runs/{run['id']}/output")
    wait_until(lambda: "the answer was cut off" in stage.log.read_text())
    assert stage.left() == []
    assert stage.ask("GET", f"/v1/runs/{run['id']}/output", part="rejects").status == 500
    assert stage.left() == []


def test_rejects_are_repaired_and_sent_in_again(shop, tmp_path):
    body = (shop.folder / "landing/contacts.csv").read_bytes() + b"7,G,H,x,PL,2020-01-01\n"
    name = shop.ask("POST", "/v1/uploads", body, name="again.csv").json["source_path"]
    first = shop.wait(shop.start("contacts", name)["id"])["id"]
    saved = shop.ask("GET", f"/v1/runs/{first}/rejects", format="json").body
    repaired = saved.replace(b"emile at example", b"emile@example")
    query = {"format": "json", "run_metadata": '{"by": "hand"}'}
    answer = shop.ask(
        "POST", f"/v1/runs/{first}/resubmit", repaired, headers={"Idempotency-Key": "r-1"}, **query
    )
    run = answer.json
    assert (answer.status, run["resubmits"], run["started_by"]) == (202, first, "partner")
    assert run["run_metadata"] == {"by": "hand"}
    ended = shop.wait(run["id"])
    assert ended["metrics"]["row_counts"] == {"input": 7, "mapped": 4, "rejects": 3}
    again = shop.ask(
        "POST", f"/v1/runs/{first}/resubmit", repaired, headers={"Idempotency-Key": "r-1"}, **query
    )
    assert (again.status, again.json["id"]) == (200, run["id"])
    other = shop.ask(
        "POST", f"/v1/runs/{first}/resubmit", saved, headers={"Idempotency-Key": "r-1"}, **query
    )
    problem(other, 422, "InvalidRequestError", "has started another run")
    twice = shop.ask("POST", f"/v1/runs/{first}/resubmit", repaired, format="json")
    assert problem(twice, 409, "NotNowError", "are in the target since")["run_id"] == run["id"]
    wrong = shop.ask("POST", f"/v1/runs/{first}/resubmit", b"a,b\n1,2\n")
    assert (wrong.status, shop.left()) == (400, [])
    assert client.run_status(run["id"], project=shop.folder).wait(**SOON).id == run["id"]
