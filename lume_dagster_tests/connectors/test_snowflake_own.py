"""Snowflake's own: rights, names, turns, values, and a network that breaks."""

from __future__ import annotations

import datetime as dt
import os
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest

from lume_dagster.connectors import SnowflakeConnector
from lume_dagster.connectors.protocol import Column, DatabaseSource, TableReader, Target
from lume_dagster.connectors.snowflake.shape import SNOWFLAKE_TYPES
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


# Rights


def test_without_a_warehouse_nothing_is_read_or_written(given, snowflake_double, tmp_path):
    idle = SnowflakeConnector(**{**given, "warehouse": None})
    known = r"has no warehouse.*\n.*set the connector's warehouse"
    with pytest.raises(ConnectorError, match=known):
        list(idle.test())
    with pytest.raises(ConnectorError, match=known):
        idle.check(make_delivery(tmp_path, []))
    told = r"No active warehouse.*\n.*set the connector's warehouse"
    with pytest.raises(ConnectorError, match=told):
        idle.deliver(make_delivery(tmp_path, []))
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


def test_a_view_with_the_columns_of_the_table_is_refused_too(warehouse, ask, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(replace(delivery, table="ops.kept"))
    ask("CREATE VIEW OPS.ORDERS AS SELECT * FROM OPS.KEPT")
    with pytest.raises(ConnectorError, match=r"\.OPS\.ORDERS is a view.\n.*name a table"):
        warehouse.check(delivery)


def test_a_table_that_somebody_made_is_delivered_into(warehouse, ask, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(replace(delivery, table="ops.kept"))
    for name in ("KEPT_REJECTS", "_LUME_LOCK", "_LUME_BATCHES"):
        ask(f"DROP TABLE OPS.{name}")
    again = replace(delivery, table="ops.kept", source_path="april", run_id="run_2")
    warehouse.check(again)
    assert warehouse.deliver(again).mapped_rows == 1
    assert ask("SELECT COUNT(*) FROM OPS.KEPT") == [[2]]
    assert ask("SELECT run_id FROM OPS._LUME_BATCHES") == [["run_2"]]
    assert ask("SELECT COUNT(*) FROM OPS.KEPT_REJECTS") == [[0]]


def test_a_rejects_table_that_somebody_dropped_is_made_again(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], rejects=1))
    ask("DROP TABLE OPS.ORDERS_REJECTS")
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], rejects=2, run_id="run_2"))
    assert ask("SELECT COUNT(*) FROM OPS.ORDERS_REJECTS") == [[2]]


# Names


def test_fields_may_be_called_as_the_columns_of_rejects(warehouse, ask, tmp_path):
    names = ("errors", "_reject__lume_row", "_reject_errors")
    columns = (Column("id", "integer"), *(Column(name, "string") for name in names))
    rows = [{"id": None, **dict.fromkeys(names, "mine")}, {"id": 2}]
    for mode in ("replace_batch", "merge"):
        warehouse.deliver(
            make_delivery(tmp_path, rows, columns=columns, rejects=3, mode=mode, key=("id",))
        )
        assert ask("SELECT id, errors, _reject__lume_row FROM OPS.ORDERS ORDER BY id") == [
            [2, None, None],
            [None, "mine", "mine"],
        ]
        assert ask("SELECT COUNT(*), COUNT(errors) FROM OPS.ORDERS_REJECTS") == [[3, 3]]


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

    with pytest.raises(ArithmeticError, match="before_commit"):
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


@pytest.mark.parametrize(("hours", "kept"), [(48, False), (1, True)])
def test_the_folder_of_a_killed_delivery_is_removed_after_a_day(warehouse, tmp_path, hours, kept):
    with tempfile.TemporaryDirectory(prefix="lume-put-", ignore_cleanup_errors=True) as left:
        os.utime(left, (time.time() - hours * 3600,) * 2)
        warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
        assert Path(left).exists() == kept


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


# A network that breaks


@pytest.fixture
def cable(given, snowflake_double):
    """A port that leads to the server until it is cut."""
    with socket.create_server(("127.0.0.1", 0)) as entry:
        ends = []
        Thread(target=lead, args=(entry, (given["host"], given["port"]), ends), daemon=True).start()

        def cut():
            for end in [entry, *ends]:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

        yield entry.getsockname()[1], cut
        cut()


def lead(entry, server, ends):
    with suppress(OSError):
        while True:
            near, far = entry.accept()[0], socket.create_connection(server)
            ends += [near, far]
            for one, other in ((near, far), (far, near)):
                Thread(target=copy, args=(one, other), daemon=True).start()


def copy(one, other):
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)


# The client cancels the lost query in a thread of its own, which the broken network ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("step", ["staged", "before_commit"])
def test_a_network_that_breaks_is_a_transient_error(warehouse, given, cable, ask, tmp_path, step):
    port, cut = cable
    far = SnowflakeConnector(**{**given, "port": port}, network_timeout=1)
    delivery = make_delivery(tmp_path, [{"id": 1}])
    with pytest.raises(TransientError, match=r"The connection to Snowflake at .* broke"):
        far.deliver(delivery, lambda passed: cut() if passed == step else None)
    assert ask("SELECT id FROM OPS.ORDERS") == []
    assert warehouse.deliver(delivery).mapped_rows == 1


def test_the_page_tells_the_columns():
    page = Path(__file__).parents[2].joinpath("docs/connectors/snowflake.md").read_text("utf-8")
    for type_, column in SNOWFLAKE_TYPES.items():
        if type_ not in {"record", "errors", "decimal"}:
            assert f"| {type_} | {column}" in page
