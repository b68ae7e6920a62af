"""Speak to a SQL warehouse: connect, run statements, and turn its errors into sentences."""

from __future__ import annotations

import logging
import re
import socket
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lume_dagster.connectors.hidden import without_secrets
from lume_dagster.connectors.patience import attempts
from lume_dagster.errors import ConnectorError, MissingExtraError, TransientError

if TYPE_CHECKING:
    import pyarrow as pa
    from databricks.sql.client import Connection

Values = Mapping[str, Any]

#: Delta's conflicts: another writer was quicker, and the same statement may succeed now.
_CONFLICTS = (
    *("DELTA_CONCURRENT_", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED"),
    *("ConcurrentAppendException", "ConcurrentDeleteReadException", "MetadataChangedException"),
    *("ConcurrentDeleteDeleteException", "ConcurrentTransactionException"),
)
#: What the server says when the same call may succeed later.
_LATER = (
    *("TEMPORARILY_UNAVAILABLE", "RESOURCE_EXHAUSTED", "is starting", "is stopped", "timed out"),
    *("Max retries exceeded", "Connection aborted", "Connection reset", "max retry duration"),
    *("too many", "Too many", "REQUEST_LIMIT_EXCEEDED"),
)
_LATER_HTTP = {429, 500, 502, 503, 504}

#: What a person should do, by a word of the server's.
_HINTS: Mapping[str, str] = {
    "Invalid access token": "check the connector's access_token, and whether it has expired",
    "INSUFFICIENT_PERMISSIONS": "have the owner GRANT it",
    "PERMISSION_DENIED": "have the owner GRANT it",
    "NO_SUCH_CATALOG": "check the connector's catalog",
    "CATALOG_NOT_FOUND": "check the connector's catalog",
    "SCHEMA_NOT_FOUND": "check the connector's schema_name, or name the schema in the query",
    "TABLE_OR_VIEW_NOT_FOUND": "name the table as schema.table or catalog.schema.table",
    "NOT_NULL_CONSTRAINT": "the table says NOT NULL where the flow leaves the field empty",
    "CHECK_CONSTRAINT": "the table has a CHECK constraint that the batch breaks",
    "(HTTP 401)": "check the connector's access_token, or its client_id and client_secret",
    "(HTTP 403)": "check the connector's access_token, and the right to use the warehouse",
    "(HTTP 404)": "check the connector's http_path",
    "QUERY_TIMEOUT": "raise statement_timeout_seconds, or make the query lighter",
    "STATEMENT_TIMEOUT": "raise statement_timeout_seconds, or make the query lighter",
    "PARSE_SYNTAX_ERROR": "a source query is one SELECT in the SQL of Databricks",
}
#: A delivery whose files another took away may be tried again.
_TAKEN_OVER = re.compile(
    r"PATH_NOT_FOUND.*/lume-[0-9a-f]{16}-|NOT_EXIST.*/lume-[0-9a-f]{16}-"
    r"|/lume-[0-9a-f]{16}-\S+ not found",
    re.DOTALL,
)
_TAKEN_OVER_HINT = "another delivery of the batch took its files away; deliver again"

#: Loggers of the client: the first shows signed URLs and values at DEBUG, the other says as an
#: error what is raised as one.
_UNHEARD = ("databricks.sql.unsafe", "databricks.sql.backend.thrift_backend")

_TAIL = re.compile(r"[\s;,.]*(;\s*line \d+.*|\n\n?JVM stacktrace.*|== SQL.*)", re.DOTALL)
_STATUS = re.compile(r"unsuccessful: (\d{3})-")  # of a file that was to be moved


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to connect, and how long to wait. Only ``host`` is ever shown."""

    host: str  # with its scheme
    http_path: str
    credentials: Callable[[], Mapping[str, Any]] = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    connect_seconds: float
    conflict_seconds: float

    def clean(self, text: str) -> str:
        """The text without any secret."""
        return without_secrets(text, self.secrets)


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection and the login it was made with."""

    login: Login
    connection: Connection = field(repr=False)

    def rows(self, sql: str, values: Values | None = None) -> list[tuple[Any, ...]]:
        """Run a statement and fetch its few rows."""
        with sentences(self.login), self.connection.cursor() as cursor:
            cursor.execute(sql, dict(values) if values else None)
            return [tuple(row) for row in cursor.fetchall()]

    def schema(self, query: str) -> pa.Schema:
        """The columns of a query, as Arrow has them."""
        with sentences(self.login), self.connection.cursor() as cursor:
            return cursor.execute(query).fetchall_arrow().schema

    def run(self, sql: str, values: Values | None = None) -> None:
        """Run a statement that moves a file or makes a thing; it returns nothing of interest."""
        with sentences(self.login), self.connection.cursor() as cursor:
            cursor.execute(sql, dict(values) if values else None)

    def write(self, sql: str, values: Values | None = None) -> None:
        """Run a statement that may be repeated, again while other writers are quicker."""
        for _ in attempts(self.login.conflict_seconds):
            try:
                return self.run(sql, values)
            except TransientError as error:
                if not any(word in error.message for word in _CONFLICTS):
                    raise
        return self.run(sql, values)


def checked_host(text: str) -> str:
    """A workspace's host with its scheme.

    ``http://`` is for a server on this machine: a token is sent over no other wire in the clear.
    """
    host = text if "://" in text else f"https://{text}"
    parts = urlsplit(host.rstrip("/"))
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    fits = parts.scheme == "https" or (parts.scheme == "http" and local)
    plain = parts.hostname and not (parts.path or parts.query or parts.username or " " in host)
    if not (fits and plain):
        raise ConnectorError(
            "The connector's server_hostname is not the host of a Databricks workspace.",
            hint="write it as its connection details show it: dbc-a1b2c3d4.cloud.databricks.com",
        )
    return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def connected(login: Login, *, staging: Sequence[str] = ()) -> Iterator[Session]:
    """A session that closes with the context; files are sent only from folders of ``staging``."""
    try:
        from databricks import sql
        from databricks.sql.exc import Error
    except ImportError as error:
        raise MissingExtraError.for_extra("DatabricksConnector", "databricks") from error
    for name in _UNHEARD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _reach(login)
    host = urlsplit(login.host)
    uri = None if host.scheme == "https" else f"{login.host}/{login.http_path.lstrip('/')}"
    with _no_session(login):
        connection = sql.connect(
            host.netloc,
            login.http_path,
            staging_allowed_local_path=list(staging),
            _connection_uri=uri,
            **login.options,
            **login.credentials(),
        )
    try:
        yield Session(login, connection)
    finally:
        # The warehouse ends a session on its own when nobody speaks to it any more.
        with suppress(Error):
            connection.close()


def _reach(login: Login) -> None:
    """Say at once that there is no such host: the client would try for minutes."""
    parts = urlsplit(login.host)
    host, port = str(parts.hostname), parts.port or 443
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    try:
        socket.create_connection((host, port), timeout=login.connect_seconds).close()
    except OSError as error:
        kind = ConnectorError if isinstance(error, socket.gaierror) else TransientError
        raise kind(
            f"Databricks at {host} cannot be reached: {error}",
            hint="check the connector's server_hostname, and the network between",
        ) from None


@contextmanager
def _no_session(login: Login) -> Iterator[None]:
    from databricks.sql.exc import Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (Error, HTTPError, OSError, ValueError, RuntimeError) as error:
        raise _said(login, error, "lets nobody in") from None


@contextmanager
def sentences(login: Login) -> Iterator[None]:
    """The client's and the server's errors as errors of the tree."""
    from databricks.sql.exc import Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (Error, HTTPError) as error:
        raise _said(login, error, "refused") from None


def _said(login: Login, error: Exception, verb: str) -> ConnectorError:
    words = login.clean(words_of(error))
    hint = next((hint for word, hint in _HINTS.items() if word in words), None)
    hint = _TAKEN_OVER_HINT if _TAKEN_OVER.search(words) else hint
    kind = TransientError if _is_transient(error, words) else ConnectorError
    return kind(f"Databricks at {urlsplit(login.host).hostname} {verb}: {words}", hint=hint)


def words_of(error: Exception) -> str:
    """What was said, without the query it quotes and without a stack."""
    context: Mapping[str, Any] = getattr(error, "context", None) or {}
    reason = str(context.get("error-message") or "").strip(": ")
    code = f" (HTTP {context['http-code']})" if context.get("http-code") else ""
    return " ".join(_TAIL.sub("", reason or str(error)).split())[:1000] + code


def _is_transient(error: Exception, words: str) -> bool:
    context: Mapping[str, Any] = getattr(error, "context", None) or {}
    found = _STATUS.search(words)
    status = context.get("http-code") or (found and found[1])
    if status and int(status) in _LATER_HTTP:
        return True
    from urllib3.exceptions import HTTPError

    lost = isinstance(error, HTTPError) or bool(_TAKEN_OVER.search(words))
    return lost or any(word in words for word in (*_CONFLICTS, *_LATER))


def identifier(*parts: str) -> str:
    """A quoted name of one or more parts."""
    from sqlglot import exp

    quoted: Sequence[str] = [exp.to_identifier(p, quoted=True).sql("databricks") for p in parts]
    return ".".join(quoted)


def literal(text: str) -> str:
    """A text where Databricks takes no parameter: a path, a comment."""
    from sqlglot import exp

    return exp.Literal.string(text).sql("databricks")
