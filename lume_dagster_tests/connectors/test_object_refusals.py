"""What a store answers badly, or not at all, becomes a sentence: try again, or mend this."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager

import pytest

from lume_dagster.connectors import AzureBlobConnector, S3Connector
from lume_dagster.connectors.object_store.probe import try_writing
from lume_dagster.connectors.object_store.refusals import RightMissingError, Where, refusal
from lume_dagster.connectors.s3.session import S3
from lume_dagster.errors import ConnectorError, TransientError

SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your rate</Message></Error>"
AZURE_KEY = "a2V5a2V5"


@contextmanager
def answering(status, body=b"", cut=0):
    """A server that gives every request the same answer; its URL, and the headers it saw."""
    seen = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def answer(self):
            seen.append(dict(self.headers))
            if status is None:
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + cut))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
            self.end_headers()
            self.wfile.write(body if self.command != "HEAD" else b"")

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def s3(url, **changes):
    keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "hunter2"}
    place = {"root": "s3://b/in", "endpoint_url": url, "region_name": "us-east-1"}
    return S3Connector(**{**place, **keys, "max_attempts": 1, **changes})


def azure(url):
    return AzureBlobConnector(
        root="az://c/in", account_url=f"{url}/dev", account_key=AZURE_KEY, max_attempts=1
    )


@pytest.mark.parametrize("open_", [s3, azure], ids=["s3", "azure"])
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, SLOW, "SlowDown: Please reduce your rate"),
        (500, b"", "500 Internal Server Error"),
        (429, b"", "429 Too Many"),
        (None, b"", "cannot be reached"),
    ],
    ids=["throttled", "broken", "too many", "dropped"],
)
def test_what_may_pass_is_worth_another_try(open_, status, body, said):
    with (
        answering(status, body) as (url, _),
        pytest.raises(TransientError, match=said),
    ):
        open_(url).list_objects("orders/")


def test_it_is_asked_again_as_often_as_it_is_told(tmp_path):
    with answering(503, SLOW) as (url, seen), pytest.raises(TransientError, match="SlowDown"):
        s3(url, max_attempts=2).list_objects("orders/")
    assert len(seen) == 2


def test_a_store_that_is_not_there_is_worth_another_try():
    with pytest.raises(TransientError, match=r"at http://127.0.0.1:1 cannot .*Connection refused"):
        s3("http://127.0.0.1:1").list_objects("*.csv")


def test_a_host_that_does_not_exist_is_to_be_mended():
    with pytest.raises(ConnectorError, match="dns error|name or service|Name or service") as caught:
        s3("http://nowhere.invalid").list_objects("*.csv")
    assert not isinstance(caught.value, TransientError)


def test_what_is_no_store_is_to_be_mended():
    with (
        answering(200, b"<html>") as (url, _),
        pytest.raises(ConnectorError, match="check endpoint_url: what answers there is no S3"),
    ):
        s3(url).list_objects("orders/")


def test_a_store_that_heeds_no_condition_is_no_target():
    with (
        answering(200, b"<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>") as (url, _),
        pytest.raises(ConnectorError, match="does not heed If-None-Match"),
    ):
        try_writing(s3(url)._bucket, "in")


def test_an_unsigned_session_signs_nothing():
    with answering(404) as (url, seen):
        s3(url, use_unsigned_session=True, aws_access_key_id=None)._bucket.head("in/a")
        s3(url)._bucket.head("in/a")
    assert ["Authorization" in {h.title() for h in headers} for headers in seen] == [False, True]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("status code: 403 Forbidden: \n", RightMissingError, "s3:GetObject on s3://b"),
        ("<Code>AccessDenied</Code>", RightMissingError, "does not let you read s3://b/k"),
        ("status code: 404: <Code>NoSuchBucket</Code>", ConnectorError, "check the bucket"),
        ("<Code>ExpiredToken</Code>", ConnectorError, "log in again"),
        ("an incorrectly configured region", ConnectorError, "set region_name"),
        ("HTTP error: error sending request", TransientError, "cannot be reached"),
        ("GET https://x/?sig=abc&y: sending hunter2", TransientError, "sig=•••&y: sending •••"),
    ],
)
def test_an_answer_says_what_to_do(text, kind, said):
    where = Where(S3, "s3://b", "https://s3", ("hunter2",))
    error = refusal(where, "read", "k", text)
    assert type(error) is kind
    assert said in str(error)
