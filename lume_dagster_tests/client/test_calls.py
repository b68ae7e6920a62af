"""Networks and proxies that fail: what is tried again happens once, what cannot be says why."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lume_dagster.client import LumeRun
from lume_dagster.client.access import Access
from lume_dagster.client.calls import Line
from lume_dagster.client.remote import Server
from lume_dagster.client.site import Order, Pace, Which
from lume_dagster.errors import (
    AuthenticationError,
    BusyError,
    ConnectorError,
    InvalidRequestError,
    NotFoundError,
    NotNowError,
    TransientError,
)
from lume_dagster_tests.servers.faulty_relay import Fault, faulty_relay_to, refusal
from lume_dagster_tests.servers.lume_serve import KEY, serving
from lume_dagster_tests.waiting import PATIENCE, SOON

START = b"POST /v1/runs "
LIST = b"GET /v1/runs?"
AT_ONCE = "Retry-After: 0"


def start(served, url, batch):
    site = served.site(url)
    return LumeRun(site, site.start(Order("contacts:v1", batch)))


def by_way_of(site, run):
    """The same run, asked for in another way."""
    return LumeRun(site, site.summary(run.id))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(START, refusal(503, AT_ONCE)),
        Fault(START, refusal(503)),
        Fault(START, refusal(500, AT_ONCE)),
        Fault(START),
        Fault(START, heard=True),
        Fault(START, heard=True, passed=30),
    ],
    ids=["503 and when", "503", "500", "not heard", "answer lost", "answer cut"],
)
def test_a_start_that_fails_twice_makes_one_run(served, batch, fault):
    with faulty_relay_to(served.port, [fault, fault]) as relay:
        run = start(served, relay.url, batch)
        assert relay.count(START) == 3
    found = served.site().runs(Which(source_path=batch))
    assert [one.id for one in found] == [run.id]
    assert by_way_of(served.site(), run).wait(**SOON).status == "PARTIAL_FAILED"


def test_a_resubmission_whose_answer_is_lost_makes_one_run(served, batch, tmp_path):
    run = start(served, None, batch).wait(**SOON)
    file = run.save_rejects(tmp_path / "repaired.csv")
    file.write_text(file.read_text().replace("XX,2021-02-29", "DE,2021-02-28"))
    resubmit = f"POST /v1/runs/{run.id}/resubmit".encode()
    with faulty_relay_to(served.port, [Fault(resubmit, heard=True)]) as relay:
        joined = by_way_of(served.site(relay.url), run).resubmit(file)
        assert relay.count(resubmit) == 2
    found = served.site().runs(Which(source_path=batch))
    assert [one.id for one in found] == [joined.id, run.id]
    by_way_of(served.site(), joined).wait(**SOON)


def test_an_upload_that_breaks_off_is_sent_again_whole(served, tmp_path):
    (tmp_path / "big.csv").write_text("id\n" + "1\n" * 500_000)
    upload = b"POST /v1/uploads"
    with faulty_relay_to(served.port, [Fault(upload), Fault(upload, heard=True)]) as relay:
        name = served.site(relay.url).upload(tmp_path / "big.csv")
        assert relay.count(upload) == 3
    assert served.site().upload(tmp_path / "big.csv") == name


def test_a_file_that_is_larger_than_the_server_takes_is_refused_as_such(served, tmp_path):
    (tmp_path / "big.csv").write_text("id\n" + "1\n" * 20_000_000)
    with (
        serving(served.project, "--max-upload", 1000) as strict,
        pytest.raises(InvalidRequestError, match="1,000 bytes"),
    ):
        strict.site().upload(tmp_path / "big.csv")


def test_a_name_that_is_no_text_is_refused_in_a_sentence(served, tmp_path):
    file = tmp_path / os.fsdecode(b"caf\xe9.csv")
    file.write_text("id\n")
    with pytest.raises(InvalidRequestError, match=r"caf.*cannot be sent: it is no UTF-8"):
        served.site().upload(file)


def test_an_empty_file_is_uploaded_as_such(served, tmp_path):
    (tmp_path / "empty.csv").touch()
    assert served.site().upload(tmp_path / "empty.csv").startswith("upload:")


@pytest.mark.parametrize("passed", [0, 20, 200, 900])
def test_a_download_that_breaks_off_leaves_whole_files_and_no_others(
    served, done, tmp_path, passed
):
    output = f"GET /v1/runs/{done.id}/output".encode()
    cut = Fault(output, heard=True, passed=passed)
    with faulty_relay_to(served.port, [cut, cut]) as relay:
        found = by_way_of(served.site(relay.url), done).download_all(tmp_path / "got")
        assert relay.count(output) == 3
    whole = done.download_all(tmp_path / "whole")
    assert [path.read_bytes() for path in found] == [path.read_bytes() for path in whole]
    left = {path for path in (tmp_path / "got").rglob("*") if path.is_file()}
    assert left == set(found)


@pytest.mark.parametrize("passed", [0, 20, 150, 500])
def test_rejects_that_break_off_are_fetched_again_whole(served, done, tmp_path, passed):
    rejects = f"GET /v1/runs/{done.id}/rejects".encode()
    with faulty_relay_to(served.port, [Fault(rejects, heard=True, passed=passed)]) as relay:
        by_way_of(served.site(relay.url), done).save_rejects(tmp_path / "got.csv")
        assert relay.count(rejects) == 2
    done.save_rejects(tmp_path / "whole.csv")
    assert (tmp_path / "got.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_download_that_always_breaks_off_leaves_nothing(served, done, tmp_path):
    of = f"GET /v1/runs/{done.id}/".encode()  # not of the run itself
    with faulty_relay_to(served.port, [Fault(of, heard=True, passed=600)] * 10) as relay:
        broken = by_way_of(served.site(relay.url), done)
        with pytest.raises(TransientError, match="does not answer|is not whole"):
            broken.download_all(tmp_path / "got")
        with pytest.raises(TransientError, match="does not answer"):
            broken.save_rejects(tmp_path / "rejects.csv")
        assert relay.count(of) == 10
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_server_that_is_not_there_is_asked_five_times(served):
    with faulty_relay_to(served.port, [Fault(LIST)] * 9) as relay:
        with pytest.raises(
            TransientError, match=f"server at {relay.url} does not answer"
        ) as caught:
            served.site(relay.url).runs(Which())
        assert relay.count(LIST) == 5
    assert "is lume serve running there?" in caught.value.hint
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)  # they know the key
    with pytest.raises(TransientError, match="connection refused"):
        served.site(relay.url).runs(Which())  # nobody listens any more


@pytest.mark.parametrize("host", ["exa mple", "a..b", f"{'a' * 64}.example"])
def test_an_address_that_nobody_can_have_is_not_tried_again(host):
    site = Server(Line(Access(f"http://{host}", KEY), first_pause=3600))
    with pytest.raises(InvalidRequestError, match=f"http://{host} cannot be asked"):
        site.runs(Which())


def test_a_server_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts in its place
        access = Access(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY, timeout=0.2)
        with pytest.raises(TransientError, match=r"does not answer: it was silent for 0\.2 s"):
            Server(Line(access, first_pause=0.01)).runs(Which())


def test_a_pause_that_the_server_asks_for_is_kept(served):
    began = time.monotonic()
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    faults = [Fault(LIST, refusal(429, "Retry-After: 1"))]
    faults += [Fault(LIST, refusal(503, f"Retry-After: {later}"))]
    with faulty_relay_to(served.port, faults) as relay:
        served.site(relay.url).runs(Which())
    assert time.monotonic() - began > 1.9


def test_a_server_that_asks_for_an_hour_is_not_waited_for(served):
    with faulty_relay_to(served.port, [Fault(LIST, refusal(429, "Retry-After: 3600"))]) as relay:
        with pytest.raises(BusyError, match="answered 429"):
            served.site(relay.url).runs(Which())
        assert relay.count(LIST) == 1


def test_the_key_follows_no_redirect(served):
    with faulty_relay_to(served.port) as other:
        faults = [
            Fault(LIST, refusal(code, f"Location: {other.url}/v1/runs")) for code in (302, 308)
        ]
        with faulty_relay_to(served.port, faults) as relay:
            for _ in faults:
                with pytest.raises(ConnectorError, match=f"sends elsewhere, to {other.url}"):
                    served.site(relay.url).runs(Which())
        assert other.requests == []


def test_a_page_of_something_else_is_no_answer(served):
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<html"
    with faulty_relay_to(served.port, [Fault(LIST, page)]) as relay:
        with pytest.raises(ConnectorError, match="what this client does not understand") as caught:
            served.site(relay.url).runs(Which())
        assert relay.count(LIST) == 1
    assert f"{relay.url}/health" in caught.value.hint


def test_an_answer_of_another_shape_is_not_understood(served):
    body = b'{"items": [{"id": 1}], "pages": 1}'
    page = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with (
        faulty_relay_to(served.port, [Fault(LIST, page)]) as relay,
        pytest.raises(ConnectorError, match="KeyError: 'status'"),
    ):
        served.site(relay.url).runs(Which())


def test_a_wrong_key_is_refused_once_and_not_repeated_in_the_error(served):
    wrong = "x" * 40
    with faulty_relay_to(served.port) as relay:
        site = Server(Line(Access(relay.url, wrong)))
        with pytest.raises(AuthenticationError, match="Nobody has this key") as caught:
            site.runs(Which())
        assert relay.count(LIST) == 1
    assert wrong not in f"{site!r} {caught.value!r} {caught.value.__dict__}"


def test_the_key_goes_before_a_password_in_the_callers_netrc(served, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert served.site().runs(Which(limit=1)) is not None


def test_of_no_status_there_are_no_runs(served, done):
    assert [run.id for run in served.site().runs(Which(limit=2, status=(done.status,)))]
    assert served.site().runs(Which(status=())) == []


def test_an_unknown_run_is_refused_as_the_server_says_it(served):
    with pytest.raises(NotFoundError, match="There is no run run_00000000"):
        served.site().summary("run_00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("run_id", ["", "..", "../uploads", "run_1?wait=60", "a b"])
def test_what_is_no_id_is_not_sent(served, run_id):
    with faulty_relay_to(served.port) as relay:
        with pytest.raises(NotFoundError, match="is not a run id"):
            served.site(relay.url).summary(run_id)
        assert relay.requests == []


def test_a_cancel_whose_answer_is_lost_is_a_cancel(served, batch):
    run = start(served, None, batch)
    cancel = f"POST /v1/runs/{run.id}/cancel".encode()
    with faulty_relay_to(served.port, [Fault(cancel, heard=True)]) as relay:
        served.site(relay.url).cancel(run.id)
        assert relay.count(cancel) == 2
    assert run.wait(**SOON).status == "CANCELED"
    with pytest.raises(NotNowError, match="has ended; there is nothing to cancel"):
        run.cancel()


def test_a_wait_survives_a_server_that_comes_back(served, batch):
    with serving(served.project) as first:
        run = start(first, None, batch)
        patient = Server(Line(Access(first.url, KEY), first_pause=0.5))
        looks = patient.looks(run.id, Pace(0.1, time.monotonic() + PATIENCE))
        next(looks)
    with serving(served.project, port=first.port):
        assert next(looks).summary.id == run.id
    looks.close()
    by_way_of(served.site(), run).wait(**SOON)


def test_a_server_that_goes_in_the_middle_of_a_wait_takes_no_run_with_it(served, batch):
    with ExitStack() as stack:
        run = start(stack.enter_context(serving(served.project)), None, batch)
        with pytest.raises(TransientError, match="does not answer") as caught:
            run.wait(timeout=PATIENCE, poll_interval=0.2, watch=lambda _: stack.close())
    assert "runs that were started go on" in caught.value.hint
    assert by_way_of(served.site(), run).wait(**SOON).status == "PARTIAL_FAILED"


def test_a_wait_asks_seldom(served, batch):
    began = time.monotonic()
    with faulty_relay_to(served.port) as relay:
        start(served, relay.url, batch).wait(**SOON)
        assert relay.count(b"GET /v1/runs/") <= 3 + (time.monotonic() - began) / 25


def test_whoever_watches_a_wait_is_told_at_each_look(served, batch):
    told = []
    run = start(served, None, batch)
    run.wait(
        timeout=PATIENCE, poll_interval=0.2, watch=lambda said: told.append((run.status, said))
    )
    assert [status for status, _ in told if status.ended] == []
    assert {said for _, said in told} == {()}
