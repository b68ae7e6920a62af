"""The fixtures of the Databricks tests: the server of the tests, or a workspace of yours.

A workspace is named by ``LUME_TEST_DATABRICKS_HOST``, ``_HTTP_PATH``, ``_TOKEN``, ``_CATALOG`` and
``_VOLUME``. The tests make and drop the schemas ``ops`` and ``lume_test`` of that catalog, so give
them a catalog of their own; the volume must not be in those schemas.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lume_dagster.connectors.databricks.volume import volume_path
from lume_dagster_tests.servers.fleet import server
from lume_dagster_tests.servers.process import ROOT, free_port, installed, running

_VARIABLES = ("HOST", "HTTP_PATH", "TOKEN", "CATALOG", "VOLUME")
_SCHEMAS = ("ops", "lume_test")


@dataclass(frozen=True)
class DatabricksServer:
    """A warehouse that answers; ``control`` is there where faults can be asked for."""

    host: str
    http_path: str
    catalog: str
    volume: str
    token: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    control: bool = False
    _kept: ExitStack = field(default_factory=ExitStack, repr=False)
    _opened: list[Any] = field(default_factory=list, repr=False)

    def config(self) -> dict[str, Any]:
        """What a ``DatabricksConnector`` is made with."""
        return {
            "server_hostname": self.host,
            "http_path": self.http_path,
            "access_token": self.token,
            "catalog": self.catalog,
            "schema_name": "lume_test",
            "volume": self.volume,
        }

    @contextmanager
    def connect(self, schema: str = "default") -> Iterator[Any]:
        """A connection of the bare client."""
        from databricks import sql

        with sql.connect(
            self.host,
            self.http_path,
            self.token,
            catalog=self.catalog,
            schema=schema,
            staging_allowed_local_path=tempfile.gettempdir(),
            session_configuration={"TIMEZONE": "UTC"},
            enable_telemetry=False,
            _connection_uri=f"{self.host}{self.http_path}" if self.control else None,
        ) as connection:
            yield connection

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor on a connection that all tests share."""
        if not self._opened:
            self._opened.append(self._kept.enter_context(self.connect()))
        with self._opened[0].cursor() as cursor:
            yield cursor

    def close(self) -> None:
        """Close the shared connection."""
        self._kept.close()

    def run(self, *statements: str, **values: Any) -> list[Any]:
        """Run statements; the rows of the last."""
        with self.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def fetch(self, query: str) -> Any:
        """The rows of a query as an Arrow table."""
        with self.cursor() as cursor:
            return cursor.execute(query).fetchall_arrow()

    def load(self, table: str, rows: Any) -> None:
        """Append an Arrow table by PUT and COPY INTO."""
        import pyarrow.parquet as pq

        with tempfile.TemporaryDirectory() as folder:
            name = f"test-{secrets.token_hex(8)}.parquet"
            pq.write_table(rows, f"{folder}/{name}")
            place = f"{volume_path(self.volume)}/{name}"
            with self.cursor() as cursor:
                cursor.execute(f"PUT '{folder}/{name}' INTO '{place}' OVERWRITE")
                cursor.execute(f"COPY INTO {table} FROM '{place}' FILEFORMAT = PARQUET")
                cursor.execute(f"REMOVE '{place}'")

    def empty(self) -> None:
        """Leave the schemas of the tests empty, and forget every fault."""
        self.run(*(f"DROP SCHEMA IF EXISTS `{self.catalog}`.`{name}` CASCADE" for name in _SCHEMAS))
        self.run(f"CREATE SCHEMA `{self.catalog}`.`lume_test`")
        if self.control:
            self.ask({})

    def ask(self, wish: Mapping[str, Any]) -> None:
        """Ask the server of the tests for a fault."""
        self._control(json.dumps(wish).encode())

    def statements(self) -> list[dict[str, Any]]:
        """What was sent to the server of the tests since it was emptied."""
        found: list[dict[str, Any]] = json.loads(self._control(None))
        return found

    def _control(self, body: bytes | None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"{self.host}/faults", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())


@contextmanager
def databricks_server() -> Iterator[DatabricksServer]:
    """The workspace of the environment variables, or a server of its own."""
    given = [os.environ.get(f"LUME_TEST_DATABRICKS_{name}") for name in _VARIABLES]
    if all(given):
        host, http_path, token, catalog, volume = (str(value) for value in given)
        with closing(DatabricksServer(host, http_path, catalog, volume, token)) as found:
            yield found
        return
    with (
        tempfile.TemporaryDirectory(prefix="lume-test-databricks-") as folder,
        _local(Path(folder)) as found,
        closing(found),
    ):
        yield found


@contextmanager
def _local(folder: Path) -> Iterator[DatabricksServer]:
    python = installed("spark/bin/python")
    port, token, secret = free_port(), secrets.token_hex(16), secrets.token_hex(16)
    module = "lume_dagster_tests.servers.databricks.serve"
    log = folder / "log"
    passed = {"DATABRICKS_TEST_TOKEN": token, "DATABRICKS_TEST_SECRET": secret}
    env = {**os.environ, **passed, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    command = [python, "-W", "ignore", "-m", module, port, folder, "main"]
    with running(command, log, lambda: b"ready" in log.read_bytes(), env=env):
        host, path = f"http://127.0.0.1:{port}", "/sql/1.0/warehouses/test"
        yield DatabricksServer(
            host, path, "main", "main.default.staging", token, client_secret=secret, control=True
        )


databricks = server("databricks", "Databricks", databricks_server)


@pytest.fixture
def warehouse_server(databricks: DatabricksServer) -> DatabricksServer:
    """The warehouse, with nothing in its schemas."""
    databricks.empty()
    return databricks


@pytest.fixture
def faulty(warehouse_server: DatabricksServer) -> DatabricksServer:
    """The warehouse, where faults can be asked for: not a workspace of yours."""
    if not warehouse_server.control:
        pytest.skip("NOT RUN: a real workspace makes no faults on demand")
    return warehouse_server
