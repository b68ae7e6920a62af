"""What SQL Server, its driver and the network say, as sentences: what passes and what does not."""

from __future__ import annotations

import socket

import dagster as dg
import pyarrow as pa
import pytest

from lume_dagster.connectors import SQLServerConnector
from lume_dagster.connectors.sqlserver.faults import as_error, as_refusal, said
from lume_dagster.connectors.sqlserver.session import Login, connected
from lume_dagster.errors import ConnectorError, TransientError

SOON = {"connect_timeout_seconds": 1}


def from_driver(words, state="HY000"):
    from mssql_python.exceptions import sqlstate_to_exception

    text = f"[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{words}"
    return sqlstate_to_exception(state, text)


def from_bulk_copy(number, words):
    return RuntimeError(f"Sql Error: {number}: Class 16: State 1: {words} on DB01 in  at line 1")


@pytest.mark.parametrize(
    "error",
    [
        from_driver(
            "Transaction (Process ID 52) was deadlocked on lock resources with another process "
            "and has been chosen as the deadlock victim. Rerun the transaction.",
            "40001",
        ),
        from_driver("Lock request time out period exceeded.", "HYT00"),
        from_driver("The service has encountered an error processing your request."),
        from_driver("The service is currently busy. Retry the request after 10 seconds."),
        from_driver("Database 'a' on server 'b' is not currently available."),
        from_driver("Not enough resources to process request. Please retry you request later."),
        from_driver(
            "Resource ID : 1. The request limit for the database is 90 and has been reached."
        ),
        from_driver("Communication link failure", "08S01"),
        from_bulk_copy(1205, "in whatever language"),
        from_bulk_copy(49920, "x"),
        RuntimeError("Connection Error: Connection reset by peer (os error 104)"),
        RuntimeError(
            "Failed to connect to SQL Server: Connection closed: Connection closed by server "
            "while reading TDS packet header"
        ),
        RuntimeError("Protocol Error: Failed to receive token during login response parsing."),
    ],
    ids=lambda error: said(error)[:40],
)
def test_what_passes_is_a_transient_error(error):
    assert isinstance(as_error(error, "db", said(error)), TransientError)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (from_driver("Cannot insert duplicate key row in object 'a'", "23000"), "unique index"),
        (from_driver("The transaction log for database 'a' is full", "42000"), "free space"),
        (from_bulk_copy(1105, "Could not allocate space"), "free space"),
        (from_bulk_copy(229, "x"), "ask the owner"),
        (RuntimeError("Bulk copy operation timed out"), "statement_timeout_seconds"),
        (ValueError("Cannot map Arrow column"), None),
    ],
    ids=lambda value: said(value)[:40] if isinstance(value, Exception) else "",
)
def test_what_stays_is_not_and_says_what_to_do(error, hint):
    made = as_error(error, "db", said(error))
    assert not isinstance(made, TransientError)
    assert (hint or "") in (made.hint or "")


@pytest.mark.parametrize("words", ["Login timeout expired", "TCP Provider: Error code 0x2746"])
def test_a_server_that_does_not_answer_in_time_may_answer_later(words):
    error = from_driver(words, "HYT00")
    assert isinstance(as_refusal(error, "db", said(error)), TransientError)


def test_a_server_that_says_nothing_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        mute = SQLServerConnector(host=host, port=port, user="sa", connect_timeout_seconds=1)
        with pytest.raises(TransientError, match=r"cannot be reached.*\n.*the network between"):
            list(mute.test())


def test_what_the_driver_adds_is_left_out():
    assert said(from_driver("No.\n Really")) == "No. Really"
    assert said(from_bulk_copy(5, "No.\n Really")) == "No. Really"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "nonsense"}, r"Login failed for user .*\n.*check the connector's user"),
        ({"database": "nope"}, r"Cannot open database.*\n.*check the connector's database"),
        ({"host": "no.such.host.invalid", **SOON}, r"cannot be reached.*\n.*no such host is known"),
        ({"port": 1, **SOON}, r"cannot be reached.*\n.*nothing answers there"),
        (
            {"encrypt": "yes", "trust_server_certificate": False},
            r"certificate verify failed.*\n.*a certificate that this machine trusts",
        ),
        ({"encrypt": "perhaps"}, r"encrypt is 'perhaps'.*\n.*known: yes, no, strict"),
        ({"authentication": "Magic"}, r"authentication is 'Magic'.*\n.*ActiveDirectoryMSI"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_server_that_lets_nobody_in_is_a_sentence_with_what_to_do(sqlserver, changes, words):
    config = {**sqlserver.config(), **changes}
    with pytest.raises(ConnectorError, match=words):
        list(SQLServerConnector(**config).test())


def test_an_encrypted_connection_works_both_ways(sqlserver, sqlserver_database):
    config = {**sqlserver.config(sqlserver_database), "encrypt": "yes"}
    connector = SQLServerConnector(**{**config, "trust_server_certificate": True})
    with connected(connector.login()) as session:
        session.run("CREATE TABLE t (a nvarchar(max))")
        assert session.copy(pa.table({"a": ["ż" * 100_000]}).to_reader(), "t") == 1
    with connector.read("SELECT a FROM t WHERE :source_path = 'x'", "x") as reader:
        assert reader.read_all()["a"].to_pylist() == ["ż" * 100_000]


def test_a_password_may_hold_what_connection_strings_are_made_of(sqlserver):
    """The stand-in's own has braces, a semicolon and a quote."""
    assert list(SQLServerConnector(**sqlserver.config()).test())


def test_a_bulk_copy_whose_connection_is_cut_leaves_no_row(sqlserver, sqlserver_database):
    connector = SQLServerConnector(**sqlserver.config(sqlserver_database))

    def batches():
        for number in range(200):
            if number == 100:
                bulk = f"program_name <> 'MSSQL-Python' AND login_name = '{sqlserver.user}'"
                assert sqlserver.end_sessions(bulk)
            yield pa.record_batch({"a": ["x" * 1_000] * 100})

    schema = pa.schema([("a", pa.string())])
    with connected(connector.login()) as session:
        session.run("CREATE TABLE t (a nvarchar(max))")
        with pytest.raises(TransientError, match="broke"):
            session.copy(pa.RecordBatchReader.from_batches(schema, batches()), "t")
        assert session.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_secrets_come_from_the_environment(sqlserver, monkeypatch):
    secret = dg.EnvVar("LUME_TEST_PASSWORD")
    connector = SQLServerConnector(**{**sqlserver.config(), "password": secret})
    with pytest.raises(ConnectorError, match="LUME_TEST_PASSWORD is not set"):
        list(connector.test())
    monkeypatch.setenv("LUME_TEST_PASSWORD", sqlserver.password)
    assert list(connector.test())


def test_a_login_shows_only_where_it_leads():
    login = Login("db:1433/crm", {"PWD": "hunter2"}, ("hunter2",))
    assert "hunter2" not in repr(login)
    assert login.clean("no hunter2 here") == "no ••• here"


@pytest.mark.parametrize(
    ("changes", "server"),
    [({}, "localhost,1433"), ({"host": "db\\sales"}, "db\\sales"), ({"port": 99}, "localhost,99")],
    ids=["port", "instance", "other port"],
)
def test_a_host_has_a_port_or_names_an_instance(changes, server):
    assert SQLServerConnector(**changes).login().options["Server"] == server


def test_an_entra_login_is_handed_to_the_driver_as_it_calls_it():
    login = SQLServerConnector(authentication="ActiveDirectoryMSI", user="client").login()
    assert login.options["Authentication"] == "ActiveDirectoryMSI"
    assert "PWD" not in login.options
