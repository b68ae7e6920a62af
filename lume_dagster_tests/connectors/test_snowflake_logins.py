"""How people log in to Snowflake: password, key pair, token, a resource they have."""

from __future__ import annotations

import base64

import dagster as dg
import pytest

from lume_dagster.connectors import SnowflakeConnector
from lume_dagster.connectors.snowflake.session import connected
from lume_dagster.errors import ConnectorError


@pytest.fixture
def given(snowflake, snowflake_database):
    return snowflake.config(snowflake_database)


def test_a_wrong_password_is_a_sentence_with_what_to_do(snowflake_double):
    wrong = SnowflakeConnector(**{**snowflake_double.config(), "password": "nonsense"})
    with pytest.raises(ConnectorError, match=r"Incorrect username.*\n.*check the connector's user"):
        list(wrong.test())


def test_a_database_that_is_not_there_is_refused_at_the_login(snowflake):
    with pytest.raises(ConnectorError, match=r"database does not exist.*\n.*check the connector's"):
        list(SnowflakeConnector(**snowflake.config("NO_SUCH_DATABASE")).test())


@pytest.fixture
def by_key(snowflake_double, snowflake_database):
    login = snowflake_double.config(snowflake_database)
    return {**login, "password": None}


def encrypted(pem, password):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pem.encode(), None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    ).decode()


@pytest.mark.parametrize("form", ["text", "base64", "file", "locked file"])
def test_a_key_pair_logs_in(snowflake_double, by_key, tmp_path, form):
    pem, file = snowflake_double.private_key, tmp_path / "rsa_key.p8"
    file.write_text(encrypted(pem, "pass phrase") if form == "locked file" else pem)
    more = {
        "text": {"private_key": pem},
        "base64": {"private_key": base64.b64encode(pem.encode()).decode()},
        "file": {"private_key_path": str(file)},
        "locked file": {"private_key_path": str(file), "private_key_password": "pass phrase"},
    }
    assert list(SnowflakeConnector(**by_key, **more[form]).test())


def test_a_key_that_the_user_does_not_have_is_a_sentence(by_key):
    from lume_dagster_tests.servers.snowflake import _key_pair

    stranger = SnowflakeConnector(**by_key, private_key=_key_pair()[0])
    with pytest.raises(ConnectorError, match=r"JWT token is invalid.*\n.*SET RSA_PUBLIC_KEY"):
        list(stranger.test())


@pytest.mark.parametrize("kind", ["oauth", "programmatic_access_token"])
def test_a_token_logs_in_and_a_wrong_one_is_told(snowflake_double, by_key, kind):
    assert list(
        SnowflakeConnector(**by_key, authenticator=kind, token=snowflake_double.token).test()
    )
    with pytest.raises(ConnectorError, match=r"token.*\n.*make a new one"):
        list(SnowflakeConnector(**by_key, authenticator=kind, token="another").test())


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        ({}, "nothing to log in with"),
        ({"password": "p", "private_key": "k"}, "password and private_key; Snowflake takes one"),
        ({"token": "t"}, "does not say of what kind"),
        ({"private_key": "not a key"}, "private key cannot be read"),
        ({"private_key_path": "/no/such/rsa_key.p8"}, "/no/such/rsa_key.p8 cannot be read"),
    ],
)
def test_an_incomplete_login_is_a_sentence_before_anything_is_sent(proof, said):
    with pytest.raises(ConnectorError, match=said):
        list(SnowflakeConnector(account="a", user="u", **proof).test())


def test_a_locked_key_without_its_password_is_a_sentence(snowflake_double):
    locked = encrypted(snowflake_double.private_key, "p")
    with pytest.raises(ConnectorError, match="encrypted and private_key_password is not set"):
        list(SnowflakeConnector(account="a", user="u", private_key=locked).test())


def test_a_snowflake_resource_is_taken_over_with_its_secrets_unread(
    given, snowflake_double, monkeypatch
):
    from dagster_snowflake import SnowflakeResource

    plain = ("account", "user", "database", "schema", "warehouse", "login_timeout")
    resource = SnowflakeResource(
        **{name: given[name] for name in plain},
        password=dg.EnvVar("LUME_TEST_PASSWORD"),
        timezone="Asia/Kolkata",
        additional_snowflake_connection_args={n: given[n] for n in ("host", "port", "protocol")},
    )
    taken = SnowflakeConnector.from_resource(resource, quoted_identifiers=True)
    assert (taken.quoted_identifiers, taken.schema_) == (True, "PUBLIC")
    assert taken.session_parameters == {"TIMEZONE": "Asia/Kolkata"}
    with pytest.raises(ConnectorError, match="LUME_TEST_PASSWORD is not set"):
        list(taken.test())
    monkeypatch.setenv("LUME_TEST_PASSWORD", given["password"])
    assert list(taken.test())


def test_it_serves_as_a_dagster_resource(given, monkeypatch):
    monkeypatch.setenv("LUME_TEST_PASSWORD", str(given.get("password")))
    seen = []

    @dg.asset
    def looked(warehouse: SnowflakeConnector) -> None:
        seen.extend([repr(warehouse), *warehouse.test()])

    resource = SnowflakeConnector(
        **{**given, "password": dg.EnvVar("LUME_TEST_PASSWORD")},
        additional_snowflake_connection_args={"client_session_keep_alive": False},
    )
    with dg.instance_for_test() as instance:
        made = dg.materialize([looked], resources={"warehouse": resource}, instance=instance)
    assert made.success
    assert str(given.get("password")) not in str(seen)
    assert "client_session_keep_alive': '•••'" in seen[0]


@pytest.mark.parametrize(
    ("more", "seconds"), [({}, 0.0), ({"platform_detection_timeout_seconds": 0.1}, 0.1)]
)
def test_no_cloud_is_asked_where_it_runs_unless_the_connector_says_so(
    snowflake, snowflake_database, more, seconds
):
    given = snowflake.config(snowflake_database)
    connector = SnowflakeConnector(**given, additional_snowflake_connection_args=more)
    with connected(connector._login) as connection:
        assert connection.platform_detection_timeout_seconds == seconds
