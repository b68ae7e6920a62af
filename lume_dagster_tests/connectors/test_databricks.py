"""Databricks passes the suites on the server of the tests, or on a workspace of yours."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pytest

from lume_dagster.connectors import DatabricksConnector
from lume_dagster.connectors.databricks.shape import TYPES
from lume_dagster.connectors.sql.ddl import sql_type
from lume_dagster.testing import DatabaseSourceSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster.testing.deliveries import EVERY_TYPE

ARROW = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "decimal(18,4)": pa.decimal128(18, 4),
    "decimal(38,10)": pa.decimal128(38, 10),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


class TestDatabricks(TargetSuite, DatabaseSourceSuite):
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
        return with_times(self._rows(table))

    def read_rejects(self, connector, table):
        return self._rows(f"{table}_rejects")

    def read(self, connector, query, source_path):
        return with_times(super().read(connector, query, source_path))

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
    return {**shown, **({"clock": row["clock"].isoformat("microseconds")} if "clock" in row else {})}


def with_times(table):
    """The drift of this system, undone: times of day are kept as text."""
    if "clock" not in table.column_names:
        return table
    clocks = [text and dt.time.fromisoformat(text) for text in table["clock"].to_pylist()]
    return table.drop(["clock"]).append_column("clock", pa.array(clocks, pa.time64("us")))
