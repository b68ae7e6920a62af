"""Snowflake's own: logins, rights, names, turns, types, and what a killed network leaves."""

from __future__ import annotations

import base64
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import dagster as dg
import pyarrow as pa
import pytest

from lume_dagster.connectors import SnowflakeConnector
from lume_dagster.connectors.protocol import Column, DatabaseSource, TableReader, Target
from lume_dagster.errors import ConnectorError, FlowError, TransientError
from lume_dagster.testing.deliveries import EVERY_TYPE, make_delivery

QUERY = "SELECT * FROM OPS.ORDERS WHERE _lume_source_path = :source_path"


@pytest.fixture
def given(snowflake, snowflake_database):
    return snowflake.config(snowflake_database)


@pytest.fixture
def warehouse(given):
    return SnowflakeConnector(**given)


@pytest.fixture
def ask(snowflake, snowflake_database):
    def asked(query, *values):
        with snowflake.connect(snowflake_database) as cursor:
            return [list(row) for row in cursor.execute(query, values or None).fetchall()]

    return asked


def read(connector, query, source_path="x"):
    with connector.read(query, source_path) as reader:
        return reader.read_all()


def test_it_is_a_database_and_a_target_that_reads_back(warehouse):
    for protocol in (DatabaseSource, Target, TableReader):
        assert isinstance(warehouse, protocol)


# Logins


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


# Rights


def test_without_a_warehouse_nothing_is_read_or_written(given, snowflake_double, tmp_path):
    idle = SnowflakeConnector(**{**given, "warehouse": None})
    with pytest.raises(
        ConnectorError, match=r"has no warehouse.*\n.*set the connector's warehouse"
    ):
        list(idle.test())
    told = r"No active warehouse.*\n.*set the connector's warehouse"
    with pytest.raises(ConnectorError, match=told):
        idle.check(make_delivery(tmp_path, []))
    with pytest.raises(ConnectorError, match=told):
        read(idle, "SELECT 1 AS a FROM INFORMATION_SCHEMA.TABLES WHERE :source_path = 'x'")


def test_missing_rights_are_named_before_anything_is_written(
    warehouse, given, snowflake_double, ask, tmp_path
):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(delivery)
    reader = SnowflakeConnector(**given, role="READER")
    with pytest.raises(ConnectorError, match=r"READER lacks the right to INSERT on .*OPS\.ORDERS,"):
        reader.check(replace(delivery, run_id="run_2"))
    with pytest.raises(ConnectorError, match=r"Insufficient privileges.*\n.*GRANT"):
        reader.deliver(replace(delivery, run_id="run_2"))
    assert ask("SELECT _lume_run_id FROM OPS.ORDERS") == [["run_1"]]


def test_a_view_in_the_place_of_the_table_is_refused(warehouse, ask, tmp_path):
    ask("CREATE SCHEMA OPS")
    ask("CREATE VIEW OPS.ORDERS AS SELECT 1 AS ID")
    with pytest.raises(ConnectorError, match="is a view"):
        warehouse.check(make_delivery(tmp_path, []))


# Names


def test_names_are_those_that_unquoted_sql_finds(warehouse, ask, tmp_path):
    columns = (Column("id", "integer"), Column("Order No", "string"))
    rows = [{"id": 1, "Order No": "x"}]
    warehouse.deliver(make_delivery(tmp_path, rows, columns=columns))
    assert ask('SELECT id, "Order No" FROM ops.orders') == [[1, "x"]]
    assert ask("SELECT target_table FROM ops._lume_batches") == [["OPS.ORDERS"]]
    found = read(warehouse, QUERY, "file:///in/orders.csv")
    assert found.column_names[:3] == ["id", "Order No", "_lume_run_id"]


def test_quoted_identifiers_keeps_names_as_the_flow_writes_them(given, ask, tmp_path):
    exact = SnowflakeConnector(**given, quoted_identifiers=True)
    exact.deliver(make_delivery(tmp_path, [{"id": 1, "name": "x"}], table="Ops.orders"))
    assert ask('SELECT "id", "name" FROM "Ops"."orders"') == [[1, "x"]]
    query = 'SELECT "id", 2 AS b FROM "Ops"."orders" WHERE :source_path = \'x\''
    assert read(exact, query).column_names == ["id", "B"]


def test_two_fields_that_are_one_column_are_refused(warehouse, tmp_path):
    columns = (Column("id", "integer"), Column("ID", "integer"))
    with pytest.raises(
        ConnectorError, match=r"one column in Snowflake: ID.*\n.*quoted_identifiers"
    ):
        warehouse.check(replace(make_delivery(tmp_path, []), columns=columns))


def test_two_columns_of_a_query_with_one_name_are_refused(warehouse):
    with pytest.raises(ConnectorError, match="several columns called a"):
        read(warehouse, "SELECT 1 AS a, 2 AS \"a\" WHERE :source_path = 'x'")


def test_the_schema_and_database_of_a_table_may_be_said(warehouse, given, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}], table="orders")
    assert warehouse.deliver(delivery).mapped_location == f"{given['database']}.PUBLIC.ORDERS"
    other = replace(delivery, table="elsewhere.ops.orders")
    with pytest.raises(ConnectorError, match="'ELSEWHERE'; this connector reaches"):
        warehouse.check(other)


# Turns


def test_one_delivery_waits_for_another_and_says_so_when_it_takes_too_long(given, tmp_path):
    hasty = SnowflakeConnector(**given, lock_timeout_seconds=1)
    delivery = make_delivery(tmp_path, [{"id": 1}])
    hasty.deliver(delivery)

    def meanwhile(step):
        if step == "cleared":
            hasty.deliver(replace(delivery, run_id="run_2"))

    with pytest.raises(TransientError, match="has locked table '_LUME_LOCK'"):
        hasty.deliver(delivery, meanwhile)


def test_a_delivery_that_fails_lets_the_next_one_go_on(warehouse, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])

    def fail(step):
        if step == "before_commit":
            raise ArithmeticError(step)

    with pytest.raises(ArithmeticError):
        warehouse.deliver(delivery, fail)
    assert warehouse.deliver(delivery).mapped_rows == 1


def test_merges_of_one_key_at_once_leave_one_row(warehouse, ask, tmp_path):
    def merge(number):
        rows = [{"id": 1, "name": str(number)}]
        batch = {"source_path": f"batch {number}", "run_id": f"run_{number}"}
        warehouse.deliver(make_delivery(tmp_path, rows, mode="merge", **batch))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(merge, range(4)))
    assert len(ask("SELECT name FROM OPS.ORDERS")) == 1
    assert len(ask("SELECT run_id FROM OPS._LUME_BATCHES")) == 4


def test_nothing_but_its_tables_is_left_behind(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], rejects=1))
    names = ask("SELECT table_name FROM INFORMATION_SCHEMA.TABLES WHERE table_schema = 'OPS'")
    wanted = ["ORDERS", "ORDERS_REJECTS", "_LUME_BATCHES", "_LUME_LOCK"]
    assert sorted(name for (name,) in names) == wanted


def test_a_lock_without_its_row_is_told(warehouse, ask, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(delivery)
    ask("DELETE FROM OPS._LUME_LOCK")
    with pytest.raises(ConnectorError, match=r"_LUME_LOCK should hold one row.*\n.*drop that"):
        warehouse.deliver(delivery)
    ask("DROP TABLE OPS._LUME_LOCK")
    assert warehouse.deliver(delivery).mapped_rows == 1


# Values


def test_columns_have_types_and_not_null(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [], columns=EVERY_TYPE))
    found = {row[0]: (row[1], row[3]) for row in ask("DESCRIBE TABLE OPS.ORDERS")}
    assert found["ID"] == ("NUMBER(38,0)", "N")
    assert found["PRICE"] == ("NUMBER(18,4)", "Y")
    assert found["NESTED"] == ("VARIANT", "Y")


def test_texts_that_look_like_nothing_stay_texts(warehouse, ask, tmp_path):
    rows = [{"id": i, "name": name} for i, name in enumerate(["\\N", "", "NULL", "  "])]
    warehouse.deliver(make_delivery(tmp_path, rows))
    names = ask("SELECT name FROM OPS.ORDERS ORDER BY id")
    assert names == [["\\N"], [""], ["NULL"], ["  "]]


def test_reasons_can_be_asked_and_originals_are_kept(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [], rejects=1))
    query = "SELECT errors[0]:code::VARCHAR, original FROM OPS.ORDERS_REJECTS"
    ((code, original),) = ask(query)
    assert (code, "x\\u0000'" in original) == ("INVALID_INTEGER", True)


def test_a_field_that_may_not_be_null_is_a_sentence(warehouse, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": None}], columns=(Column("id", "integer"),))
    required = replace(delivery, columns=(Column("id", "integer", nullable=False),))
    with pytest.raises(ConnectorError, match=r"non-nullable column.*\n.*NOT NULL"):
        warehouse.deliver(required)


def test_results_have_the_types_they_declare(warehouse):
    query = (
        "SELECT 1::NUMBER(18,0) AS small, 1::NUMBER(38,0) AS big, 1.50::NUMBER(10,2) AS price, "
        "1.5::FLOAT AS ratio, TRUE AS flag, '2024-02-29'::DATE AS day, "
        "'23:59:59.999999'::TIME AS clock, '2024-02-29 01:02:03.000004'::TIMESTAMP_NTZ AS at, "
        "'2024-02-29 01:02:03 +05:30'::TIMESTAMP_TZ AS instant, TO_BINARY('00FF', 'HEX') AS bytes, "
        "PARSE_JSON('{\"a\": [1.50]}') AS doc, NULL AS nothing "
        "FROM (SELECT 1) WHERE :source_path = 'x'"
    )
    table = read(warehouse, query)
    decimal, instant = pa.decimal128, pa.timestamp("us", "UTC")
    assert table.schema.types == [
        *(pa.int64(), decimal(38, 0), decimal(10, 2), pa.float64(), pa.bool_(), pa.date32()),
        *(pa.time64("us"), pa.timestamp("us"), instant, pa.binary(), pa.string(), pa.string()),
    ]
    row = table.to_pylist()[0]
    assert (row["price"], row["clock"]) == (Decimal("1.50"), dt.time(23, 59, 59, 999999))
    assert row["instant"] == dt.datetime(2024, 2, 28, 19, 32, 3, tzinfo=dt.UTC)
    assert read(warehouse, query, "nobody").schema == table.schema


@pytest.mark.parametrize(
    "query",
    [
        "CALL remove_all(:source_path)",
        "WITH p AS PROCEDURE () RETURNS INT LANGUAGE SQL AS 'DROP TABLE t' CALL p(:source_path)",
        "SELECT :source_path; SELECT 2",
        "BEGIN DROP TABLE t; RETURN :source_path; END",
        "-- :source_path",
        "",
    ],
)
def test_a_query_that_is_not_one_select_is_refused(query):
    with pytest.raises(FlowError, match="not one SELECT"):
        read(SnowflakeConnector(account="a", user="u", password="p"), query)


def test_a_select_may_begin_with_a_comment_and_end_with_a_semicolon(warehouse):
    query = "/* a */ (SELECT 1 AS a FROM (SELECT 1) WHERE :source_path = 'x');"
    assert read(warehouse, query).to_pylist() == [{"a": 1}]


def test_a_long_result_comes_in_pieces_of_one_schema(warehouse):
    query = (
        "SELECT ROW_NUMBER() OVER (ORDER BY 1) AS n, 'x' AS t "
        "FROM TABLE(GENERATOR(ROWCOUNT => 120000)) WHERE :source_path = 'x'"
    )
    with warehouse.read(query, "x") as reader:
        sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == 120_000
    assert max(sizes) < 120_000
