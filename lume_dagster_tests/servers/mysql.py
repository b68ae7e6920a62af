"""MariaDB and MySQL, each from the data folder that ``.ci/mysql_server`` prepared."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from lume_dagster_tests.servers.fleet import server
from lume_dagster_tests.servers.process import (
    ServerUnavailable,
    answers,
    free_port,
    installed,
    running,
)

_SETTINGS = {
    "bind-address": "127.0.0.1",
    "character-set-server": "utf8mb4",
    "innodb-buffer-pool-size": "256M",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-lock-wait-timeout": "10",
    "local-infile": "1",
    "max-allowed-packet": "16M",  # MariaDB's default
    "skip-name-resolve": "ON",
}
_OWN = {
    "mariadb": {"aria-checkpoint-interval": "0", "innodb-log-file-size": "64M"},
    "mysql": {
        "innodb-redo-log-capacity": "128M",
        "mysqlx": "OFF",
        "secure-file-priv": "",
        "skip-log-bin": None,
    },
}


#: Where the suites deliver: in MySQL a schema is a database, so it cannot be one of the test's own.
_OPS = "ops"


@dataclass(frozen=True)
class MySQLServer:
    """A running MariaDB or MySQL server."""

    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"
    user: str = "app"
    ssl_mode: str = "disabled"
    ca: Path | None = None  # of its certificate

    def config(self, database: str | None = None) -> dict[str, Any]:
        """What a ``MySQLConnector`` for one of its databases is made with."""
        where = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "ssl_mode": self.ssl_mode,
        }
        return where if database is None else {**where, "database": database}

    @contextmanager
    def connect(self, database: str | None = None, **options: Any) -> Iterator[Any]:
        """A PyMySQL cursor that commits each statement."""
        import pymysql

        given = {**self.config(database), "charset": "utf8mb4", "autocommit": True, **options}
        mode = given.pop("ssl_mode")
        given |= {"ssl_disabled": True} if mode == "disabled" else {}
        with closing(pymysql.connect(**given)) as connection, connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            yield cursor

    def end_sessions(self, database: str) -> int:
        """End every session in a database, as an administrator would; returns how many there were."""
        from pymysql.constants.ER import NO_SUCH_THREAD
        from pymysql.err import MySQLError

        ended = 0
        with self.connect() as cursor:
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE db = %s", (database,)
            )
            for (session,) in cursor.fetchall():
                try:
                    cursor.execute(f"KILL {session}")
                    ended += 1
                except MySQLError as error:  # it ended by itself since it was listed
                    if error.args[0] != NO_SUCH_THREAD:
                        raise
        return ended

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """An empty database for one test, which may also make the database ``ops``."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            with self.connect() as cursor:
                cursor.execute(f"DROP DATABASE {name}")
                cursor.execute(f"DROP DATABASE IF EXISTS {_OPS}")


@contextmanager
def mysql_server(name: str) -> Iterator[MySQLServer]:
    """The server at ``LUME_TEST_<NAME>_URL``, else one of our own; nothing is left behind.

    Raises:
        ServerUnavailable: it is not installed, or it does not run here.
    """
    url = os.environ.get(f"LUME_TEST_{name.upper()}_URL")
    if url:
        yield _at(url)
        return
    launcher = installed(f"{name}/server")
    with tempfile.TemporaryDirectory(prefix=f"lume-{name}-") as home:
        folder = Path(home)
        data = Path(shutil.copytree(launcher.parent / "data", folder / "data"))
        found = MySQLServer(free_port(), secrets.token_hex(12), ca=_certificate(data))
        command = [launcher, *_options(name, folder, found)]
        with running(command, folder / "log", lambda: answers(found.port)):
            yield found


def _at(url: str) -> MySQLServer:
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    found = MySQLServer(
        parts.port or 3306,
        unquote(parts.password or ""),
        parts.hostname or "localhost",
        unquote(parts.username or "root"),
        asked.get("ssl_mode", ["preferred"])[0],
    )
    with found.connect() as cursor:
        if cursor.execute("SHOW DATABASES LIKE %s", (_OPS,)):
            raise ServerUnavailable(f"the server has a database {_OPS}, which the tests would drop")
    return found


def _certificate(data: Path) -> Path | None:
    """The authority of the certificate that MySQL makes for itself."""
    made = data / "ca.pem"
    return made if made.exists() else None


def _options(name: str, folder: Path, found: MySQLServer) -> Iterator[str]:
    first = folder / "first.sql"
    first.touch(0o600)
    first.write_text(
        f"CREATE USER '{found.user}'@'%' IDENTIFIED BY '{found.password}';\n"
        f"GRANT ALL ON *.* TO '{found.user}'@'%' WITH GRANT OPTION;\n",
        "utf-8",
    )
    temporary = folder / "tmp"  # its own: a server that starts empties the one it is given
    temporary.mkdir()
    yield f"--tmpdir={temporary}"
    yield f"--datadir={folder / 'data'}"
    yield f"--socket={folder / 'socket'}"
    yield f"--pid-file={folder / 'pid'}"
    yield f"--port={found.port}"
    yield f"--init-file={first}"
    for setting, value in {**_SETTINGS, **_OWN[name]}.items():
        yield f"--{setting}" if value is None else f"--{setting}={value}"


mariadb = server("mariadb", "MariaDB", partial(mysql_server, "mariadb"))
mysql = server("mysql", "MySQL", partial(mysql_server, "mysql"), optional=True)


@pytest.fixture(params=["mariadb", pytest.param("mysql", marks=pytest.mark.optional_server)])
def mysql_like(request: pytest.FixtureRequest) -> MySQLServer:
    """MariaDB, then MySQL."""
    found: MySQLServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def mysql_database(mysql_like: MySQLServer) -> Iterator[str]:
    """The name of an empty database on the server."""
    with mysql_like.new_database() as name:
        yield name
