"""Snowflake passes the suites on its double, with key pairs, rights, locks and lost sessions."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lume_dagster.connectors import SnowflakeConnector
from lume_dagster.connectors.snowflake.names import fold
from lume_dagster.connectors.snowflake.shape import SNOWFLAKE_TYPES
from lume_dagster.connectors.sql.ddl import sql_type
from lume_dagster.testing import DatabaseSourceSuite, ServerSuite, TableReaderSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster.testing.deliveries import EVERY_TYPE

TYPES = {column.name: column.type for column in EVERY_TYPE}


class TestSnowflake(TargetSuite, TableReaderSuite, DatabaseSourceSuite, ServerSuite):
    connector_type = SnowflakeConnector
    literals = {
        "blob": "TO_BINARY('0027FF', 'HEX')",
        "instant": "'2024-02-29 12:00:00.123456+05:30'::TIMESTAMP_TZ",
    }

    names = {}

    insists = True  # for login_timeout

    def silent(self, config, host, port):
        return {**config, "host": host, "port": port, "login_timeout": 2, "socket_timeout": 1}

    @pytest.fixture
    def config(self, snowflake, snowflake_database, tmp_path):
        self.server, self.folder = snowflake, tmp_path
        return snowflake.config(snowflake_database)

    def broken(self, config):
        wrong = {**config, "login_timeout": 1, "private_key_path": None, "password": SECRET}
        return [
            wrong,
            {**wrong, "database": "NOPE"},
            {**wrong, "port": 1},
            {**wrong, "host": "no.such.host.invalid"},
            {**wrong, "private_key": SECRET},
            {**wrong, "password": None, "private_key": SECRET},
            {**wrong, "password": None, "token": SECRET},
            {**wrong, "password": None, "token": SECRET, "authenticator": "oauth"},
            {**wrong, "password": None},
        ]

    def make(self, folder, rows=(), **changes):
        made = super().make(folder, rows, **changes)
        self.names = {fold(column.name): column.name for column in made.columns}
        return made

    def read_mapped(self, connector, table):
        return self._read(connector, table)

    def read_rejects(self, connector, table):
        return self._read(connector, f"{table}_rejects")

    def fill(self, config, rows):
        names = [c.name for c in EVERY_TYPE if any(c.name in row for row in rows)]
        file = self.folder / "fill.parquet"
        pq.write_table(staged(rows, names), file)
        columns = ", ".join(
            f'"{n.upper()}" {sql_type(c, SNOWFLAKE_TYPES)}' for n, c in columns_of(TYPES)
        )
        carried = ", ".join(f'"{n}" {text(c)}' for n, c in columns_of(names))
        inserted = ", ".join(f'"{n.upper()}"' for n in names)
        taken = ", ".join(f'PARSE_JSON("{n}")' if json_(n) else f'"{n}"' for n in names)
        with self.server.connect(config["database"]) as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS batches (batch VARCHAR, {columns})")
            cursor.execute(f'CREATE OR REPLACE TABLE STAGED ("batch" VARCHAR, {carried})')
            cursor.execute(f"PUT 'file://{file}' @%STAGED AUTO_COMPRESS = FALSE")
            cursor.execute(
                "COPY INTO STAGED FROM @%STAGED MATCH_BY_COLUMN_NAME = CASE_SENSITIVE PURGE = TRUE "
                "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)"
            )
            cursor.execute(
                f'INSERT INTO batches (batch, {inserted}) SELECT "batch", {taken} FROM STAGED'
            )

    def count(self, config):
        with self.server.connect(config["database"]) as cursor:
            return cursor.execute("SELECT COUNT(*) FROM batches").fetchone()[0]

    def _read(self, connector, table):
        with self.server.connect(connector.database) as cursor:
            schema, name = table.upper().split(".")
            cursor.execute(
                "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES "
                "WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
                (schema, name),
            )
            if not cursor.fetchone()[0]:
                return pa.table({})
            cursor.execute(f"SELECT * FROM {table}")
            found = cursor.fetch_arrow_all(
                force_return_table=True, force_microsecond_precision=True
            )
        names = [self.names.get(name, name.lower()) for name in found.column_names]
        return found.rename_columns(names)


def columns_of(names):
    return [(column.name, column) for column in EVERY_TYPE if column.name in names]


def json_(name):
    return TYPES[name] == "json"


def text(column):
    return "VARCHAR" if column.type == "json" else sql_type(column, SNOWFLAKE_TYPES)


def staged(rows, names):
    values = {
        n: [json.dumps(row[n]) if json_(n) and n in row else row.get(n) for row in rows]
        for n in names
    }
    return pa.table({"batch": [row["batch"] for row in rows], **values})
