"""Keys: how they are given, what is refused, and that none of them is ever shown."""

from __future__ import annotations

import pytest

from lume_dagster.errors import AuthenticationError, InvalidRequestError
from lume_dagster.server.keys import read_keys
from lume_dagster_tests.server.calling import KEY, KEYS, OTHER

LONG = "x" * 32


def bearer(text: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", text.encode("latin-1"))]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "names no key"),
        (" , ", "names no key"),
        (LONG, "entry 1 is not of the form name=key"),
        (f"a={LONG},b c={LONG}", "entry 2 is not of the form name=key"),
        (f"={LONG}", "entry 1 is not of the form"),
        ("partner=short", "'partner' has 5 of at least 32"),
        (f"a={LONG},a={LONG}y", "two keys are called 'a'"),
        (f"a={LONG},b={LONG}", "of 'b' is another one's too"),
        (f"a={LONG}é", "no header can carry"),
        (f"a={LONG} {LONG}", "no header can carry"),
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(given, said):
    with pytest.raises(InvalidRequestError, match=said) as refused:
        read_keys(given)
    assert "xxxx" not in str(refused.value)
    assert "short" not in str(refused.value)


def test_the_hint_shows_how_to_make_a_key():
    with pytest.raises(InvalidRequestError, match="token_urlsafe") as refused:
        read_keys("")
    assert "LUME_API_KEYS=NAME=KEY" in str(refused.value.hint)


def test_keys_are_told_apart_and_none_is_kept():
    keys = read_keys(KEYS)
    assert (keys.owner(KEY), keys.owner(OTHER), keys.owner(KEY[:-1])) == ("partner", "other", None)
    assert KEY not in repr(keys)
    assert KEY.encode() not in b"".join(keys.digests.values())


def test_a_key_may_have_an_equals_sign():
    assert read_keys(f"a={LONG}==").owner(f"{LONG}==") == "a"


@pytest.mark.parametrize(
    "headers",
    [
        bearer(f"Bearer {KEY}"),
        bearer(f"bearer  {KEY} "),
        [(b"lume-api-key", KEY.encode())],
        [(b"Lume-Api-Key", KEY.encode())],
    ],
    ids=["bearer", "small letters", "its own header", "capital letters"],
)
def test_a_key_may_be_sent_in_either_header(headers):
    assert read_keys(KEYS).require(headers) == "partner"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([], "carries no key"),
        (bearer(f"Basic {KEY}"), "carries no key"),
        (bearer(KEY), "carries no key"),
        (bearer(f"Bearer {KEY}") * 2, "carries no key"),
        ([*bearer("Basic x"), (b"lume-api-key", KEY.encode())], "carries no key"),
        ([(b"lume-api-key", KEY.encode())] * 2, "carries no key"),
        (bearer("Bearer "), "carries no key"),
        (bearer(f"Bearer {KEY}x"), "Nobody has this key"),
        (bearer("Bearer \xff"), "Nobody has this key"),
    ],
)
def test_what_is_no_key_of_anyone_is_no_way_in(headers, said):
    with pytest.raises(AuthenticationError, match=said):
        read_keys(KEYS).require(headers)


@pytest.mark.parametrize(
    ("path", "query"),
    [(f"/v1/{KEY}", ""), ("/", f"key={KEY}"), ("/", f"{KEY}"), ("/%6b" + KEY[1:], "")],
    ids=["path", "value", "name", "percent-encoded"],
)
def test_a_key_in_an_address_is_seen(path, query):
    assert read_keys(KEYS).stand_in(path, query)
    assert not read_keys(KEYS).stand_in("/v1/runs/run_x", "flow=contacts&status=FAILED")
