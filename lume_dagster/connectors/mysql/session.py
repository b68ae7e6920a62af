"""Speak to a MySQL server: connect, run statements, and turn its errors into sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from lume_dagster.connectors.mysql.login import Login
from lume_dagster.connectors.mysql.wire import wait_for_answers
from lume_dagster.errors import ConnectorError, MissingExtraError, TransientError

#: What every session works with, whatever the server is set to.
_SETTINGS: Mapping[str, object] = {
    "time_zone": "+00:00",
    "sql_mode": "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,"
    "NO_AUTO_VALUE_ON_ZERO",  # a 0 is a 0, in an AUTO_INCREMENT column too
    # All rows of a query, and of a look into the catalog, however few the server is set to give.
    "sql_select_limit": 2**64 - 1,
    "sql_big_selects": 1,
    "sql_safe_updates": 0,  # what a batch replaces is named, by its run or its keys
    # Bytes by which texts are sorted: source_paths have up to 8,000, and differ in their last.
    "max_sort_length": 8192,
    # How long the server waits for our next bytes, and for us to take its own.
    "net_read_timeout": 3600,
    "net_write_timeout": 3600,
}

_SORT_BUFFER = 64 << 20

#: Errors after which the same call may succeed.
_TRANSIENT = {
    *(1040, 1053, 1079, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1412, 1614, 1927),
    *(2006, 2013, 2014, 2055, 3101, 3572, 4031),
    1020,  # MariaDB: the record has changed since it was read
    1317,  # somebody ended the query
}

#: What a person should do about an error.
_HINTS: Mapping[int, str] = {
    1038: "raise sort_buffer_size on the server, or sort fewer long texts",
    1044: "GRANT the user that database, or check the connector's database",
    1045: "check the connector's user and password",
    1048: "the table says NOT NULL where the flow leaves the field empty",
    1049: "check the connector's database",
    1060: "give every column of the query a name of its own: AS",
    1062: "the table has a unique index that the batch breaks",
    1064: "write one SELECT; a source only reads",
    1005: "see what the server says of it; it keeps at most 1,017 columns in a table",
    1117: "MySQL keeps at most 1,017 columns in a table; divide the flow's schema",
    1118: "MySQL keeps at most 197 columns of text in a table; divide the flow's schema",
    1129: "the server blocks this host after too many failures: mysqladmin flush-hosts",
    1130: "the server lets in no such user from here",
    1142: "have the owner of the database GRANT it",
    1143: "have the owner of the database GRANT it",
    1153: "raise max_allowed_packet on the server",
    1205: "another transaction holds the rows; raise lock_timeout_seconds or wait",
    1226: "the user's limit on the server is reached; raise it or wait",
    1227: "have the owner of the server GRANT it",
    1267: "give both sides one collation: :source_path COLLATE utf8mb4_bin",
    1290: "the server runs with an option that forbids it, such as --read-only: use the primary",
    1425: "MySQL keeps 30 digits after the point; declare fewer in the flow's schema",
    1792: "a source only reads; for a target, use the primary, or set transaction_read_only off",
    1836: "the server is read-only: use the primary",
    1969: "raise statement_timeout_seconds, or make the query lighter",
    2003: "check the connector's host and port, and that the server runs",
    2026: "check the connector's ssl_mode and ssl_ca",
    2059: "the server asks for a way to log in that PyMySQL does not know",
    3024: "raise statement_timeout_seconds, or make the query lighter",
    3159: "the server takes only encrypted connections: ssl_mode required",
}
_CONNECTION_REFUSED = 2003


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session waits, in seconds."""

    connect: int = 10
    read: int = 900
    lock: float = 60.0
    statement: float = 0.0  # 0: none


@dataclass(frozen=True, slots=True)
class Session:
    """A connection, and which of the two families of servers it speaks to."""

    connection: Any
    login: Login
    version: str
    local_infile: bool = False

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is MariaDB."""
        return "mariadb" in self.version.lower()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it changed."""
        with self.connection.cursor() as cursor:
            return int(cursor.execute(sql, tuple(values) or None))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and fetch its few rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(values) or None)
            return list(cursor.fetchall())


@contextmanager
def connected(login: Login, limits: Limits, *, local_infile: bool = False) -> Iterator[Session]:
    """A session that commits each statement until it begins a transaction."""
    try:
        import pymysql
    except ImportError as error:
        raise MissingExtraError.for_extra("MySQLConnector", "mysql") from error
    try:
        connection = pymysql.connect(
            **login.options,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=limits.connect,
            read_timeout=limits.connect,  # of the greeting
            write_timeout=limits.read,
            local_infile=local_infile,
            program_name="lume",
        )
    except (pymysql.Error, UnicodeError) as error:
        raise _refused(login, error) from None
    try:
        with sentences(login):
            wait_for_answers(connection, limits.read)
            # MariaDB calls itself 5.5.5-10.11 to the clients of old.
            version = connection.get_server_info().removeprefix("5.5.5-")
            session = Session(connection, login, version, local_infile)
            _settle(session, limits)
            yield session
    finally:
        # The server rolls back on its own when the connection is gone already.
        with suppress(pymysql.Error):
            connection.close()


def _settle(session: Session, limits: Limits) -> None:
    settings: dict[str, object] = {
        **_SETTINGS,
        "lock_wait_timeout": whole_seconds(limits.lock),
        "innodb_lock_wait_timeout": whole_seconds(limits.lock),
    }
    if not session.is_mariadb:
        # MySQL sorts rows with all their texts, and gives up on one that is larger than this.
        settings["sort_buffer_size"] = _SORT_BUFFER
    if limits.statement:
        # MySQL counts milliseconds and only for SELECT, MariaDB counts seconds.
        milliseconds = max(1, int(limits.statement * 1000))
        settings |= (
            {"max_statement_time": limits.statement}
            if session.is_mariadb
            else {"max_execution_time": milliseconds}
        )
    names = ", ".join(f"{name} = %s" for name in settings)
    session.run(f"SET SESSION {names}", tuple(settings.values()))


def whole_seconds(seconds: float) -> int:
    """A timeout as MySQL counts it: at least a second."""
    return max(1, math.ceil(seconds))


@contextmanager
def sentences(login: Login) -> Iterator[None]:
    """The server's errors as errors of the tree."""
    import pymysql

    try:
        yield
    except pymysql.Error as error:
        raise _failed(login, error) from None


def said(error: BaseException) -> tuple[int, str]:
    """The number and the words of a driver's error."""
    number, words = 0, str(error)
    if error.args and isinstance(error.args[0], int):
        number, words = error.args[0], " ".join(str(part) for part in error.args[1:])
    return number, " ".join(words.split())


def _refused(login: Login, error: BaseException) -> ConnectorError:
    number, words = said(error)
    restarts = number == _CONNECTION_REFUSED and "Connection refused" in words
    kind = TransientError if restarts or number in _TRANSIENT else ConnectorError
    hint = _HINTS.get(number)
    if number == _CONNECTION_REFUSED and "certificate" in words:
        hint = _HINTS[2026]
    where = f"MySQL at {login.where} cannot be reached: {login.clean(words)}"
    return kind(f"{where} ({number})" if number else where, hint=hint)


def _failed(login: Login, error: BaseException) -> ConnectorError:
    import pymysql

    number, words = said(error)
    if isinstance(error, pymysql.InterfaceError):
        words = words or "it is closed"
        return TransientError(f"The connection to MySQL at {login.where} broke: {words}")
    kind = TransientError if number in _TRANSIENT else ConnectorError
    text = f"MySQL at {login.where} refused: {login.clean(words)} ({number})"
    return kind(text, hint=_HINTS.get(number))
