"""Statements that concern the session or the server and never reach DuckDB as they are."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lume_dagster_tests.servers.sqlserver.bulk import read_insert_bulk, read_name
from lume_dagster_tests.servers.sqlserver.faults import SqlError
from lume_dagster_tests.servers.sqlserver.server import Account

if TYPE_CHECKING:
    from lume_dagster_tests.servers.sqlserver.session import Session

Action = Callable[["Session", re.Match[str]], None]


def _lock_timeout(session: Session, match: re.Match[str]) -> None:
    session.lock_timeout = int(match[1]) / 1000


def _accepted(_: Session, __: re.Match[str]) -> None:
    """A setting that makes no difference here."""


def _use(session: Session, match: re.Match[str]) -> None:
    session.engine.use(_plain(match[1]))


def _begin(session: Session, _: re.Match[str]) -> None:
    session.engine.begin()


def _commit(session: Session, _: re.Match[str]) -> None:
    session.engine.commit()


def _rollback(session: Session, _: re.Match[str]) -> None:
    session.engine.rollback()


def _insert_bulk(session: Session, match: re.Match[str]) -> None:
    if not session.account.may_write:
        raise SqlError(229, "The INSERT permission was denied on the object.", 14)
    session.load = read_insert_bulk(match[0])


def _kill(session: Session, match: re.Match[str]) -> None:
    session.server.kill(int(match[1]))


def _create_database(session: Session, match: re.Match[str]) -> None:
    session.server.create_database(_plain(match[1]))


def _drop_database(session: Session, match: re.Match[str]) -> None:
    session.server.drop_database(_plain(match[1]))


def _create_login(session: Session, match: re.Match[str]) -> None:
    password = match[2].replace("''", "'")
    session.server.accounts[_plain(match[1])] = Account(password, may_write=False)


def _drop_login(session: Session, match: re.Match[str]) -> None:
    session.server.accounts.pop(_plain(match[1]))


def _create_index(session: Session, match: re.Match[str]) -> None:
    """Look whether its columns are there; DuckDB finds rows without."""
    target = read_name(match[1])
    known = session.engine.declared_in(target.schema, target.table)
    for column in (_plain(part) for part in match[2].split(",")):
        if column.lower() not in known:
            raise SqlError(1911, f"Column name '{column}' does not exist in the target table.")


def _wait(session: Session, match: re.Match[str]) -> None:
    hours, minutes, seconds = match[1].split(":")
    end = time.monotonic() + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    while time.monotonic() < end and not session.wire.wants_attention():
        time.sleep(0.01)


def _plain(name: str) -> str:
    return read_name(name).table


_TABLE: dict[str, Action] = {
    r"SET\s+LOCK_TIMEOUT\s+(-?\d+)": _lock_timeout,
    r"SET\s+(?!@).*": _accepted,
    r"USE\s+(\S+)": _use,
    r"BEGIN\s+TRAN(?:SACTION)?": _begin,
    r"COMMIT(?:\s+TRAN(?:SACTION)?|\s+WORK)?": _commit,
    r"ROLLBACK(?:\s+TRAN(?:SACTION)?|\s+WORK)?": _rollback,
    r"INSERT\s+BULK\s+.*": _insert_bulk,
    r"KILL\s+(\d+)": _kill,
    r"CREATE\s+DATABASE\s+(\S+)(?:\s+COLLATE\s+\w+)?": _create_database,
    r"ALTER\s+DATABASE\s+.*": _accepted,
    r"DROP\s+DATABASE\s+(\S+)": _drop_database,
    r"CREATE\s+LOGIN\s+(\S+)\s+WITH\s+PASSWORD\s*=\s*N?'((?:[^']|'')*)'.*": _create_login,
    r"DROP\s+LOGIN\s+(\S+)": _drop_login,
    r"CREATE\s+USER\s+\S+\s+FOR\s+LOGIN\s+\S+": _accepted,
    r"ALTER\s+ROLE\s+db_datareader\s+ADD\s+MEMBER\s+\S+": _accepted,
    r"CREATE\s+(?:CLUSTERED\s+)?INDEX\s+\S+\s+ON\s+(\S+)\s*\((.*?)\)(?:\s+WITH\s*\(.*\))?": _create_index,
    r"WAITFOR\s+DELAY\s+'([\d:.]+)'": _wait,
}

#: What a whole statement looks like, and what is done with it; the first that fits.
SPECIAL = [(re.compile(text, re.IGNORECASE | re.DOTALL), action) for text, action in _TABLE.items()]
