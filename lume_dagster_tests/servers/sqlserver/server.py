"""The server: its databases, its logins, who is connected, and the door they come through."""

from __future__ import annotations

import os
import socketserver
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from lume_dagster_tests.servers.certificate import tls_context
from lume_dagster_tests.servers.sqlserver import catalog
from lume_dagster_tests.servers.sqlserver.faults import SqlError
from lume_dagster_tests.servers.sqlserver.locks import AppLocks

if TYPE_CHECKING:
    from lume_dagster_tests.servers.sqlserver.session import Session

DEBUG = bool(os.environ.get("TDS_DEBUG"))


@dataclass
class Account:
    """A login; one that may not write may read everything."""

    password: str = field(repr=False)
    may_write: bool = True


class Server:
    """What all sessions share."""

    def __init__(self, user: str, password: str) -> None:
        self.accounts = {user: Account(password)}
        self.locks = AppLocks()
        self.tls = tls_context()
        self.sessions: dict[int, Session] = {}
        self._numbers = iter(range(51, 1 << 15))
        self._lock = threading.Lock()
        self._duckdb = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "2GB"})
        self._duckdb.execute("SET timezone = 'UTC'")
        self.create_database("master")

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same databases."""
        return self._duckdb.cursor()

    def account(self, user: str, password: str) -> Account:
        """The login of a user; error 18456 where there is none or the password is another."""
        found = self.accounts.get(user)
        if found is None or found.password != password:
            raise SqlError(18456, f"Login failed for user '{user}'.", 14)
        return found

    def create_database(self, name: str) -> None:
        """An empty database."""
        with self._lock, self._duckdb.cursor() as connection:
            catalog.make_database(connection, name)

    def drop_database(self, name: str) -> None:
        """Forget a database."""
        with self._lock, self._duckdb.cursor() as connection:
            connection.execute(f'DETACH "{name}"')

    def enter(self, session: Session) -> int:
        """The number of a new session."""
        with self._lock:
            number = next(self._numbers)
            self.sessions[number] = session
            return number

    def leave(self, number: int) -> None:
        """Its locks go with a session."""
        with self._lock:
            self.sessions.pop(number, None)
        for owner in ("Session", "Transaction"):
            self.locks.give_back_all((number, owner))

    def who(self) -> list[tuple[int, str, str, int]]:
        """The sessions: number, program, login, and how deep in a transaction."""
        with self._lock:
            return [
                (n, s.login.program, s.login.user, s.engine.depth) for n, s in self.sessions.items()
            ]

    def kill(self, number: int) -> None:
        """End a session of another."""
        session = self.sessions.get(number)
        if session is None:
            raise SqlError(6106, f"Process ID {number} is not an active process ID.")
        session.kill()


def listen(server: Server, port: int) -> socketserver.ThreadingTCPServer:
    """The door, open on the loopback interface."""
    from lume_dagster_tests.servers.sqlserver.session import Session

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            Session(server, self.request).serve()

    class Door(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 64

    return Door(("127.0.0.1", port), Handler)


def log(*words: object) -> None:
    """Tell what happens, where TDS_DEBUG is set."""
    if DEBUG:
        sys.stderr.write(" ".join(map(str, words)) + "\n")
