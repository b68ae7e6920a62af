"""TLS: a certificate of one's own is trusted where its file is named, and nowhere else."""

from __future__ import annotations

import pytest

from lume_dagster.client.access import Access
from lume_dagster.client.calls import Line
from lume_dagster.client.remote import Server
from lume_dagster.client.site import Which
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster_tests.servers.certificate import key_and_certificate
from lume_dagster_tests.servers.lume_serve import KEY, elsewhere, serving

_RUNS = "import json, lume_dagster as lume; print(json.dumps(len(lume.runs(limit=1))))"


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """The file of a certificate, and that of its key."""
    folder = tmp_path_factory.mktemp("tls")
    pair = key_and_certificate()
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    at = pair.index(b"-----BEGIN CERTIFICATE")
    key.write_bytes(pair[:at])
    certificate.write_bytes(pair[at:])
    return certificate, key


@pytest.fixture(scope="module")
def safe(served, pem):
    """A server that speaks TLS only."""
    options = ("--tls-certificate", pem[0], "--tls-key", pem[1])
    with serving(served.project, *options, scheme="https") as server:
        yield server


@pytest.mark.parametrize("variable", ["LUME_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_is_trusted_where_its_file_is_named(safe, pem, tmp_path, variable):
    elsewhere(_RUNS, tmp_path, safe.variables(**{variable: str(pem[0])}))


def test_our_variable_goes_before_that_of_all_programs(safe, pem, tmp_path):
    variables = {"LUME_CA_BUNDLE": str(pem[0]), "REQUESTS_CA_BUNDLE": "/nowhere.pem"}
    elsewhere(_RUNS, tmp_path, safe.variables(**variables))


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(safe, monkeypatch):
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    site = Server(Line(Access(safe.url, KEY), first_pause=3600))
    with pytest.raises(ConnectorError, match="is not trusted: self-signed certificate") as caught:
        site.runs(Which())
    assert caught.value.hint == "name the PEM file of who signed it in LUME_CA_BUNDLE"


def test_tls_with_a_server_that_has_none_is_refused_at_once(served):
    site = Server(Line(Access(f"https://127.0.0.1:{served.port}", KEY), first_pause=3600))
    with pytest.raises(ConnectorError, match="does not speak TLS") as caught:
        site.runs(Which())
    assert "is it http://?" in caught.value.hint


def test_plain_http_with_a_server_that_has_tls_has_no_answer(safe):
    with pytest.raises(TransientError, match="does not answer"):
        safe.site(f"http://127.0.0.1:{safe.port}").runs(Which())
