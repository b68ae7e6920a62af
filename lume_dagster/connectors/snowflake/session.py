"""Speak to Snowflake: connect, run statements, and turn its errors into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.snowflake.login import Login
from lume_dagster.errors import ConnectorError, MissingExtraError, TransientError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection
    from snowflake.connector.errors import Error as SnowflakeError

_RIGHTS = "have the owner GRANT the right to the connector's role, or set another role"
_RENEW = "the token has expired or is not valid; make a new one"

#: What a person should do about an error's number.
_HINTS: Mapping[int, str] = {
    606: "set the connector's warehouse to one that its role may use",
    625: "many deliveries wait for one table; it is tried again later",
    630: "raise statement_timeout_seconds, or make the query lighter",
    1003: "check the query's syntax",
    2003: f"check the name and its spelling (upper case?); {_RIGHTS}",
    2043: f"check the name and its spelling (upper case?); {_RIGHTS}",
    3001: _RIGHTS,
    90105: "set the connector's database",
    90106: "set the connector's schema, or write schema.table",
    100072: "the table says NOT NULL where the flow leaves the field empty",
    100132: "check the query's syntax",
    250001: "check the connector's account (or host and port), and the network between",
    251012: "check the connector's account (or host and port), and the network between",
    290404: "check the connector's account",
    390100: "check the connector's user and password",
    390101: "the user is locked; an administrator unlocks it",
    390144: "check the account's and user's names, and that the user has the key's public half "
    "(ALTER USER ... SET RSA_PUBLIC_KEY)",
    390189: "check the connector's role, and that the user has it",
    390201: "check the connector's database, schema and warehouse, and the role's right to them",
    390303: _RENEW,
    390318: _RENEW,
    394400: _RENEW,
}

#: After these the same call may succeed: lost or expired sessions, locks, a service that is busy.
_TRANSIENT = frozenset(
    {604, 625, 626, 628, 629, 250002, 250003, 250005, 251011, 251012}
    | {290000 + status for status in (408, 429, 500, 502, 503, 504)}
    | {390103, 390104, 390110, 390111, 390112, 390114, 390195}
)
_LOCKED = ("has locked", "lock timeout", "deadlock")
_BEFORE = re.compile(
    r"^(\d{6}(: \d{6})?( \(\w+\))?: )?(SQL (compilation|access control) error: ?)?"
)

#: The client would ask the metadata services of three clouds at every login where it runs, for its
#: maker's statistics: up to 0.2 seconds where none answers. The connector's own arguments win.
_OURS: Mapping[str, Any] = {"platform_detection_timeout_seconds": 0.0}

#: The hundreds of thousands in which the client's own numbers lie; the service's stand below.
_CLIENT = range(250_000, 400_000)


@contextmanager
def connected(login: Login) -> Iterator[SnowflakeConnection]:
    """A session that commits each statement; it ends with the context, and its temporary tables.

    Raises:
        MissingExtraError: the packages are not installed.
    """
    try:
        import snowflake.connector as snowflake
        from snowflake.connector.errors import Error
    except ImportError as error:
        raise MissingExtraError.for_extra("SnowflakeConnector", "snowflake") from error
    try:
        connection = snowflake.connect(
            application="lume_dagster",
            paramstyle="qmark",
            autocommit=True,
            arrow_number_to_decimal=True,
            validate_default_parameters=True,
            **{**_OURS, **login.arguments},
        )
    except Error as error:
        raise _refused(login, error) from None
    except (TypeError, ValueError) as error:  # of arguments that do not go together
        raise ConnectorError(f"The login is not complete: {login.clean(str(error))}") from None
    try:
        with sentences(login):
            yield connection
    finally:
        # The service ends the session on its own when the connection is gone already.
        with suppress(Error):
            connection.close()


@contextmanager
def sentences(login: Login) -> Iterator[None]:
    """Snowflake's errors as errors of the tree."""
    from snowflake.connector.errors import Error

    try:
        yield
    except Error as error:
        raise _failed(login, error) from None


@contextmanager
def transaction(connection: SnowflakeConnection) -> Iterator[None]:
    """One transaction, rolled back unless the block commits. DDL inside it would commit it."""
    from snowflake.connector.errors import Error

    run(connection, "BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        # Not said: the first error is the one to tell, and a lost session rolls back by itself.
        with suppress(Error):
            run(connection, "ROLLBACK")
        raise


def run(connection: SnowflakeConnection, sql: str, values: Sequence[Any] = ()) -> int:
    """Run a statement that returns nothing; how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, tuple(values) or None)
        return cursor.rowcount or 0


def rows(
    connection: SnowflakeConnection, sql: str, values: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Run a statement and fetch its few rows, by the names of their columns in lower case."""
    with connection.cursor() as cursor:
        cursor.execute(sql, tuple(values) or None)
        names = [column.name.lower() for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def compiles(connection: SnowflakeConnection, sql: str) -> SnowflakeError | None:
    """Have a statement checked, names and rights too, but not run; the error if there is one."""
    from snowflake.connector.errors import ProgrammingError

    with connection.cursor() as cursor:
        try:
            cursor.describe(sql)
        except ProgrammingError as error:
            return error
    return None


def said(error: SnowflakeError) -> str:
    """What the service said, on one line, without numbers before it."""
    text = " ".join((error.raw_msg or error.msg or type(error).__name__).split())
    return _BEFORE.sub("", text)


def _refused(login: Login, error: SnowflakeError) -> ConnectorError:
    number = error.errno or 0
    words = login.clean(said(error)).removeprefix(f"Failed to connect to DB: {login.where}. ")
    transient = number in _TRANSIENT and number not in {251012, 250003}
    kind = TransientError if transient else ConnectorError
    return kind(
        f"Snowflake at {login.where} cannot be reached or does not let the user in: {words}",
        hint=_HINTS.get(number, _HINTS[250001] if number // 1000 in {250, 251, 290} else None),
    )


def _failed(login: Login, error: SnowflakeError) -> ConnectorError:
    from snowflake.connector.errors import OperationalError

    number, words = error.errno or 0, login.clean(said(error))
    locked = any(word in words.lower() for word in _LOCKED)
    lost = isinstance(error, OperationalError) and number // 1000 in {250, 251, 290}
    if lost or (number in _TRANSIENT and number in _CLIENT):
        return TransientError(f"The connection to Snowflake at {login.where} broke: {words}")
    kind = TransientError if number in _TRANSIENT or locked else ConnectorError
    query = f" (query {error.sfqid})" if error.sfqid else ""
    return kind(f"Snowflake at {login.where} refused: {words}{query}", hint=_HINTS.get(number))
