"""What a MySQL source does beyond the suites: every type, rows of any size, encryption, lost connections."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from lume_dagster.connectors import MySQLConnector
from lume_dagster.connectors.protocol import DatabaseSource
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster_tests.waiting import wait_until


@pytest.fixture
def source(mysql_like, mysql_database):
    return MySQLConnector(**mysql_like.config(mysql_database))


@pytest.fixture
def do(mysql_like, mysql_database):
    def done(statement, *values):
        with mysql_like.connect(mysql_database) as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    return done


def read(source, columns, rest="WHERE '' = :source_path", path=""):
    with source.read(f"SELECT {columns} {rest}", path) as reader:
        return reader.read_all()


def test_it_says_which_of_the_two_servers_it_is(source, mysql_like):
    name = "MariaDB 1" if mysql_like.ca is None else "MySQL 9"
    assert next(source.test()).startswith(name)


def test_it_is_a_database(source):
    assert isinstance(source, DatabaseSource)


@pytest.mark.parametrize(
    ("declared", "literal", "type_", "value"),
    [
        ("tinyint", "-128", pa.int8(), -128),
        ("tinyint unsigned", "255", pa.uint8(), 255),
        ("tinyint(1)", "1", pa.bool_(), True),
        ("smallint", "-32768", pa.int16(), -32768),
        ("mediumint unsigned", "16777215", pa.uint32(), 16777215),
        ("int", "-2147483648", pa.int32(), -2147483648),
        ("bigint unsigned", "18446744073709551615", pa.uint64(), 2**64 - 1),
        ("year", "2024", pa.int16(), 2024),
        ("bit(9)", "b'101010101'", pa.uint64(), 341),
        ("bit(64)", "b'1' << 63", pa.uint64(), 2**63),
        ("float", "16777217.5", pa.float32(), 16777218.0),
        ("double", "-2.2250738585072014e-308", pa.float64(), -2.2250738585072014e-308),
        ("decimal(10,2)", "-1.50", pa.decimal128(10, 2), Decimal("-1.50")),
        ("decimal(38,30)", "-12345678.000000000000000000000000000001", pa.decimal128(38, 30), Decimal("-12345678.000000000000000000000000000001")),
        ("decimal(38,0) unsigned", "9" * 38, pa.decimal128(38, 0), Decimal("9" * 38)),
        ("decimal(65,30)", "1" * 35 + "." + "2" * 30, pa.string(), "1" * 35 + "." + "2" * 30),
        ("date", "'9999-12-31'", pa.date32(), dt.date(9999, 12, 31)),
        ("date", "'2000-02-29'", pa.date32(), dt.date(2000, 2, 29)),
        ("datetime", "'1900-03-01 23:59:59'", pa.timestamp("us"), dt.datetime(1900, 3, 1, 23, 59, 59)),
        ("datetime(6)", "'0001-01-01 00:00:00.000001'", pa.timestamp("us"), dt.datetime(1, 1, 1, 0, 0, 0, 1)),
        ("timestamp(6) NULL", "'2024-01-01 00:00:00.5'", pa.timestamp("us", "UTC"), dt.datetime(2024, 1, 1, 0, 0, 0, 500000, dt.UTC)),
        ("time(6)", "'23:59:59.999999'", pa.time64("us"), dt.time(23, 59, 59, 999999)),
        ("time", "'00:00:00'", pa.time64("us"), dt.time(0)),
        ("char(5)", "'ż'", pa.string(), "ż"),
        ("varchar(50) CHARACTER SET latin2", "'zażółć'", pa.string(), "zażółć"),
        ("enum('a','ż')", "'ż'", pa.string(), "ż"),
        ("set('x','y')", "'x,y'", pa.string(), "x,y"),
        ("json", "'[1, null]'", pa.string(), "[1, null]"),
        ("varbinary(10)", "X'00FF'", pa.binary(), b"\x00\xff"),
        ("longblob", "X'00FF'", pa.binary(), b"\x00\xff"),
    ],
)  # fmt: skip
def test_every_type_arrives_exactly_and_as_what_it_is(source, do, declared, literal, type_, value):
    do(f"CREATE TABLE t (n int, v {declared})")
    do(f"INSERT INTO t VALUES (1, {literal}), (2, NULL), (3, {literal})")
    table = read(source, "v", "FROM t WHERE '' = :source_path ORDER BY n")
    assert (table.schema.field("v").type, table["v"].to_pylist()) == (type_, [value, None, value])


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("CAST('0000-00-00' AS date)", "date that is none"),
        ("CAST('-00:00:01' AS time)", "duration"),
        ("CAST('24:00:00' AS time)", "duration"),
    ],
)
def test_what_arrow_has_no_form_for_is_refused_with_what_to_write(source, do, expression, said):
    do("CREATE TABLE t (v date, w time)")
    do("SET sql_mode = ''")
    with pytest.raises(
        ConnectorError, match=rf"The column 'v' holds a .*{said}.*\n.*CAST\(v AS CHAR\)"
    ):
        read(source, f"{expression} AS v")


def test_a_tinyint_that_is_no_boolean_is_refused_with_what_to_write(source, do):
    do("CREATE TABLE t (v tinyint(1))")
    do("INSERT INTO t VALUES (1), (2)")
    with pytest.raises(ConnectorError, match=r"neither 0 nor 1.*\n.*CAST\(v AS SIGNED\)"):
        read(source, "v", "FROM t WHERE '' = :source_path")
    assert read(source, "CAST(v AS SIGNED) AS v", "FROM t WHERE '' = :source_path")[
        "v"
    ].to_pylist() == [1, 2]


def test_texts_of_any_length_arrive_with_the_nulls_between_them(source, do):
    """The protocol writes lengths in four ways, and joins rows over sixteen megabytes of packets."""
    lengths = [0, 1, 250, 251, 255, 256, 65_535, 65_536, None, 3_000_000]
    do("CREATE TABLE t (n int PRIMARY KEY, a longtext, b longblob, c int)")
    for number, length in enumerate(lengths):
        do(
            "INSERT INTO t VALUES (%s, REPEAT('x', %s), REPEAT('y', %s), %s)",
            number,
            length,
            lengths[-number],
            number,
        )
    for number, size in ((100, 10_000_000), (101, 16_777_175)):
        do(
            "INSERT INTO t VALUES (%s, REPEAT('x', %s), REPEAT('y', 9000000), %s)",
            number,
            size,
            number,
        )
    table = read(source, "n, a, b, c", "FROM t WHERE '' = :source_path ORDER BY n")
    assert table["c"].to_pylist() == table["n"].to_pylist()
    found = [[None if v is None else len(v) for v in table[name].to_pylist()] for name in "ab"]
    assert found[0] == [*lengths, 10_000_000, 16_777_175]
    assert found[1] == [*(lengths[-n] for n in range(len(lengths))), 9_000_000, 9_000_000]


@pytest.mark.parametrize("size", [16_777_214, 16_777_215, 16_777_216])
def test_a_row_of_exactly_a_packet_arrives(source, do, size):
    do("CREATE TABLE t (a longtext, b longtext)")
    do("INSERT INTO t VALUES (REPEAT('x', 8000000), '')")
    do("UPDATE t SET b = REPEAT('y', %s)", size - 8_000_000 - 10)
    table = read(source, "a, b", "FROM t WHERE '' = :source_path")
    assert [table["a"].to_pylist()[0][-1], len(table["b"].to_pylist()[0])] == [
        "x",
        size - 8_000_010,
    ]


def test_an_order_that_is_asked_for_is_kept(source, do):
    do("CREATE TABLE t (v int)")
    do("INSERT INTO t VALUES (3), (1), (2)")
    assert read(source, "v", "FROM t WHERE '' = :source_path ORDER BY v DESC")["v"].to_pylist() == [
        3,
        2,
        1,
    ]


def test_a_source_path_is_compared_as_the_column_compares_and_finds_its_index(source, do):
    do("CREATE TABLE t (batch varchar(100) COLLATE utf8mb4_unicode_ci, KEY (batch))")
    do("INSERT INTO t VALUES ('a'), ('A'), ('b')")
    assert read(source, "batch", "FROM t WHERE batch = :source_path", "a").num_rows == 2
    exact = "FROM t WHERE batch = :source_path COLLATE utf8mb4_bin"
    assert read(source, "batch", exact, "a").num_rows == 1


def test_a_question_mark_of_ones_own_is_refused(source):
    with pytest.raises(ConnectorError, match=r"1 question marks that nothing is bound to"):
        read(source, "?", "WHERE '' = :source_path")
    assert read(source, "'?' AS q")["q"].to_pylist() == ["?"]


def test_a_failure_in_the_middle_of_a_query_is_a_sentence(source, do):
    do("CREATE TABLE t (v longtext)")
    do("INSERT INTO t VALUES ('[1]'), ('[2]'), ('no json')")
    for _ in range(10):
        do("INSERT INTO t SELECT '[3]' FROM t")
    do("INSERT INTO t VALUES ('no json')")
    broken = "(SELECT 1 UNION ALL SELECT LENGTH(v) FROM t WHERE v = 'no json') AS a"
    with pytest.raises(ConnectorError, match="more than 1 row"):
        read(source, f"v, {broken}", "FROM t WHERE '' = :source_path")


def test_a_connection_that_the_server_ends_while_rows_come_is_a_transient_error(
    source, do, mysql_like, mysql_database
):
    do("CREATE TABLE t (v longtext)")
    do("INSERT INTO t VALUES (REPEAT('x', 1000000))")
    for _ in range(6):
        do("INSERT INTO t SELECT v FROM t")
    with source.read("SELECT v FROM t WHERE '' = :source_path", "") as reader:
        assert mysql_like.end_sessions(mysql_database)
        with pytest.raises(TransientError, match="MySQL at"):
            reader.read_all()


def test_a_slow_query_is_ended_by_the_statement_timeout(mysql_like, mysql_database, do):
    do("CREATE TABLE t (v int)")
    do("INSERT INTO t VALUES (1), (2), (3), (4)")
    hasty = MySQLConnector(**mysql_like.config(mysql_database), statement_timeout_seconds=0.05)
    slow = "FROM t, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l WHERE '' = :source_path"
    with pytest.raises(ConnectorError, match=r"(?i)time.*\n.*statement_timeout_seconds"):
        read(hasty, "SUM(RAND())", slow)


def test_a_server_that_falls_silent_is_a_transient_error(mysql_like, mysql_database):
    hasty = MySQLConnector(**mysql_like.config(mysql_database), read_timeout_seconds=1)
    with pytest.raises(TransientError, match="timed out"):
        read(hasty, "SLEEP(60)")


def test_no_connection_is_left_behind(source, do):
    with source.read("SELECT 1 WHERE '' = :source_path", ""):
        pass
    left = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    wait_until(lambda: do(left) == ((0,),))  # the server takes a moment to notice


@pytest.mark.optional_server
@pytest.mark.parametrize("given", ["fields", "uri"])
def test_mysql_is_reached_encrypted_and_its_certificate_is_checked(mysql, tmp_path, given):
    if mysql.ca is None:
        pytest.skip("NOT RUN: the certificate of the server is not at hand")
    uri = f"mysql://{mysql.user}:{mysql.password}@{mysql.host}:{mysql.port}/?ssl_mode=verify_ca&ssl_ca={mysql.ca}"
    fields = {**mysql.config(), "ssl_mode": "verify_ca", "ssl_ca": str(mysql.ca)}
    connector = MySQLConnector(**(fields if given == "fields" else {"uri": uri}))
    cipher = "FROM performance_schema.session_status WHERE variable_name = 'Ssl_cipher' AND '' = :source_path"
    assert read(connector, "variable_value AS v", cipher)["v"].to_pylist()[0]


@pytest.mark.optional_server
@pytest.mark.parametrize("mode", ["verify_ca", "verify_identity"])
def test_a_certificate_that_nobody_known_signed_is_refused(mysql, mode):
    connector = MySQLConnector(**{**mysql.config(), "ssl_mode": mode})
    with pytest.raises(ConnectorError, match=r"(?i)certificate verify failed.*\n.*ssl_ca"):
        list(connector.test())


def test_a_server_without_encryption_is_refused_where_it_is_required(mariadb):
    connector = MySQLConnector(**{**mariadb.config(), "ssl_mode": "required"})
    with pytest.raises(ConnectorError, match=r"SSL is required but the server doesn't support it"):
        list(connector.test())


def test_the_code_on_its_page_makes_connectors():
    page = Path(__file__).parents[2] / "docs" / "connectors" / "mysql.md"
    made: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        exec(compile(code, str(page), "exec"), made)
    assert isinstance(made["shop"], MySQLConnector)
    assert isinstance(made["by_uri"], MySQLConnector)
