"""Speak to a PostgreSQL server: connect, run statements, and turn its errors into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, unquote, urlencode

from lume_dagster.connectors.hidden import without_secrets
from lume_dagster.connectors.sql.uri import split_uri
from lume_dagster.errors import ConnectorError, MissingExtraError, TransientError

if TYPE_CHECKING:
    from adbc_driver_manager import Error as AdbcError
    from adbc_driver_manager.dbapi import Connection

#: SQLSTATEs, or their first letters, after which the same call may succeed.
_TRANSIENT = ("08", "40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03")

#: What a person should do about a SQLSTATE.
_HINTS: Mapping[str, str] = {
    "23502": "the table says NOT NULL where the flow leaves the field empty",
    "23505": "the table has a unique index that the batch breaks",
    "25006": "the query changes something; a source only reads",
    "42501": "ask the owner of the database for that right",
    "42883": "give both sides one type: CAST(:source_path AS bigint)",
    "53100": "free space on the server",
    "54000": "divide the flow's schema where a row is too big; where a key is too long for an "
    "index, drop the index: merge goes without it",
    "54011": "PostgreSQL keeps at most 1,600 columns in a table; divide the flow's schema",
    "55P03": "another transaction holds the table; raise lock_timeout_seconds or wait",
    "57014": "raise statement_timeout_seconds, or make the query lighter",
}

#: What the server says when it does not let somebody in (connecting knows no SQLSTATE).
_REFUSALS: Mapping[str, str] = {
    "password authentication failed": "check the connector's user and password",
    "no password supplied": "set the connector's password, for example by EnvVar",
    "does not exist": "check the connector's database and user",
    "no pg_hba.conf entry": "the server lets in no such user from here, or wants another sslmode",
    "could not translate host name": "check the connector's host",
    "Connection refused": "check the connector's host and port, and that the server runs",
    "timeout expired": "check the connector's host and port, and the network between",
    "certificate": "check sslmode and sslrootcert, and that host is the server's own name",
    "SSL": "check the connector's sslmode",
}
_LATER = (
    *("starting up", "shutting down", "too many", "remaining connection slots", "recovery mode"),
    # It restarts, or moves.
    *("closed the connection unexpectedly", "Connection reset by peer", "Connection refused"),
)

_SAID = re.compile(
    r"(?:ERROR|FATAL|PANIC):\s+(.*?)(?=\nLINE \d|\nHINT:|\n\nQuery was|\. SQLSTATE|$)", re.DOTALL
)


#: The client takes all texts for UTF-8, whatever the database keeps them in. Of two in a URI the
#: last one counts.
_ALWAYS: Mapping[str, str] = {"client_encoding": "UTF8"}


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to connect. Nothing of it but ``where`` is ever shown."""

    where: str
    conninfo: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def clean(self, text: str) -> str:
        """The text without any secret."""
        return without_secrets(text, self.secrets)


def login_from_parts(parts: Mapping[str, str], timeout: int) -> Login:
    """A login from host, port, dbname, user, password and what libpq is told of encryption."""
    given = {**parts, "connect_timeout": str(timeout), "application_name": "lume", **_ALWAYS}
    conninfo = " ".join(f"{name}={_quoted(value)}" for name, value in given.items() if value)
    password = parts.get("password", "")
    where = f"{parts['host']}:{parts['port']}/{parts['dbname']}"
    return Login(where, conninfo, (password,) if password else ())


def login_from_uri(uri: str, timeout: int) -> Login:
    """A login from a ``postgresql://`` URI."""
    split = split_uri(uri, {"postgresql", "postgres"}, 5432)
    # libpq ends the password at the first @, and takes the rest of it for the host.
    if split is None or split[0].netloc.count("@") > 1:
        raise ConnectorError(
            "The connector's uri is not the URI of a PostgreSQL database.",
            hint="write postgresql://user:password@host:5432/database, "
            "with %40 for @ and the like for what is special",
        )
    parts, port = split
    options = parse_qs(parts.query)
    ours = {} if "connect_timeout" in options else {"connect_timeout": str(timeout)}
    joined = uri + ("&" if parts.query else "?") + urlencode({**ours, **_ALWAYS})
    raw = [parts.password or "", *options.get("password", [])]
    secrets = {uri, *raw, *(unquote(secret) for secret in raw)} - {""}
    where = f"{parts.hostname or 'localhost'}:{port}{parts.path}"
    return Login(where, joined, tuple(sorted(secrets, key=len, reverse=True)))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


#: The types that a session knows: those of every PostgreSQL, or all that the server has. For
#: these the client reads the whole of the server's catalog at login, which may hold much.
Types = Literal["builtin", "server"]
_OPTIONS: Mapping[Types, Mapping[str, str]] = {
    "builtin": {"adbc.postgresql.type_resolver_mode": "builtin"},
    "server": {},
}


@contextmanager
def connected(login: Login, types: Types) -> Iterator[Connection]:
    """A connection in a transaction; what is not committed is rolled back."""
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise MissingExtraError.for_extra("PostgresConnector", "postgres") from error
    try:
        connection = dbapi.connect(login.conninfo, dict(_OPTIONS[types]))
    except Error as error:
        raise _refused(login, str(error)) from None
    try:
        with sentences(login):
            yield connection
    finally:
        # The server rolls back on its own when the connection is gone already.
        with suppress(Error):
            connection.close()


@contextmanager
def sentences(login: Login) -> Iterator[None]:
    """The server's errors as errors of the tree."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        raise _failed(login, error) from None


_LEVEL = "read committed"
_UNREAD = "ReadRecord failed"

#: For a statement of few rows or none: by COPY each would be up to four round trips, not one.
_AT_ONCE = {"adbc.postgresql.use_copy": "false"}


def run(connection: Connection, sql: str, values: Sequence[Any] = ()) -> None:
    """Run a statement that returns nothing."""
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**_AT_ONCE)
        cursor.execute(sql, tuple(values) or None)


def rows(connection: Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement and fetch its few rows."""
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**_AT_ONCE)
        cursor.execute(sql, tuple(values) or None)
        return list(cursor.fetchall())


def begin(connection: Connection, settings: Mapping[str, str]) -> None:
    """Let the transaction have settings, and each statement see what others have committed.

    With one snapshot for all, as a user's or a database's default may be, what has waited for a
    lock would not see what its holder left.
    """
    if set_local(connection, settings) != _LEVEL:
        connection.rollback()
        run(connection, f"SET TRANSACTION ISOLATION LEVEL {_LEVEL}")
        set_local(connection, settings)


def set_local(connection: Connection, settings: Mapping[str, str]) -> str:
    """Set server settings for the rest of the transaction; how it is isolated."""
    calls = [f"set_config(${i}, ${i + 1}, true)" for i in range(1, 2 * len(settings), 2)]
    values = [text for setting in settings.items() for text in setting]
    asked = ", ".join(["current_setting('transaction_isolation')", *calls])
    return str(rows(connection, f"SELECT {asked}", values)[0][0])


def said(error: AdbcError) -> str:
    """What the server said, without the query it quotes."""
    text = str(error).split("\n\nQuery was")[0]
    found = _SAID.search(text)
    return " ".join((found.group(1) if found else text).split())


def _refused(login: Login, text: str) -> ConnectorError:
    words = login.clean(" ".join(text.split()).split("failed: ", 1)[-1])
    kind = TransientError if any(word in words for word in _LATER) else ConnectorError
    hint = next((hint for word, hint in _REFUSALS.items() if word in words), None)
    return kind(f"PostgreSQL at {login.where} cannot be reached: {words}", hint=hint)


def _failed(login: Login, error: AdbcError) -> ConnectorError:
    from adbc_driver_manager import OperationalError

    state = error.sqlstate or ""
    lost = not state and isinstance(error, OperationalError)
    words = login.clean(said(error))
    if lost and _UNREAD in words:
        return ConnectorError(
            f"PostgreSQL at {login.where} sent a value that the client cannot read: {words}",
            hint="cast the column that holds it in the query: to text, or by to_jsonb(x)",
        )
    if lost:
        return TransientError(f"The connection to PostgreSQL at {login.where} broke: {words}")
    kind = TransientError if state.startswith(_TRANSIENT) else ConnectorError
    return kind(f"PostgreSQL at {login.where} refused: {words}", hint=_HINTS.get(state))
