"""Transactions as Snowflake runs them: writers of a table take turns, and DDL commits.

DuckDB, which fakesnow runs on, answers two writers with a conflict; Snowflake lets the second wait
for LOCK_TIMEOUT. A session whose client is gone holds its locks in Snowflake until somebody has
waited for five minutes; here it loses them as soon as somebody waits, so that tests need not.
"""

import threading
import time
from contextlib import nullcontext, suppress
from importlib import import_module

import duckdb
from fakesnow.cursor import FakeSnowflakeCursor
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp
from uvicorn.protocols.http.h11_impl import H11Protocol

server = import_module("fakesnow.server")  # `fakesnow.server` is a function's name too

_WRITES = (exp.Update, exp.Delete, exp.Merge)
_DDL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
_LOCKED = (
    "Statement '{0}' has locked table '{1}' in transaction 1 and this lock has not yet been released. "
    "Your statement was aborted because it waited longer than the lock timeout of {2} seconds."
)

_open_ports: set[int] = set()
_holders: dict[str, object] = {}
_freed = threading.Condition()
_one_ddl = threading.RLock()

_execute, _query_request = FakeSnowflakeCursor._execute, server.query_request


def apply() -> None:
    """Mend fakesnow's transactions."""
    FakeSnowflakeCursor._execute = execute
    routes = {route.path: route for route in server.app.router.routes}
    server.app.router.routes.remove(routes["/queries/v1/query-request"])
    server.app.router.add_route("/queries/v1/query-request", query_request, methods=["POST"])


class WatchedProtocol(H11Protocol):
    """A connection whose end is noticed: a killed client is one without connections."""

    def connection_made(self, transport) -> None:
        """Remember the client's port."""
        super().connection_made(transport)
        _open_ports.add(self.client[1])

    def connection_lost(self, exc) -> None:
        """Forget the client's port."""
        _open_ports.discard(self.client[1])
        super().connection_lost(exc)


async def query_request(request):
    """Remember by which connections a session is spoken to."""
    server.base_url = f"{request.url.scheme}://{request.url.netloc}"
    with suppress(server.ServerError):
        session = server.to_conn(server.to_token(request))
        ports(session).add(request.client.port)
    return await _query_request(request)


def ports(session) -> set[int]:
    """The ports of a session's client."""
    return session.__dict__.setdefault("ports", set())


def execute(cursor: FakeSnowflakeCursor, transformed: exp.Expression, params=None) -> None:
    """A statement, when it is its turn."""
    session = cursor._conn
    if isinstance(transformed, _DDL) and session.__dict__.get("begun"):
        session._duck_conn.commit()
        end_turn(session)
    if isinstance(transformed, _WRITES) and (table := transformed.find(exp.Table)):
        take_turn(session, f"{table.catalog or session.database}.{table.db}.{table.name}")
    try:
        # fakesnow's own tables do not bear two CREATE at once.
        with _one_ddl if isinstance(transformed, _DDL) else nullcontext():
            _execute(cursor, transformed, params)
        if isinstance(transformed, exp.Transaction):
            session.begun = True
        if isinstance(transformed, exp.Commit | exp.Rollback):
            end_turn(session)
    finally:
        if not session.__dict__.get("begun"):
            end_turn(session)


def take_turn(session, table: str) -> None:
    """Wait until nobody else has changed the table in a transaction that is open."""
    patience = float(session.__dict__.get("lock_timeout", 43_200))
    end = time.monotonic() + patience
    with _freed:
        while (holder := _holders.get(table, session)) is not session:
            if not ports(holder) & _open_ports:
                abandon(holder)
                continue
            if time.monotonic() >= end:
                words = _LOCKED.format("01b", table.rsplit(".", maxsplit=1)[-1], patience)
                raise ProgrammingError(msg=words, errno=625, sqlstate="57014")
            _freed.wait(max(0.0, min(end - time.monotonic(), 0.1)))
        _holders[table] = session


def end_turn(session) -> None:
    """Let the next one go on."""
    session.begun = False
    with _freed:
        for table in [table for table, holder in _holders.items() if holder is session]:
            del _holders[table]
        _freed.notify_all()


def abandon(session) -> None:
    """Undo what a session has begun and not committed."""
    with suppress(duckdb.Error):
        session._duck_conn.rollback()
    end_turn(session)
