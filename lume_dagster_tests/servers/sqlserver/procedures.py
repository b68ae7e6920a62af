"""Stored procedures of the system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lume_dagster_tests.servers.sqlserver.faults import SqlError

if TYPE_CHECKING:
    from lume_dagster_tests.servers.sqlserver.session import Session

Arguments = Mapping[str, Any]
_FAILED = -999


def _take_lock(session: Session, arguments: Arguments) -> int:
    owner = arguments.get("lockowner", "Transaction")
    if owner == "Transaction" and session.engine.depth == 0:
        return _FAILED
    patience = arguments.get("locktimeout")
    seconds = session.lock_timeout if patience is None else patience / 1000
    mode = arguments["lockmode"]
    return session.server.locks.take(arguments["resource"], mode, (session.number, owner), seconds)


def _give_lock_back(session: Session, arguments: Arguments) -> int:
    owner = (session.number, arguments.get("lockowner", "Transaction"))
    return 0 if session.server.locks.give_back(arguments["resource"], owner) else _FAILED


def _describe(session: Session, arguments: Arguments) -> int:
    if not session.account.may_write:
        raise SqlError(15135, "Object is invalid. Extended properties are not permitted.")
    names = ("level0name", "level1name", "level2name", "value")
    with session.engine.changes() as connection:
        connection.execute(
            "INSERT INTO sys.described VALUES ($1, $2, $3, $4)", [arguments[n] for n in names]
        )
    return 0


PROCEDURES: Mapping[str, Callable[..., int]] = {
    "sp_getapplock": _take_lock,
    "sp_releaseapplock": _give_lock_back,
    "sp_addextendedproperty": _describe,
}
