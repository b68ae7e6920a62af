"""Databricks passes the suites on the server of the tests, or on a workspace of yours."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from dataclasses import replace
from decimal import Decimal

import dagster as dg
import pyarrow as pa
import pytest

from lume_dagster.connectors import DatabricksConnector
from lume_dagster.connectors.databricks.oauth import ServicePrincipal
from lume_dagster.connectors.databricks.session import checked_host
from lume_dagster.connectors.databricks.shape import TYPES
from lume_dagster.connectors.databricks.volume import volume_path
from lume_dagster.connectors.protocol import Column, DatabaseSource, Target
from lume_dagster.connectors.sql.ddl import sql_type
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing import DatabaseSourceSuite, ServerSuite, TableReaderSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster.testing.deliveries import EVERY_TYPE, make_delivery
from lume_dagster_tests.servers.process import ROOT

ARROW = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "decimal(18,4)": pa.decimal128(18, 4),
    "decimal(38,10)": pa.decimal128(38, 10),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


class TestDatabricks(TargetSuite, TableReaderSuite, DatabaseSourceSuite, ServerSuite):
    connector_type = DatabricksConnector

    @pytest.fixture
    def config(self, warehouse_server):
        self.server = warehouse_server
        return warehouse_server.config()

    def broken(self, config):
        return [
            {**config, "access_token": SECRET},
            {**config, "access_token": None, "client_id": "lume", "client_secret": SECRET},
            {**config, "http_path": f"/sql/{SECRET}"},
            {**config, "server_hostname": "no.such.host.invalid", "access_token": SECRET},
            {**config, "server_hostname": f"http://{SECRET}@example.com"},
            {**config, "access_token": None},
            {**config, "access_token": SECRET, "client_id": "lume"},
            {**config, "catalog": "no_such_catalog"},
        ]

    def read_mapped(self, connector, table):
        return self._rows(table)

    def read_rejects(self, connector, table):
        return self._rows(f"{table}_rejects")

    def drifted(self, column, value):
        is_time = column.type == "time" and value is not None
        return value.isoformat() if is_time else value

    def silent(self, config, host, port):
        soon = {"request_timeout_seconds": 2, "start_timeout_seconds": 1}
        return {**config, "server_hostname": f"http://{host}:{port}", **soon}

    def fill(self, config, rows):
        columns = ", ".join(f"`{c.name}` {sql_type(c, TYPES)}" for c in EVERY_TYPE)
        fields = [("batch", pa.string())]
        fields += [(c.name, ARROW.get(c.type, pa.string())) for c in EVERY_TYPE]
        lines = [{**row, **texts(row)} for row in rows]
        self.server.run(f"CREATE TABLE IF NOT EXISTS lume_test.batches (batch STRING, {columns})")
        self.server.load("lume_test.batches", pa.Table.from_pylist(lines, pa.schema(fields)))

    def count(self, config):
        return self.server.run("SELECT count(*) FROM lume_test.batches")[0][0]

    def _rows(self, table):
        schema, name = table.split(".")
        if schema not in {row[0] for row in self.server.run("SHOW SCHEMAS")}:
            return pa.table({})
        if name not in {row[1] for row in self.server.run(f"SHOW TABLES IN {schema}")}:
            return pa.table({})
        return self.server.fetch(f"SELECT * FROM {table}")


def texts(row):
    """Times and JSON as the tables keep them."""
    shown = {n: json.dumps(row[n]) for n in ("nested", "items") if n in row}
    return {
        **shown,
        **({"clock": row["clock"].isoformat()} if "clock" in row else {}),
    }


@pytest.fixture
def lake(warehouse_server):
    return DatabricksConnector(**warehouse_server.config())


def read(connector, query, source_path="x"):
    with connector.read(query, source_path) as reader:
        return reader.read_all()


def test_it_is_a_database_and_a_target(lake):
    assert isinstance(lake, DatabaseSource)
    assert isinstance(lake, Target)


def test_a_service_principal_gets_in_and_its_token_is_kept(faulty):
    config = {**faulty.config(), "access_token": None, "client_id": "lume"}
    connector = DatabricksConnector(**config, client_secret=faulty.client_secret)
    assert list(connector.test())
    principal = ServicePrincipal(faulty.host, "lume", faulty.client_secret, 60)
    first, again = principal.headers(), principal()()
    assert first == again
    principal._ends = 0
    assert principal.headers() != first
    assert faulty.client_secret not in repr(connector)


def test_a_wrong_token_is_a_sentence_with_what_to_do(warehouse_server):
    wrong = DatabricksConnector(**{**warehouse_server.config(), "access_token": "nonsense"})
    with pytest.raises(ConnectorError, match=r"(?s)nvalid access token.*check the connector's acc"):
        list(wrong.test())


def test_a_warehouse_that_is_starting_is_waited_for_and_then_a_transient_error(faulty):
    faulty.ask({"unavailable": 100})
    hasty = DatabricksConnector(**faulty.config(), start_timeout_seconds=1)
    with pytest.raises(TransientError, match="Databricks at 127.0.0.1"):
        list(hasty.test())
    faulty.ask({"unavailable": 0})
    assert list(hasty.test())


@pytest.mark.parametrize(
    "host", ["http://example.com", "https://example.com/path", "ada:pw@example.com", "", "a b.com"]
)
def test_a_host_that_is_none_is_refused(host):
    with pytest.raises(ConnectorError, match="not the host of a Databricks workspace"):
        checked_host(host)


def test_a_host_may_be_written_with_and_without_its_scheme():
    assert checked_host("dbc-1.cloud.databricks.com") == "https://dbc-1.cloud.databricks.com"
    assert (
        checked_host("https://dbc-1.cloud.databricks.com/") == "https://dbc-1.cloud.databricks.com"
    )


def test_a_volume_is_named_with_dots_or_as_a_path():
    assert volume_path("main.landing.lume") == "/Volumes/main/landing/lume"
    assert volume_path("/Volumes/main/landing/lume/in/") == "/Volumes/main/landing/lume/in"
    for wrong in ("landing.lume", "/Volumes/main/landing", "a.b.c'", "/Volumes/a/b/../c", "s3://x"):
        with pytest.raises(ConnectorError, match="not the name of a Unity Catalog volume"):
            volume_path(wrong)


def test_without_a_volume_it_is_a_source_only(warehouse_server, tmp_path):
    reader = DatabricksConnector(**{**warehouse_server.config(), "volume": None})
    assert read(reader, "SELECT :source_path AS a").to_pylist() == [{"a": "x"}]
    assert any("no target" in sentence for sentence in reader.test())
    for act in (reader.check, reader.deliver):
        with pytest.raises(ConnectorError, match="has no volume"):
            act(make_delivery(tmp_path, []))


def test_a_volume_is_written_to_when_it_is_tested_and_nothing_stays(warehouse_server):
    connector = DatabricksConnector(**warehouse_server.config())
    assert list(connector.test())[-1].endswith("can be written: it can be a target.")
    *_, read, _ = connector.test()
    assert read.endswith("holds 0 files.")


def test_a_volume_that_may_not_be_written_is_told_by_its_test(faulty):
    refusal = "[INSUFFICIENT_PERMISSIONS] User does not have WRITE VOLUME. SQLSTATE: 42501"
    faulty.ask({"pattern": "^PUT", "message": refusal})
    with pytest.raises(ConnectorError, match="does not have WRITE VOLUME"):
        list(DatabricksConnector(**faulty.config()).test())


def test_secrets_come_from_the_environment(warehouse_server, monkeypatch):
    secret = dg.EnvVar("LUME_TEST_TOKEN")
    connector = DatabricksConnector(**{**warehouse_server.config(), "access_token": secret})
    with pytest.raises(ConnectorError, match="LUME_TEST_TOKEN is not set"):
        list(connector.test())
    monkeypatch.setenv("LUME_TEST_TOKEN", warehouse_server.token)
    assert list(connector.test())


def test_no_log_shows_a_token_or_a_signed_url(lake, warehouse_server, caplog, tmp_path):
    with caplog.at_level(logging.DEBUG):
        lake.deliver(make_delivery(tmp_path, [{"id": 1}]))
    assert warehouse_server.token not in caplog.text
    assert not re.search(r"signature=\w", caplog.text)


def test_columns_have_types_comments_and_not_null(lake, warehouse_server, tmp_path):
    described = Column("d", "string", True, "it's 100% \\ `so`")
    lake.deliver(make_delivery(tmp_path, [], columns=(*EVERY_TYPE, described)))
    rows = [tuple(r) for r in warehouse_server.run("DESCRIBE TABLE ops.orders")]
    assert ("price", "decimal(18,4)", None) in rows
    assert ("at", "timestamp_ntz", None) in rows
    assert ("nested", "string", None) in rows
    assert ("d", "string", "it's 100% \\ `so`") in rows
    schema = warehouse_server.fetch("SELECT * FROM ops.orders").schema
    assert (schema.field("id").nullable, schema.field("text").nullable) == (False, True)


def test_a_wide_table_knows_which_files_hold_a_batch(lake, warehouse_server, tmp_path):
    columns = tuple(Column(f"c{i}", "string") for i in range(40))
    lake.deliver(make_delivery(tmp_path, [{"c0": "x", "c39": "y"}], columns=columns))
    rows = warehouse_server.run("DESCRIBE TABLE EXTENDED ops.orders")
    properties = next(row[1] for row in rows if row[0] == "Table Properties")
    assert "dataSkippingStatsColumns=`_lume_source_path`,`_lume_run_id`,`c0`" in properties


def test_rejects_keep_the_original_record_and_its_reasons(lake, warehouse_server, tmp_path):
    lake.deliver(make_delivery(tmp_path, [], rejects=1))
    query = "SELECT original, errors FROM ops.orders_rejects"
    row = warehouse_server.fetch(query).to_pylist()[0]
    assert json.loads(row["original"]) == {"id": "x\0'", "name": "漢 1"}
    assert row["errors"][0]["code"] == "INVALID_INTEGER"
    assert row["errors"][0]["value"] == "x\0'"


def test_a_table_with_its_columns_in_another_order_gets_the_right_values(
    lake, warehouse_server, tmp_path
):
    system = "_lume_row BIGINT, _lume_run_id STRING, _lume_source_path STRING"
    warehouse_server.run("CREATE SCHEMA ops")
    warehouse_server.run(f"CREATE TABLE ops.orders ({system}, name STRING, ID BIGINT) USING DELTA")
    for mode in ("replace_batch", "merge", "replace"):
        lake.deliver(make_delivery(tmp_path, [{"id": 1, "name": "x"}], mode=mode))
        row = warehouse_server.fetch("SELECT * FROM ops.orders").to_pylist()
        assert [(r["ID"], r["name"], r["_lume_row"], r["_lume_run_id"]) for r in row] == [
            (1, "x", 1, "run_1")
        ]


def test_a_table_that_another_makes_meanwhile_in_another_order_gets_the_right_values(
    faulty, tmp_path
):
    lake = DatabricksConnector(**faulty.config())
    first = make_delivery(tmp_path, [{"id": 1, "name": "x"}], rejects=1)
    lake.deliver(replace(first, table="ops.others"))
    system = "_lume_row BIGINT, _lume_run_id STRING, _lume_source_path STRING"
    faulty.run(f"CREATE TABLE ops.orders ({system}, name STRING, id BIGINT) USING DELTA")
    unseen = "[TABLE_OR_VIEW_NOT_FOUND] made a moment later"
    faulty.ask({"pattern": "^DESCRIBE.*orders`$", "message": unseen})
    lake.deliver(first)
    row = faulty.fetch("SELECT id, name, _lume_row FROM ops.orders").to_pylist()
    assert row == [{"id": 1, "name": "x", "_lume_row": 1}]
    assert sum("CREATE SCHEMA" in str(sent["sql"]) for sent in faulty.statements()) == 1


def test_a_table_of_rejects_of_another_shape_is_refused_before_a_row_is_written(
    lake, warehouse_server, tmp_path
):
    warehouse_server.run("CREATE SCHEMA ops")
    warehouse_server.run("CREATE TABLE ops.orders_rejects (reason STRING) USING DELTA")
    for rejects in (0, 1):
        with pytest.raises(ConnectorError, match=r"ops\.orders_rejects is there with other col"):
            lake.deliver(make_delivery(tmp_path, [{"id": 1}], rejects=rejects))
    assert warehouse_server.run("SELECT count(*) FROM ops.orders")[0][0] == 0


@pytest.mark.parametrize("rejects", [0, 1])
def test_tables_that_somebody_drops_are_made_again(lake, warehouse_server, rejects, tmp_path):
    lake.deliver(make_delivery(tmp_path, [{"id": 1}], rejects=1))
    again = make_delivery(tmp_path, [{"id": 2}], rejects=rejects, run_id="run_2")
    for dropped in (("orders_rejects",), ("_lume_batches", "orders_rejects")):
        for name in dropped:
            warehouse_server.run(f"DROP TABLE IF EXISTS ops.{name}")
        assert lake.deliver(again).rejects_rows == rejects
        entries = warehouse_server.run("SELECT run_id, state, rejects_rows FROM ops._lume_batches")
        assert [tuple(row) for row in entries] == [("run_2", "done", rejects)]


def test_a_table_that_is_stricter_than_the_flow_is_refused(lake, warehouse_server, tmp_path):
    lake.deliver(make_delivery(tmp_path, []))
    columns = (Column("id", "integer"), Column("name", "string"))
    with pytest.raises(ConnectorError, match="id is NOT NULL, the flow lets it be empty"):
        lake.check(make_delivery(tmp_path, [], columns=columns))


def test_a_view_in_the_place_of_the_table_is_refused(lake, warehouse_server, tmp_path):
    warehouse_server.run("CREATE SCHEMA ops")
    warehouse_server.run("CREATE VIEW ops.orders AS SELECT 1 AS id")
    with pytest.raises(ConnectorError, match="orders is a view, not a table"):
        lake.check(make_delivery(tmp_path, []))


def test_names_that_delta_cannot_keep_are_refused(lake, tmp_path):
    for names, said in ((("a b",), "it holds ' '"), (("Id", "ID"), "for the same column")):
        columns = tuple(Column(name, "string") for name in names)
        with pytest.raises(ConnectorError, match=said):
            lake.check(make_delivery(tmp_path, [], columns=columns))


def test_a_table_is_named_in_one_two_or_three_levels_in_any_case(lake, warehouse_server, tmp_path):
    catalog = warehouse_server.catalog
    for table in ("orders", "lume_test.Orders", f"{catalog}.LUME_TEST.orders"):
        receipt = lake.deliver(make_delivery(tmp_path, [{"id": 1}], table=table))
        assert receipt.mapped_location == f"{catalog}.lume_test.orders"
    assert warehouse_server.run("SELECT count(*) FROM lume_test.orders")[0][0] == 1


def test_types_of_a_source_arrive_exactly(lake):
    row = read(
        lake,
        "SELECT TIMESTAMP'2024-03-31 02:30:00.123456+02:00' AS zoned, "
        "TIMESTAMP_NTZ'2024-03-31 02:30:00.123456' AS plain, X'00ff' AS bytes, "
        "CAST(1.5 AS FLOAT) AS f, CAST('12345678901234567890.0123456789' AS DECIMAL(38,10)) AS d, "
        "DATE'0001-01-01' AS day, array(1, NULL) AS l, named_struct('a', 'x') AS s, "
        "CAST(NULL AS BIGINT) AS n, true AS b WHERE :source_path = 'x'",
    )
    assert row.schema.field("zoned").type == pa.timestamp("us", "UTC")
    assert row.schema.field("plain").type == pa.timestamp("us")
    values = row.to_pylist()[0]
    assert values.pop("zoned") == dt.datetime(2024, 3, 31, 0, 30, 0, 123456, dt.UTC)
    assert values == {
        "plain": dt.datetime(2024, 3, 31, 2, 30, 0, 123456),
        "bytes": b"\0\xff",
        "f": 1.5,
        "d": Decimal("12345678901234567890.0123456789"),
        "day": dt.date(1, 1, 1),
        "l": [1, None],
        "s": {"a": "x"},
        "n": None,
        "b": True,
    }


def test_source_path_is_cast_where_a_column_is_no_text(lake):
    query = "SELECT id FROM range(9) WHERE id = CAST(:source_path AS BIGINT)"
    assert read(lake, query, "7").to_pylist() == [{"id": 7}]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM nowhere WHERE a = :source_path", r"nowhere.*\n.*schema\.table"),
        ("SELECT * FROM parquet.`/Volumes/a/b/c/d` WHERE a = :source_path", "PATH_NOT_FOUND"),
        ("SELEC :source_path", r"PARSE_SYNTAX_ERROR.*\n.*one SELECT"),
        ("SELECT 1 / (id - 5) FROM range(9) WHERE :source_path = 'x'", "(?i)divi"),
        ("SELECT 1) AS a; DROP SCHEMA lume_test; SELECT :source_path", "SYNTAX"),
    ],
    ids=["no table", "no file", "no SQL", "a failing row", "out of its brackets"],
)
def test_a_query_that_fails_is_a_sentence(lake, query, said):
    with pytest.raises(ConnectorError, match=said) as caught:
        read(lake, query)
    assert not isinstance(caught.value, TransientError)
    assert read(lake, "SELECT :source_path AS a").num_rows == 1


def test_it_serves_as_a_dagster_resource(warehouse_server, monkeypatch):
    monkeypatch.setenv("LUME_TEST_TOKEN", warehouse_server.token)
    seen = []

    @dg.asset
    def looked(lake: DatabricksConnector) -> None:
        seen.extend([repr(lake), *lake.test()])

    secret = dg.EnvVar("LUME_TEST_TOKEN")
    resource = DatabricksConnector(**{**warehouse_server.config(), "access_token": secret})
    with dg.instance_for_test() as instance:
        assert dg.materialize([looked], resources={"lake": resource}, instance=instance).success
    assert warehouse_server.token not in str(seen)


def test_the_page_shows_a_connector_that_can_be_made_and_every_field_of_it():
    page = (ROOT / "docs/connectors/databricks.md").read_text("utf-8")
    made: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], made)
    assert isinstance(made["lakehouse"], DatabricksConnector)
    fields = [name for name in DatabricksConnector.model_fields if f"`{name}`" not in page]
    assert fields == []
