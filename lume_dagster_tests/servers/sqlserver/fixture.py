"""SQL Server for tests: the stand-in, or the server that ``LUME_TEST_SQLSERVER_URL`` names."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from lume_dagster_tests.servers.fleet import server
from lume_dagster_tests.servers.process import ROOT, ServerUnavailable, answers, free_port, running
from lume_dagster_tests.servers.sqlserver.libraries import missing_libraries, offer_libraries

_URL = "LUME_TEST_SQLSERVER_URL"

# Before the first process is started that will load the driver.
offer_libraries()


@dataclass(frozen=True)
class SqlServer:
    """A running server, and somebody who may do everything on it."""

    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"
    user: str = "sa"
    encrypt: str = "no"
    trust: bool = True
    stand_in: bool = True

    def config(self, database: str = "master") -> dict[str, Any]:
        """What a ``SQLServerConnector`` for one of its databases is made with."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": database,
            "encrypt": self.encrypt,
            "trust_server_certificate": self.trust,
        }

    @contextmanager
    def connect(self, database: str = "master", **changes: str) -> Iterator[Any]:
        """A cursor of the driver that commits each statement."""
        import mssql_python

        mssql_python.pooling(enabled=False)
        options = {
            "Server": f"{self.host},{self.port}",
            "Database": database,
            "UID": self.user,
            "PWD": self.password,
            "Encrypt": self.encrypt,
            "TrustServerCertificate": "yes" if self.trust else "no",
            **changes,
        }
        connection = mssql_python.connect("", autocommit=True, timeout=120, **options)
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def end_sessions(self, programs: str) -> int:
        """End the sessions of some programs, as an administrator would; how many there were."""
        import mssql_python

        ended = 0
        with self.connect() as cursor:
            others = "SELECT session_id FROM sys.dm_exec_sessions WHERE session_id <> @@SPID AND "
            for (session,) in cursor.execute(f"{others}{programs}").fetchall():
                try:
                    cursor.execute(f"KILL {session}")
                    ended += 1
                except (
                    mssql_python.DatabaseError
                ) as error:  # it ended by itself since it was listed
                    if "is not an active process ID" not in str(error):
                        raise
        return ended

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """An empty database for one test."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as cursor:
            cursor.execute(f"CREATE DATABASE [{name}]")
        try:
            yield name
        finally:
            with self.connect() as cursor:
                cursor.execute(f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
                cursor.execute(f"DROP DATABASE [{name}]")


@contextmanager
def sqlserver_server() -> Iterator[SqlServer]:
    """The stand-in over DuckDB, or a real server by its URL.

    Raises:
        ServerUnavailable: the driver's system libraries are missing, or it does not start.
    """
    missing = missing_libraries()
    if missing:
        raise ServerUnavailable(
            f"the driver needs {', '.join(missing)}; apt-get install libltdl7 libgssapi-krb5-2"
        )
    url = os.environ.get(_URL)
    if url:
        yield _by_url(url)
        return
    with tempfile.TemporaryDirectory(prefix="lume-mssql-") as home:
        found = SqlServer(free_port(), f"{secrets.token_hex(12)};{{}}'ż")
        module = "lume_dagster_tests.servers.sqlserver"
        command = [sys.executable, "-m", module, found.port, found.user]
        environment = {**os.environ, "SA_PASSWORD": found.password}
        log = Path(home) / "log"
        ready = lambda: answers(found.port)  # noqa: E731
        with running(command, log, ready, env=environment, cwd=ROOT):
            yield found


def _by_url(url: str) -> SqlServer:
    """``mssql://user:password@host:port/?encrypt=yes&trust_server_certificate=no``."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return SqlServer(
        port=parts.port or 1433,
        password=unquote(parts.password or ""),
        host=parts.hostname or "localhost",
        user=unquote(parts.username or "sa"),
        encrypt=options.get("encrypt", "yes"),
        trust=options.get("trust_server_certificate", "no") == "yes",
        stand_in=False,
    )


sqlserver = server("sqlserver", "SQL Server", sqlserver_server)


@pytest.fixture
def sqlserver_database(sqlserver: SqlServer) -> Iterator[str]:
    """The name of an empty database on the server."""
    with sqlserver.new_database() as name:
        yield name
