"""PostgreSQL is reached encrypted, and a server that cannot prove who it is is refused."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from lume_dagster.connectors import PostgresConnector
from lume_dagster.errors import ConnectorError
from lume_dagster_tests.servers.certificate import key_and_certificate, tls_context
from lume_dagster_tests.servers.tls_proxy import tls_before


@pytest.fixture
def behind(postgres, tmp_path):
    """The configuration for a server behind a certificate, which it also names as known."""

    @contextmanager
    def started(pair):
        known = tmp_path / "known.pem"
        known.write_bytes(pair[pair.index(b"-----BEGIN CERTIFICATE") :])
        with tls_before(postgres.port, tls_context(pair)) as port:
            yield {**postgres.config(), "port": port, "sslrootcert": str(known)}

    return started


@pytest.fixture
def config(behind):
    with behind(key_and_certificate()) as given:
        yield given


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_rows_come_encrypted_from_a_server_whose_certificate_is_known(config, mode):
    connector = PostgresConnector(**{**config, "sslmode": mode})
    query = "SELECT i FROM generate_series(1, 200000) AS i WHERE :source_path = 'x'"
    with connector.read(query, "x") as reader:
        assert reader.read_all().num_rows == 200_000


def test_the_same_is_said_in_a_uri(config):
    uri = (
        f"postgresql://{config['user']}:{config['password']}@127.0.0.1:{config['port']}/postgres"
        f"?sslmode=verify-full&sslrootcert={config['sslrootcert']}"
    )
    assert list(PostgresConnector(uri=uri).test())


def test_a_certificate_of_somebody_else_is_refused_with_what_to_check(config, tmp_path):
    other = tmp_path / "other.pem"
    pair = key_and_certificate()
    other.write_bytes(pair[pair.index(b"-----BEGIN CERTIFICATE") :])
    connector = PostgresConnector(**{**config, "sslrootcert": str(other), "sslmode": "verify-ca"})
    with pytest.raises(ConnectorError, match=r"(?i)certificate verify failed.*\n.*sslrootcert"):
        list(connector.test())


def test_a_certificate_for_another_name_is_refused_where_names_count(behind):
    with behind(key_and_certificate("127.0.0.9")) as config:
        assert list(PostgresConnector(**{**config, "sslmode": "verify-ca"}).test())
        with pytest.raises(ConnectorError, match=r"does not match host name.*\n.*own name"):
            list(PostgresConnector(**{**config, "sslmode": "verify-full"}).test())


def test_a_server_without_encryption_is_refused_where_it_is_required(postgres):
    connector = PostgresConnector(**{**postgres.config(), "sslmode": "require"})
    with pytest.raises(ConnectorError, match=r"does not support SSL.*\n.*sslmode"):
        list(connector.test())
