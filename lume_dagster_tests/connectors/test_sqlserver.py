"""SQL Server passes the suites; a stand-in speaks its protocol where no real one is named."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from lume_dagster.connectors import SQLServerConnector
from lume_dagster.connectors.sql.ddl import sql_type
from lume_dagster.connectors.sqlserver.types import SQLSERVER_TYPES
from lume_dagster.testing import DatabaseSourceSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster.testing.deliveries import EVERY_TYPE


class TestSQLServer(TargetSuite, DatabaseSourceSuite):
    connector_type = SQLServerConnector

    @pytest.fixture
    def config(self, sqlserver, sqlserver_database):
        self.server = sqlserver
        return sqlserver.config(sqlserver_database)

    def broken(self, config):
        wrong = {**config, "password": SECRET, "connect_timeout_seconds": 1}
        return [
            wrong,
            {**wrong, "database": "nope"},
            {**config, "database": "nope"},
            {**wrong, "port": 1},
            {**wrong, "host": "no.such.host.invalid"},
            {**wrong, "encrypt": "perhaps"},
            {**wrong, "authentication": "ActiveDirectoryMagic"},
        ]

    def read_mapped(self, connector, table):
        return self._read(connector, table)

    def read_rejects(self, connector, table):
        return self._read(connector, f"{table}_rejects")

    def fill(self, config, rows):
        columns = ", ".join(f"[{c.name}] {sql_type(c, SQLSERVER_TYPES)}" for c in EVERY_TYPE)
        used = [c for c in EVERY_TYPE if any(c.name in row for row in rows)]
        kept = {
            c.name: [
                json.dumps(r[c.name]) if c.type == "json" and c.name in r else r.get(c.name)
                for r in rows
            ]
            for c in used
        }
        staged = pa.table({"batch": [row["batch"] for row in rows], **kept})
        with self.server.connect(config["database"]) as cursor:
            cursor.execute("SELECT COUNT(*) FROM sys.tables WHERE name = 'batches'")
            if not cursor.fetchval():
                cursor.execute(f"CREATE TABLE batches (batch nvarchar(max), {columns})")
            cursor.bulkcopy_arrow("batches", staged, column_mappings=staged.column_names)

    def count(self, config):
        with self.server.connect(config["database"]) as cursor:
            return cursor.execute("SELECT COUNT(*) FROM batches").fetchval()

    def _read(self, connector, table):
        schema, name = table.split(".")
        with self.server.connect(connector.database) as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM sys.tables AS t JOIN sys.schemas AS s "
                "ON s.schema_id = t.schema_id WHERE s.name = ? AND t.name = ?",
                (schema, name),
            )
            if not cursor.fetchval():
                return pa.table({})
            return cursor.execute(f"SELECT * FROM {table}").arrow()
