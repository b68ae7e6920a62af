"""Webhooks: signed, at least once, tried again, written down, and never into a private network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest
import standardwebhooks
from click.testing import CliRunner

from lume_dagster.cli import lume
from lume_dagster.errors import FlowError, InvalidRequestError
from lume_dagster.orchestration.webhooks.cursor import Cursor, Due, load_cursor
from lume_dagster.orchestration.webhooks.deliveries import ATTEMPTS, attempts, deliver
from lume_dagster.orchestration.webhooks.endpoint import Webhook
from lume_dagster.orchestration.webhooks.message import signed
from lume_dagster.orchestration.webhooks.post import post
from lume_dagster.orchestration.webhooks.sensor import deliver_what_is_due, webhook_sensor

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
OTHER = "an older secret, as text"


class Receiver:
    """A real HTTP server that answers as it is told, and keeps what it was sent."""

    def __init__(self):
        self.answers, self.got = [], []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body, self.path))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", receiver.url)
                self.end_headers()

            def log_message(self, *args):
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in?token=hush"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def webhook(self, **options):
        given = {"secrets": (SECRET,), "allow_private": True, "timeout": 60.0, **options}
        return Webhook(name="ops", url=self.url, **given)


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def tick(bench):
    def ticked(webhook, cursor, later=0):
        due = tuple(replace(d, at=d.at - later) for d in cursor.due)
        given = replace(cursor, due=due)
        return deliver_what_is_due(bench.instance, {webhook.name: webhook}, "lume", given)[0]

    return ticked


def long_ago():
    return Cursor(time.time() - 60)


def test_a_run_is_told_of_once_with_its_figures(bench, receiver, tick):
    result = bench.materialize(bench.put("a.csv", "1", "x"))
    cursor = tick(receiver.webhook(), long_ago())
    tick(receiver.webhook(), cursor)
    ((_, body, path),) = receiver.got
    message = json.loads(body)
    assert (message["type"], path) == ("run.partial_failed", "/in?token=hush")
    told = message["data"]
    assert (told["run_id"], told["flow_version"]) == (f"run_{result.run_id}", "orders:v1")
    assert (told["source_path"], told["status"]) == ("a.csv", "PARTIAL_FAILED")
    assert told["row_counts"] == {"input": 2, "mapped": 1, "rejects": 1}


def test_a_run_that_failed_says_why(bench, receiver, tick):
    bench.materialize(bench.put("a.csv", "x"))
    tick(receiver.webhook(), long_ago())
    told = json.loads(receiver.got[0][1])
    assert (told["type"], told["data"]["error"]["code"]) == ("run.failed", "ALL_REJECTED")


def test_the_message_is_signed_by_every_secret(bench, receiver, tick):
    bench.materialize(bench.put("a.csv", "1"))
    tick(receiver.webhook(secrets=(SECRET, OTHER)), long_ago())
    ((headers, body, _),) = receiver.got
    for secret in (SECRET, OTHER.encode()):
        standardwebhooks.Webhook(secret).verify(body, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError, match="No matching signature"):
        standardwebhooks.Webhook(SECRET).verify(body.replace(b"a.csv", b"b.csv"), headers)
    key = standardwebhooks.Webhook(SECRET)._whsecret
    assert headers["X-Lume-Signature-256"] == hmac.new(key, body, hashlib.sha256).hexdigest()


def test_a_receiver_that_fails_twice_gets_it_the_third_time(bench, receiver, tick):
    bench.materialize(bench.put("a.csv", "1"))
    receiver.answers = [500, 503]
    cursor = tick(receiver.webhook(), long_ago())
    assert [d.attempt for d in cursor.due] == [2]
    early = tick(receiver.webhook(), cursor, later=-3600)
    assert ([d.attempt for d in early.due], len(receiver.got)) == ([2], 1)
    cursor = tick(receiver.webhook(), cursor, later=10)
    cursor = tick(receiver.webhook(), cursor, later=400)
    assert cursor.due == ()
    made = attempts(bench.instance, "lume", "ops", 10)
    assert [(a.number, a.status, a.delivered) for a in made] == [
        (3, 204, True),
        (2, 503, False),
        (1, 500, False),
    ]
    assert len({headers["webhook-id"] for headers, _, _ in receiver.got}) == 1


def test_it_is_given_up_after_the_last_attempt(bench, receiver, tick):
    run = bench.materialize(bench.put("a.csv", "1"))
    receiver.answers = [500]
    due = Due(0.0, "ops", f"run_{run.run_id}", ATTEMPTS)
    assert tick(receiver.webhook(), Cursor(time.time() + 999, due=(due,))).due == ()


def test_a_tick_that_was_lost_is_made_again_under_the_same_id(bench, receiver, tick):
    bench.materialize(bench.put("a.csv", "1"))
    before = long_ago()
    tick(receiver.webhook(), before)
    tick(receiver.webhook(), before)
    assert len({headers["webhook-id"] for headers, _, _ in receiver.got}) == 1
    assert len(receiver.got) == 2


def test_the_first_tick_tells_no_history(bench, receiver, tick):
    bench.materialize(bench.put("a.csv", "1"))
    cursor = tick(receiver.webhook(), load_cursor(None, time.time() + 400))
    assert (receiver.got, cursor.due) == ([], ())


def test_a_tag_added_later_tells_nothing_again(bench, receiver, tick):
    run = bench.materialize(bench.put("a.csv", "1"))
    cursor = replace(tick(receiver.webhook(), long_ago()), told={}, since=time.time() + 400)
    bench.instance.add_run_tags(run.run_id, {"note": "seen"})
    tick(receiver.webhook(), cursor)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("options", [{"flows": ("others",)}, {"statuses": ("FAILED",)}])
def test_what_does_not_concern_a_receiver_is_not_told(bench, receiver, tick, options):
    bench.materialize(bench.put("a.csv", "1"))
    assert tick(receiver.webhook(**options), long_ago()).due == ()
    assert receiver.got == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_a_private_address_is_refused(host):
    answer = post(f"http://{host}:9/", b"", {}, timeout=2, allow_private=False)
    assert answer.status is None
    assert "is a private address" in answer.said


def test_a_redirect_is_not_followed(receiver):
    receiver.answers = [302]
    answer = post(receiver.url, b"{}", {}, timeout=60, allow_private=True)
    assert (answer.accepted, answer.said) == (False, "It redirects, which is not followed.")
    assert len(receiver.got) == 1


def test_nobody_there_is_a_sentence():
    answer = post("http://127.0.0.1:1/", b"", {}, timeout=2, allow_private=True)
    assert answer.said == "127.0.0.1 cannot be reached: Connection refused"


def test_a_receiver_that_dribbles_is_left_in_time():
    with dribbling() as port:
        answer = post(f"http://127.0.0.1:{port}/", b"{}", {}, timeout=0.5, allow_private=True)
    assert (answer.status, answer.said) == (None, "127.0.0.1 did not answer in 0.5 s")


@contextmanager
def dribbling():
    """A server that sends a header one byte at a time for ever."""
    stop = threading.Event()

    def dribble(listening):
        peer, _ = listening.accept()
        with peer:
            while not stop.wait(0.05):
                try:
                    peer.sendall(b"H")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=dribble, args=(listening,), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        stop.set()
        thread.join()


def test_no_secret_is_seen(bench, receiver, tick):
    bench.materialize(bench.put("a.csv", "1"))
    webhook = receiver.webhook(secrets=(SECRET, OTHER))
    tick(webhook, long_ago())
    records = bench.instance.fetch_observations(dg.AssetKey(["lume", "webhooks", "ops"]), limit=9)
    shown = repr(webhook) + repr(records) + repr(attempts(bench.instance, "lume", "ops", 9))
    assert all(secret not in shown for secret in (SECRET, SECRET[6:], OTHER, "hush"))


def test_a_variable_that_is_not_set_is_an_attempt_that_says_so(bench, receiver):
    webhook = receiver.webhook(secrets=(dg.EnvVar("NO_SUCH_SECRET"),))
    attempt = deliver(bench.instance, "lume", webhook, None, 0)
    assert (attempt.delivered, receiver.got) == (False, [])
    assert "NO_SUCH_SECRET is not set" in attempt.said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "a b"}, "cannot be called"),
        ({"secrets": ()}, "no secret to sign with"),
        ({"statuses": ("SUCCEEDED", "DONE")}, "runs that end 'DONE'"),
    ],
)
def test_a_webhook_that_could_never_work_is_refused(options, said):
    given = {"name": "ops", "url": "https://example.com", "secrets": (SECRET,), **options}
    with pytest.raises(FlowError, match=said):
        Webhook(**given)


@pytest.mark.parametrize(
    ("url", "secret", "said"),
    [
        ("ftp://x", SECRET, "not an http or https URL"),
        ("https://user:pw@x", SECRET, "not an http or https URL"),
        ("https://x", "short", "has 5 bytes"),
        ("https://x", "whsec_%%%", "is not base64"),
    ],
)
def test_a_url_or_secret_that_is_none_is_refused(url, secret, said):
    with pytest.raises(InvalidRequestError, match=said):
        Webhook(name="ops", url=url, secrets=(secret,)).address()


@pytest.mark.parametrize("text", ["", "x", "[]", '{"version": 1}', '{"version": 1, "due": [{}]}'])
def test_a_cursor_that_was_reset_begins_now(text):
    assert load_cursor(text, 7.0) == Cursor(7.0)


def test_a_cursor_comes_back():
    cursor = Cursor(5.0, {"r": 4.0}, (Due(1.0, "ops", "run_r", 3),))
    assert load_cursor(cursor.dump(), 9.0) == cursor


def test_the_headers_of_a_message_are_those_of_the_standard():
    at = datetime(2022, 11, 3, 20, 26, 10, tzinfo=UTC)
    headers = signed(b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", [b"k" * 24], at)
    assert headers["webhook-timestamp"] == "1667507170"
    signature = "msg_p5jXN8AQM9LWM0D4loKWxJek.1667507170." + '{"test": 2432232314}'
    by_hand = hmac.new(b"k" * 24, signature.encode(), hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(by_hand).decode()}"


def test_dagster_takes_the_sensor(bench, receiver):
    bench.materialize(bench.put("a.csv", "1"))
    sensor = webhook_sensor([receiver.webhook()], "lume")
    with dg.build_sensor_context(bench.instance, cursor=long_ago().dump()) as context:
        answer = sensor(context)
    assert answer.skip_message == "1 delivered, 0 not, 0 to be tried later."
    assert len(load_cursor(context.cursor, 0).told) == 1


def test_the_shell_lists_tests_and_sends_again(bench, receiver, monkeypatch):
    definitions = bench.folder / "definitions.py"
    text = definitions.read_text().replace(
        '    data="data",',
        f'    data="data",\n    webhooks=[Webhook(name="ops", url="{receiver.url}",'
        f' secrets=("{SECRET}",), allow_private=True)],',
    )
    given = "from lume_dagster.orchestration.webhooks.endpoint import Webhook\n"
    definitions.write_text(given + text)
    run = bench.materialize(bench.put("a.csv", "1"))
    monkeypatch.chdir(bench.folder)

    def shell(*words):
        return CliRunner().invoke(lume, ["webhooks", *words])

    assert "127.0.0.1" in shell("list").output
    assert "204" in shell("test", "ops").output
    assert shell("resend", f"run_{run.run_id}").exit_code == 0
    listed = json.loads(shell("deliveries", "--json").output)
    assert [(d["run_id"], d["status"]) for d in listed] == [(f"run_{run.run_id}", 204), (None, 204)]
    receiver.answers = [410]
    gone = shell("test", "ops")
    assert gone.exit_code == 2
    assert "did not take the message" in gone.output
    assert "There is no webhook opps" in shell("test", "opps").output
