"""What SQL Server is asked as a source: one SELECT, its value bound, its types kept, in pieces."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from lume_dagster.connectors import SQLServerConnector
from lume_dagster.connectors.protocol import DatabaseSource
from lume_dagster.connectors.sqlserver.read import bind
from lume_dagster.errors import ConnectorError, FlowError
from lume_dagster_tests.in_memory import connect
from lume_dagster_tests.waiting import wait_until

HERE = "WHERE :source_path = 'x'"


@pytest.fixture
def crm(sqlserver, sqlserver_database):
    return SQLServerConnector(**sqlserver.config(sqlserver_database))


@pytest.fixture
def run(sqlserver, sqlserver_database):
    def ran(*statements):
        with sqlserver.connect(sqlserver_database) as cursor:
            for statement in statements:
                cursor.execute(statement)

    return ran


def read(connector, query, source_path="x"):
    with connector.read(query, source_path) as reader:
        return reader.read_all()


def test_it_is_a_database(crm):
    assert isinstance(crm, DatabaseSource)


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT [delete], 'DROP TABLE x', N'into' AS word FROM t {HERE}",
        f"SELECT 1 AS a /* INSERT */ {HERE} -- UPDATE ? ;",
        f"SELECT * FROM t INNER MERGE JOIN u ON t.a = u.a {HERE} OPTION (MERGE JOIN);",
        f"WITH a AS (SELECT 1 AS b) SELECT * FROM a {HERE}",
        f"(SELECT 1 AS a {HERE}) UNION ALL SELECT 2",
        f"SELECT TOP 10 a.value('.', 'int') FROM t AS a WITH (NOLOCK) {HERE} FOR JSON AUTO",
    ],
)
def test_one_select_may_be_anything(query):
    bound, times = bind(query)
    assert (bound.rstrip(";"), times) == (query.rstrip(";").replace(":source_path", "?"), 1)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        (f"SELECT * INTO copy FROM t {HERE}", "INTO"),
        (f"SELECT 1 {HERE} DELETE FROM t", "DELETE"),
        (f"SELECT 1 {HERE} COMMIT", "COMMIT"),
        (f"SELECT 1 {HERE}; SELECT 2", ";"),
        (f"WITH a AS (SELECT 1 AS b {HERE}) UPDATE a SET b = 2", "UPDATE"),
        (f"SELECT 1 {HERE} MERGE t USING u ON 1 = 1 WHEN MATCHED THEN DELETE", "MERGE"),
        (f"SELECT * FROM OPENQUERY(other, 'DELETE FROM t') {HERE}", "OPENQUERY"),
        (f"SELECT NEXT VALUE FOR numbers {HERE}", "NEXT"),
        (f"EXEC sp_rename 't', 'u' -- {HERE}\n, :source_path", "EXEC"),
        (f"IF 1 = 1 SELECT 1 {HERE}", "IF"),
    ],
)
def test_what_does_more_than_read_is_refused_by_its_word(query, word):
    with pytest.raises(FlowError, match=f"holds {word} where only one SELECT may stand"):
        bind(query)


def test_a_query_runs_in_a_transaction_that_ends_with_its_connection(crm, sqlserver):
    """What the words let through is rolled back: nobody commits."""
    open_ones = (
        "SELECT session_id FROM sys.dm_exec_sessions "
        "WHERE program_name = 'MSSQL-Python' AND open_transaction_count > 0"
    )
    with sqlserver.connect() as cursor:

        def sessions():
            return {tuple(row) for row in cursor.execute(open_ones).fetchall()}

        before = sessions()  # the server is slow to notice connections that other tests cut
        with crm.read(f"SELECT 1 AS a {HERE}", "x") as reader:
            assert reader.read_all().num_rows == 1
            assert len(sessions() - before) == 1
        wait_until(lambda: not sessions() - before)


def test_a_value_may_be_used_often_and_hold_anything(crm, run):
    run("CREATE TABLE t (a nvarchar(40), b nvarchar(40))", "INSERT INTO t VALUES (N'漢 ''?', N'1')")
    query = "SELECT b, '?' AS c FROM t WHERE a = :source_path OR b = :source_path -- why?"
    assert read(crm, query, "漢 '?").to_pylist() == [{"b": "1", "c": "?"}]


def test_types_of_their_own_arrive_as_arrow_knows_them(crm, run):
    run(
        "CREATE TABLE t (a tinyint, b smallint, c real, d varbinary(max), e datetimeoffset(6), "
        "f varchar(10), g decimal(38,10), h uniqueidentifier, i time(6), j datetime2(6))",
        "INSERT INTO t VALUES (255, -32768, 1.5, CAST('ab' AS varbinary(max)), "
        "'2024-02-29T12:00:00+00:00', 'abc', 1.5, '00112233-4455-6677-8899-aabbccddeeff', "
        "'23:59:59.999999', '9999-12-31T23:59:59.999999')",
    )
    table = read(crm, f"SELECT * FROM t {HERE}")
    assert table.to_pylist() == [
        {
            "a": 255,
            "b": -32768,
            "c": 1.5,
            "d": b"ab",
            "e": dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
            "f": "abc",
            "g": Decimal("1.5000000000"),
            "h": "00112233-4455-6677-8899-AABBCCDDEEFF".lower(),
            "i": dt.time(23, 59, 59, 999999),
            "j": dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        }
    ]
    assert table.schema.field("g").type == pa.decimal128(38, 10)


def test_the_last_digit_of_a_datetime2_of_seven_is_cut_unless_it_is_read_as_text(crm):
    """The driver's Arrow knows microseconds; SQL Server's own finest is 100 nanoseconds."""
    value = "CAST('1969-12-31T23:59:59.1234567' AS datetime2(7))"
    table = read(crm, f"SELECT {value} AS a, CAST({value} AS nvarchar(27)) AS b {HERE}")
    moment = dt.datetime(1969, 12, 31, 23, 59, 59, 123456)
    assert table.schema.field("a").type == pa.timestamp("us")
    assert table["a"].to_pylist() == [moment]
    assert table["b"].to_pylist()[0].startswith("1969-12-31 23:59:59.1234567")


def test_an_engine_can_scan_what_a_query_yields(crm, run):
    run("CREATE TABLE t (a time(6), b nvarchar(max))", "INSERT INTO t VALUES ('12:00', N'ż')")
    with crm.read(f"SELECT * FROM t {HERE}", "x") as reader, connect() as connection:
        connection.register("rows", reader)
        row = connection.execute("SELECT a::VARCHAR, b FROM rows").fetchone()
    assert row == ("12:00:00", "ż")


def test_long_texts_arrive_a_few_at_a_time(crm, sqlserver, sqlserver_database, run):
    run("CREATE TABLE t (a nvarchar(max))")
    with sqlserver.connect(sqlserver_database) as cursor:
        cursor.bulkcopy_arrow("t", pa.table({"a": ["x" * 200_000] * 80}))
    with crm.read(f"SELECT a FROM t {HERE}", "x") as reader:
        sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == 80
    assert max(sizes[1:]) < 40


def test_a_failure_in_the_middle_of_a_query_is_a_sentence(crm, sqlserver, sqlserver_database, run):
    run("CREATE TABLE t (a bigint)")
    with sqlserver.connect(sqlserver_database) as cursor:
        cursor.bulkcopy_arrow("t", pa.table({"a": range(9_000)}))
    with (
        pytest.raises(ConnectorError, match="Divide by zero"),
        crm.read(f"SELECT 1 / (8500 - a) AS b FROM t {HERE}", "x") as reader,
    ):
        reader.read_all()


def test_a_parameter_of_another_type_is_answered_with_the_cast(crm, run):
    run("CREATE TABLE t (a bigint)", "INSERT INTO t VALUES (1)")
    with pytest.raises(ConnectorError, match=r"onver.*\n.*CAST\(:source_path AS bigint\)"):
        read(crm, "SELECT * FROM t WHERE a = :source_path", "no number")


def test_a_table_that_is_not_there_is_a_sentence(crm):
    with pytest.raises(ConnectorError, match="Invalid object name 'nothing'"):
        read(crm, f"SELECT * FROM nothing {HERE}")


def test_a_slow_query_is_ended_by_the_statement_timeout(crm, run):
    hasty = crm.model_copy(update={"statement_timeout_seconds": 1})
    run("CREATE TABLE t (a bigint)", "INSERT INTO t VALUES (1), (2), (3), (4), (5), (6), (7), (8)")
    pairs = " CROSS JOIN ".join(f"t AS t{i}" for i in range(12))
    query = f"SELECT COUNT(DISTINCT t0.a + t1.a * t2.a * t3.a) AS n FROM {pairs} {HERE}"
    with pytest.raises(ConnectorError, match=r"(?i)timeout.*\n.*statement_timeout_seconds"):
        read(hasty, query)
