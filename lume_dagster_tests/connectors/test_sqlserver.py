"""SQL Server passes the suites; a stand-in speaks its protocol where no real one is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from lume_dagster.connectors import SQLServerConnector
from lume_dagster.connectors.sql.ddl import sql_type
from lume_dagster.connectors.sqlserver.types import SQLSERVER_TYPES, from_stage, stage_definition
from lume_dagster.testing import (
    EVERY_TYPE,
    SECRET,
    DatabaseSourceSuite,
    ServerSuite,
    TableReaderSuite,
    TargetSuite,
)


def as_stored(value, type_):
    return json.dumps(value) if type_ == "json" and value is not None else value


class TestSQLServer(TargetSuite, TableReaderSuite, DatabaseSourceSuite, ServerSuite):
    connector_type = SQLServerConnector
    literals: ClassVar = {
        "blob": "0x0027FF",
        "instant": "CAST('2024-02-29 12:00:00.123456+05:30' AS datetimeoffset(6))",
    }

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

    def silent(self, config, host, port):
        return {**config, "host": host, "port": port, "connect_timeout_seconds": 1}

    def read_mapped(self, connector, table):
        return self._read(connector, table)

    def read_rejects(self, connector, table):
        return self._read(connector, f"{table}_rejects")

    def fill(self, config, rows):
        used = [c for c in EVERY_TYPE if any(c.name in row for row in rows)]
        values = {c.name: [as_stored(r.get(c.name), c.type) for r in rows] for c in used}
        stage = pa.table({"batch": [row["batch"] for row in rows], **values})
        columns = ", ".join(stage_definition(c) for c in EVERY_TYPE)
        types = ", ".join(f"[{c.name}] {sql_type(c, SQLSERVER_TYPES)}" for c in EVERY_TYPE)
        listed = ", ".join(f"[{c.name}]" for c in EVERY_TYPE)
        cast = ", ".join(from_stage(c) for c in EVERY_TYPE)
        with self.server.connect(config["database"]) as cursor:
            cursor.execute("SELECT COUNT(*) FROM sys.tables WHERE name = 'batches'")
            if not cursor.fetchval():
                cursor.execute(f"CREATE TABLE batches (batch nvarchar(max), {types})")
            cursor.execute(f"CREATE TABLE stage (batch nvarchar(max), {columns})")
            cursor.bulkcopy_arrow("stage", stage, column_mappings=stage.column_names)
            cursor.execute(f"INSERT INTO batches (batch, {listed}) SELECT batch, {cast} FROM stage")
            cursor.execute("DROP TABLE stage")

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


PAGE = Path(__file__).parents[2] / "docs" / "connectors" / "sqlserver.md"


def test_the_connectors_page_configures_what_it_says():
    blocks = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    made = {}
    for block in blocks:
        exec(compile(block, PAGE, "exec"), made)
    assert made["warehouse"].host == "db.example.com"
    assert made["in_azure"].login().options["Authentication"] == "ActiveDirectoryMSI"


def test_the_connectors_page_names_every_field():
    page = PAGE.read_text("utf-8")
    assert [name for name in SQLServerConnector.model_fields if f"`{name}`" not in page] == []
