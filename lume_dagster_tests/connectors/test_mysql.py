"""MariaDB and MySQL pass the suites on real servers."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pytest

from lume_dagster.connectors import MySQLConnector
from lume_dagster.connectors.mysql.shape import TYPES
from lume_dagster.connectors.sql.ddl import sql_type
from lume_dagster.testing import DatabaseSourceSuite, ServerSuite, TableReaderSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster.testing.deliveries import EVERY_TYPE

#: Only a column can be a TIMESTAMP, which is an instant.
SEEN = "seen timestamp(6) NOT NULL DEFAULT '2024-02-29 06:30:00.123456'"


class TestMySQL(TargetSuite, TableReaderSuite, DatabaseSourceSuite, ServerSuite):
    connector_type = MySQLConnector
    literals = {"blob": "X'0027FF'", "instant": "seen"}

    @pytest.fixture
    def config(self, mysql_like, mysql_database):
        self.server = mysql_like
        return mysql_like.config(mysql_database)

    def broken(self, config):
        uri = f"mysql://app:{SECRET}@{config['host']}:{config['port']}/x"
        return [
            {**config, "password": SECRET},
            {**config, "database": "nope"},
            {**config, "password": SECRET, "port": 1},
            {**config, "password": SECRET, "host": "no.such.host.invalid"},
            {**config, "password": SECRET, "ssl_mode": "verify_identity"},
            {**config, "password": SECRET, "ssl_mode": "sometimes"},
            {**config, "password": SECRET, "ssl_ca": "/no/such/file.pem"},
            {"uri": uri},
            {"uri": uri.replace(":", " :", 1)},
            {"uri": f"{uri}?password={SECRET}"},
            {"uri": uri.replace("mysql:", "postgresql:")},
            *({"uri": uri.replace(SECRET, f"12{mark}{SECRET}")} for mark in "@#/?["),
        ]

    def silent(self, config, host, port):
        return {**config, "host": host, "port": port, "connect_timeout_seconds": 2}

    def read_mapped(self, connector, table):
        return self._read(connector, table)

    def read_rejects(self, connector, table):
        return self._read(connector, f"{table}_rejects")

    def fill(self, config, rows):
        columns = ", ".join(f"`{c.name}` {sql_type(c, TYPES)}" for c in EVERY_TYPE)
        given = [
            {**row, **{n: json.dumps(row[n]) for n in ("nested", "items") if n in row}}
            for row in rows
        ]
        names = ["batch", *(c.name for c in EVERY_TYPE)]
        marks, listed = ", ".join(["%s"] * len(names)), ", ".join(f"`{n}`" for n in names)
        with self.server.connect(config["database"]) as cursor:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS batches (batch varchar(200), {columns}, {SEEN})"
            )
            cursor.executemany(
                f"INSERT INTO batches ({listed}) VALUES ({marks})",
                [[row.get(name) for name in names] for row in given],
            )

    def count(self, config):
        with self.server.connect(config["database"]) as cursor:
            cursor.execute("SELECT count(*) FROM batches")
            return cursor.fetchone()[0]

    def _read(self, connector, table):
        """A table, read by a client of its own; its rows as the protocol's text says them."""
        import pymysql.cursors

        schema, name = table.split(".")
        with self.server.connect(cursorclass=pymysql.cursors.DictCursor) as cursor:
            cursor.execute(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
                (schema, name),
            )
            if not cursor.fetchone():
                return pa.table({})
            cursor.execute(f"SELECT * FROM {table}")
            return AsDicts(cursor.fetchall())


class AsDicts(list):
    """Rows that are asked for as an Arrow table's are."""

    @property
    def num_rows(self):
        return len(self)

    def to_pylist(self):
        return [{n: _clock(v) for n, v in row.items()} for row in self]


def _clock(value):
    """PyMySQL reads TIME as a duration."""
    is_duration = isinstance(value, dt.timedelta)
    return (dt.datetime(1, 1, 1) + value).time() if is_duration else value
