"""Sail as the engine: one session of Spark Connect in this process, one statement at a time."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa

_PIECES = re.compile(
    r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/)|:(\w+)|(\?)",
    re.DOTALL,
)
#: What Sail says in other words, and how Databricks calls it.
_WORDS = (
    (
        re.compile(r"invalid argument: (found .*)", re.DOTALL),
        r"[PARSE_SYNTAX_ERROR] Syntax error: \1. SQLSTATE: 42601",
    ),
    (
        re.compile(r"Database not found: (\w+)"),
        r"[SCHEMA_NOT_FOUND] The schema `\1` cannot be found. SQLSTATE: 42704",
    ),
    (
        re.compile(r"Table already exists: (\S+)"),
        r"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create `\1`: it already exists. SQLSTATE: 42P07",
    ),
)
_WRITES = re.compile(r"\s*(INSERT|MERGE|DELETE|UPDATE)\b", re.IGNORECASE)


class Engine:
    """Runs Spark SQL. Its lock makes each statement atomic, as Delta's log does on Databricks."""

    def __init__(self, root: Path, catalog: str) -> None:
        listed = f'[{{name="{catalog}", type="memory", initial_database=["default"]}}]'
        os.environ["SAIL_CATALOG__LIST"] = listed
        os.environ["SAIL_CATALOG__DEFAULT_CATALOG"] = f'"{catalog}"'
        # Nobody may ask for a quarter of an hour, while tests of other servers run.
        os.environ["SAIL_SPARK__SESSION_TIMEOUT_SECS"] = "86400"
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        self._server = SparkConnectServer("127.0.0.1", 0)
        self._server.start(background=True)
        port = self._server.listening_address[1]
        self._spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
        self._spark.conf.set("spark.sql.session.timeZone", "UTC")
        self._spark.conf.set("spark.sql.warehouse.dir", f"file://{root}/warehouse")
        self._schema = "default"
        self.lock = threading.Lock()

    def run(self, sql: str, values: Mapping[str, Any], schema: str) -> pa.Table:
        """A statement's result, names without a schema looked up in ``schema``."""
        self._use(schema)
        if not _WRITES.match(sql):
            return self._spark.sql(sql, args=dict(values) or None).toArrow()
        # Sail binds no parameters in statements that write, and counts rows under another name.
        done = self._spark.sql(with_literals(sql, values)).toArrow()
        counted = done.column(0) if done.num_columns else pa.array([0])
        return pa.table({"num_affected_rows": counted, "num_inserted_rows": counted})

    def append(self, table: str, files: list[str], schema: str) -> int:
        """Append Parquet files to a table, column by name; the number of rows."""
        self._use(schema)
        rows = self._spark.read.parquet(*files)
        names = ", ".join(f"`{f.name}`" for f in self._spark.table(table).schema.fields)
        rows.createOrReplaceTempView("__copied")
        self._spark.sql(f"INSERT INTO {table} SELECT {names} FROM __copied").toArrow()
        return rows.count()

    def _use(self, schema: str) -> None:
        if schema != self._schema:
            self._spark.sql(f"USE SCHEMA {schema}").toArrow()
            self._schema = schema


def worded(error: Exception) -> str:
    """An error of Sail, under the name of Databricks where Sail gives it none."""
    text = str(error)
    for found, word in _WORDS:
        text = found.sub(word, text)
    return text


def with_literals(sql: str, values: Mapping[str, Any]) -> str:
    """The statement with literals for its parameters; quotes and comments stay as they are."""

    place = count()

    def replaced(found: re.Match[str]) -> str:
        name = str(next(place)) if found[3] else found[2]
        return found[1] or (_literal(values[name]) if name in values else found[0])

    return _PIECES.sub(replaced, sql)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value).upper()
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
