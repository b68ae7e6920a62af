"""Which server is asked, with which key: as told, as the environment says, or none; never shown."""

from __future__ import annotations

import os

import pytest

import lume_dagster
from lume_dagster import client
from lume_dagster.client.access import Access, Given, known_access, remember
from lume_dagster.errors import AuthenticationError, InvalidRequestError
from lume_dagster_tests import here
from lume_dagster_tests.servers.lume_serve import KEY, elsewhere

URL = "http://127.0.0.1:3030"


@pytest.fixture(autouse=True)
def _forgotten():
    yield
    remember(Given())


@pytest.fixture
def project(served, monkeypatch):
    """One stands in the project, and the environment names its server."""
    monkeypatch.chdir(served.project)
    for name, value in served.variables().items():
        monkeypatch.setenv(name, value)
    return served.project


def test_without_a_key_nothing_is_sent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUME_API_URL", "http://127.0.0.1:1")
    for ask in (lambda: lume_dagster.run("contacts", "a.csv"), lume_dagster.runs):
        with pytest.raises(AuthenticationError, match=r"no API key for .*127\.0\.0\.1:1") as caught:
            ask()
    assert caught.value.hint.startswith("set LUME_API_KEY, or give api_key= to lume.init")


def test_init_with_an_address_and_no_key_is_refused():
    with pytest.raises(AuthenticationError, match="no API key"):
        lume_dagster.init(url=URL)
    assert known_access() is None


def test_with_neither_a_server_nor_a_project_init_says_what_to_give(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ask in (lume_dagster.init, lambda: lume_dagster.init("k" * 40), lume_dagster.runs):
        with pytest.raises(InvalidRequestError, match=r"no definitions\.py") as caught:
            ask()
        assert (
            "for a project behind a server, set LUME_API_URL and LUME_API_KEY" in caught.value.hint
        )


def test_what_init_is_told_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("LUME_API_URL", "https://other.example.com")
    monkeypatch.setenv("LUME_API_KEY", "another")
    assert known_access() == Access("https://other.example.com", "another")
    lume_dagster.init(api_key="mine", url=URL, request_timeout=5)
    assert known_access() == Access(URL, "mine", 5)
    lume_dagster.init(url=URL)
    assert known_access() == Access(URL, "another", 60)
    monkeypatch.setenv("LUME_API_KEY", "new")  # read at each call
    assert known_access().key == "new"


def test_init_is_enough(served, tmp_path):
    script = (
        "import json, lume_dagster as lume\n"
        f"lume.init({KEY!r}, {served.url!r}, 30)\n"
        "print(json.dumps(len(lume.runs(limit=1))))"
    )
    assert elsewhere(script, tmp_path, {}) <= 1


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://127.0.0.1:3030/", URL),
        (" http://127.0.0.1:3030/v1 ", URL),
        ("https://lume.example.com/team/", "https://lume.example.com/team"),
        ("https://[::1]:3030", "https://[::1]:3030"),
    ],
)
def test_an_address_is_taken_as_it_is_meant(given, meant):
    assert known_access(Given("key", given)).url == meant


@pytest.mark.parametrize(
    "given",
    ["127.0.0.1:3030", "ftp://lume.example.com", "https://", "http://h:99999", "http://[x", "lume"],
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(InvalidRequestError, match=r"is no address") as caught:
        known_access(Given("key", given))
    assert "looks like https://" in caught.value.hint


@pytest.mark.parametrize("given", ["https://me:secret@lume.example.com", f"{URL}?key=secret"])
def test_an_address_that_holds_a_secret_is_refused_without_it(given):
    with pytest.raises(InvalidRequestError, match="holds more than an address") as caught:
        known_access(Given("key", given))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "tab\tbed"])
def test_what_can_be_no_key_is_refused_without_being_shown(key):
    with pytest.raises(AuthenticationError, match="letters that no key has") as caught:
        known_access(Given(key, URL))
    assert key not in str(caught.value)


def test_a_line_break_after_a_key_is_of_the_file_it_was_in():
    assert known_access(Given("key\n", URL)).key == "key"


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_is_some_time(seconds):
    with pytest.raises(InvalidRequestError, match="request_timeout is"):
        known_access(Given("key", URL, seconds))


def test_no_repr_shows_the_key(served, done):
    shown = [Given(KEY, URL), Access(URL, KEY), served.site(), served.site().line, done, vars(done)]
    assert KEY not in repr(shown)


def test_a_project_that_is_named_is_used_all_the_same(project, done, monkeypatch):
    monkeypatch.setenv("LUME_API_URL", "http://127.0.0.1:1")
    assert client.run_status(done.id, project=project).status == done.status


def test_the_shell_works_on_the_project_whatever_server_is_named(project, done, monkeypatch):
    monkeypatch.setenv("LUME_API_URL", "http://127.0.0.1:1")
    said = here.lume(["status", done.id], project, os.environ)
    assert said.startswith("PARTIAL_FAILED  contacts:v1")


def test_the_environment_is_enough(project, done):
    assert client.run_status(done.id)._site.__class__.__name__ == "Server"
    assert client.runs(flow="contacts", limit=1)


def test_the_output_lies_on_the_server(done):
    with pytest.raises(InvalidRequestError, match="not on this machine") as caught:
        done.output_folders()
    assert caught.value.hint == "run.download_all(folder) fetches it"


def test_a_file_of_authorities_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("LUME_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(InvalidRequestError, match=r"LUME_CA_BUNDLE is /nowhere/ca\.pem"):
        known_access(Given("key", URL))
