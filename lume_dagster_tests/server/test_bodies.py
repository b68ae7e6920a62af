"""Bodies and parameters that cannot be meant: a sentence each, all in one form."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.errors import InvalidRequestError
from lume_dagster.server.bodies import StartBody, parse_json, parse_start
from lume_dagster_tests.server.calling import problem


def dumped(value) -> bytes:
    return json.dumps(value).encode()


GOOD = b'{"flow_version": "orders", "source_path": "a.csv"}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", r"The body is no JSON: expecting value"),
        (b"{", r"The body is no JSON"),
        (GOOD + b"x", r"no JSON: extra data"),
        (b'{"flow_version": NaN}', r"no JSON: it says NaN"),
        (b'{"flow_version": -Infinity}', r"no JSON: it says -Infinity"),
        (b'{"flow_version": "\xff"}', r"not text in UTF-8"),
        (b'{"flow_version": "\\ud800"}', r"not text in UTF-8"),
        (b"[" * 100_000, r"more than 100 lists and objects"),
        (b"[" * 101 + b"]" * 101, r"more than 100 lists and objects"),
        (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, r"more than 100 lists and objects"),
        (b'{"x": ' + b"9" * 5_000 + b"}", r"no JSON: exceeds the limit"),
        (b"[]", r"^The body is no object\.\n"),
        (b"null", r"^The body is no object\.\n"),
        (b"{}", r"^flow_version is missing\.\n"),
        (b'{"flow_version": 3}', r"^flow_version is no text\.\n"),
        (GOOD[:-1] + b', "sourcepath": "x"}', r"^sourcepath is unknown\.\n"),
        (GOOD[:-1] + b', "force_rerun": "yes"}', r"^force_rerun is neither true nor false\.\n"),
        (GOOD[:-1] + b', "input_files": "x"}', r"^input_files is no list\.\n"),
        (GOOD[:-1] + b', "input_files": [1]}', r"^input_files\.0 is no text\.\n"),
        (GOOD[:-1] + b', "run_metadata": []}', r"^run_metadata is no object\.\n"),
    ],
)
def test_a_body_that_cannot_be_meant_is_a_sentence(body, said):
    with pytest.raises(InvalidRequestError, match=said):
        parse_start(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*StartBody.model_fields, "nope"]


@given(st.binary() | JSON.map(dumped) | st.dictionaries(st.sampled_from(FIELDS), JSON).map(dumped))
def test_no_body_is_more_than_refused(body):
    with suppress(InvalidRequestError):
        assert isinstance(parse_start(body), StartBody)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InvalidRequestError, match="is no text. nope is unknown"):
        parse_start(b'{"flow_version": 3, "nope": 1}')


def test_a_body_as_deep_as_may_be_is_taken():
    assert parse_json(b"[" * 100 + b"]" * 100, "it")


@pytest.mark.parametrize(
    "body",
    [GOOD, GOOD.replace(b"a.csv", b"\\u00fc"), b" \n" + GOOD, GOOD[:-1] + b', "source_path": "b"}'],
)
def test_json_is_taken_as_its_standard_has_it(body):
    assert parse_start(body).flow_version == "orders"


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_of_two_megabytes_is_too_large(shop, chunked):
    pieces = [b" " * (1 << 16)] * 32
    body = iter(pieces) if chunked else b"".join(pieces)
    answer = asked(shop, body)
    problem(answer, 413, "InvalidRequestError", "more than the 1,048,576 bytes")


def asked(shop, body):
    headers = {"Transfer-Encoding": "chunked"} if not isinstance(body, bytes) else {}
    data = body if isinstance(body, bytes) else b"".join(framed(body))
    return shop.ask("POST", "/v1/runs", data, headers=headers)


def framed(pieces):
    for piece in (*pieces, b""):
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/runs?page=0", "The parameter page is less than 1"),
        ("/v1/runs?size=501", "The parameter size is more than 500"),
        ("/v1/runs?page=x", "The parameter page is no whole number"),
        ("/v1/runs?status=nope", "There is no status 'nope'"),
        ("/v1/runs?" + "status=FAILED&" * 21, "The parameter status is there more than 20 times"),
        ("/v1/runs?flow=%00", "The parameter flow has a control character"),
        (f"/v1/runs?flow={'x' * 2001}", "The parameter flow has more than 2000 characters"),
        ("/v1/runs/run_x?wait=61", "The parameter wait is more than 60"),
        ("/v1/runs/run_x?wait=nan", "The parameter wait"),
        ("/v1/runs/run_x/output?format=xml", "The parameter format is not 'csv' or 'json'"),
        ("/v1/runs/run_x/output?part=all", r"The parameter part\.0 is not 'mapped', 'rejects'"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_a_sentence(shop, path, said):
    problem(shop.ask("GET", path), 400, "InvalidRequestError", said)


@pytest.mark.parametrize("metadata", ["x", "[]", "NaN"])
def test_metadata_in_an_address_is_a_json_object(shop, ran, metadata):
    answer = shop.ask("POST", f"/v1/runs/{ran}/resubmit", b"x", run_metadata=metadata)
    problem(answer, 400, "InvalidRequestError", "run_metadata is no JSON")


@pytest.mark.parametrize(
    ("method", "path", "takes"),
    [
        ("DELETE", "/v1/runs", "GET, HEAD, POST"),
        ("TRACE", "/v1/flows", "GET, HEAD"),
        ("BREW", "/health", "GET, HEAD"),
        ("OPTIONS", "/v1/uploads", "POST"),
        ("HEAD", "/v1/runs/run_x/output", "GET"),
    ],
)
def test_another_method_is_told_which_there_are(shop, method, path, takes):
    answer = shop.ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, takes)
    if method != "HEAD":
        problem(answer, 405, "InvalidRequestError", f"{path} does not take {method}")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/runs/", "/v2/runs", "/v1/runs/%2e%2e/x/y"])
def test_another_address_is_not_found(shop, path):
    problem(shop.ask("GET", path), 404, "NotFoundError", "There is nothing at")


@pytest.mark.parametrize("path", ["/health", "/v1/flows", "/v1/runs", "/v1/flows/contacts"])
def test_head_says_what_get_would(shop, path):
    head, get = shop.ask("HEAD", path), shop.ask("GET", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))
    assert json.loads(get.body)
