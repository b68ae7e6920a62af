"""Speak to a SQL Server: connect, run statements, take locks, turn its errors into sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.hidden import without_secrets
from lume_dagster.connectors.sqlserver.faults import as_error, as_refusal, said
from lume_dagster.errors import ConnectorError, MissingExtraError, TransientError

if TYPE_CHECKING:
    import pyarrow as pa
    from mssql_python import Connection

_NO_LIBRARY = "Failed to load the driver"
_LIBRARIES = "apt-get install libltdl7 libkrb5-3 libgssapi-krb5-2 (or what your system calls them)"
_TAKE_LOCK = """\
SET NOCOUNT ON; DECLARE @held int;
EXEC @held = sys.sp_getapplock @Resource = ?, @LockMode = N'Exclusive', @LockOwner = {owner},
     @LockTimeout = ?;
SELECT @held"""

#: What every session begins with: errors roll back, waits end, and words are the same whoever logs
#: in; then the database, and whether names that differ in case only are one name there.
_BEGIN = """\
SET XACT_ABORT ON; SET LOCK_TIMEOUT {patience}; SET LANGUAGE us_english;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT DB_NAME(), CASE WHEN N'a' = N'A' THEN 1 ELSE 0 END"""

_MOST_VALUES = 2000  # of one request; SQL Server takes 2,100

#: What bulk copy raises: its core knows no classes of its own.
_BULK_ERRORS = (RuntimeError, ValueError, TypeError, OverflowError)
_NO_LOCK = -999  # what sp_getapplock answers to a call that makes no sense
_OWNERS = {"transaction": "N'Transaction'", "session": "N'Session'"}


@dataclass(frozen=True, slots=True)
class Login:
    """Where, as whom and how patiently to connect. Nothing of it but ``where`` is ever shown."""

    where: str
    options: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    connect_timeout: int = 15
    lock_timeout: float = 60.0
    statement_timeout: int = 0  # seconds; 0: none

    def clean(self, text: str) -> str:
        """The text without any secret."""
        return without_secrets(text, self.secrets)


class Session:
    """A connection, and what is known of the server behind it."""

    def __init__(self, connection: Connection, login: Login) -> None:
        self.connection = connection
        self.login = login
        self.database, self.folds_case = "", True

    def begin(self) -> None:
        """Set what every session works with, and look where it is."""
        patience = int(self.login.lock_timeout * 1000)
        database, folds_case = self.rows(_BEGIN.format(patience=patience))[0]
        self.database, self.folds_case = str(database), bool(folds_case)

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement that returns nothing."""
        self.run_all([(sql, values)])

    def run_all(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Run statements that return nothing, one after the other, in as few requests as can be."""
        for text, values in _together(statements):
            with self.connection.cursor() as cursor:
                cursor.execute(text, values)
                while cursor.nextset():  # the error of a later statement is told here
                    pass

    def attempt(self, act: Callable[[], None]) -> None:
        """Do something whose failure is an error of the tree, also where another is on its way."""
        with sentences(self.login):
            act()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and fetch its few rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, list(values))
            return [tuple(row) for row in cursor.fetchall()]

    def copy(self, reader: pa.RecordBatchReader, table: str) -> int:
        """Bulk copy a stream into a table, over a connection and in a transaction of its own."""
        names = list(reader.schema.names)
        with sentences(self.login, also=_BULK_ERRORS), self.connection.cursor() as cursor:
            done = cursor.bulkcopy_arrow(
                table,
                reader,
                timeout=self.login.statement_timeout,
                table_lock=True,
                column_mappings=names,
            )
        return int(done["rows_copied"])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A block that is committed by ``commit``, else rolled back."""
        self.connection.setautocommit(False)
        try:
            yield
        except BaseException:
            # The server rolls back on its own when the connection is gone already.
            with suppress(*driver_errors()):
                self.connection.rollback()
            raise
        finally:
            with suppress(*driver_errors()):
                self.connection.setautocommit(True)

    def commit(self) -> None:
        """Make what the transaction changed visible."""
        self.connection.commit()

    def unlock(self, what: str) -> None:
        """Give back a lock that this session owns."""
        self.run(
            "EXEC sys.sp_releaseapplock @Resource = ?, @LockOwner = N'Session'", (_lock_name(what),)
        )

    def lock(self, what: str, *, owner: str = "transaction", patient: bool = True) -> bool:
        """An application lock until the end of its owner; False where it is not to be had."""
        patience = int(self.login.lock_timeout * 1000) if patient else 0
        sql = _TAKE_LOCK.format(owner=_OWNERS[owner])
        answer = self.rows(sql, (_lock_name(what), patience))[0][0]
        if answer >= 0:
            return True
        if answer == _NO_LOCK:
            raise ConnectorError(f"SQL Server at {self.login.where} gives no application lock.")
        if not patient:
            return False
        held = what.split(maxsplit=1)[0]
        raise TransientError(
            f"SQL Server at {self.login.where}: another delivery holds the {held} "
            f"since {self.login.lock_timeout:g} seconds.",
            hint="raise lock_timeout_seconds or wait",
        )


def _lock_name(what: str) -> str:
    """The server compares 255 characters of a name, so it gets a hash."""
    return f"lume {hashlib.sha256(what.encode()).hexdigest()}"


@contextmanager
def connected(login: Login) -> Iterator[Session]:
    """A session whose statements commit one by one, outside of ``transaction``."""
    connection = _connect(login)
    try:
        with sentences(login):
            session = Session(connection, login)
            session.begin()
            yield session
    finally:
        # The server rolls back on its own when the connection is gone already.
        with suppress(*driver_errors()):
            connection.close()


@contextmanager
def sentences(login: Login, *, also: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """The driver's errors as errors of the tree; ``also`` are errors of Python that it raises."""
    try:
        yield
    except (*driver_errors(), *also) as error:
        raise as_error(error, login.where, login.clean(said(error))) from None


def driver_errors() -> tuple[type[Exception], ...]:
    """What the driver raises of its own."""
    from mssql_python.exceptions import ConnectionStringParseError
    from mssql_python.exceptions import Exception as DriverError

    return (DriverError, ConnectionStringParseError)


def _together(
    statements: Sequence[tuple[str, Sequence[Any]]],
) -> Iterator[tuple[str, list[Any]]]:
    """Statements joined to requests, each with no more values than the server takes."""
    texts: list[str] = []
    held: list[Any] = []
    for text, values in statements:
        if texts and len(held) + len(values) > _MOST_VALUES:
            yield ";\n".join(texts), held
            texts, held = [], []
        texts.append(text)
        held = [*held, *values]
    if texts:
        yield ";\n".join(texts), held


def _connect(login: Login) -> Connection:
    driver, options = _driver(), dict(login.options)
    try:
        connection: Connection = driver.connect(
            "", autocommit=True, timeout=login.connect_timeout, **options
        )
    except driver_errors() as error:
        if _NO_LIBRARY in str(error):
            raise MissingExtraError(
                "The driver of SQL Server cannot be loaded: a library of the system is missing.",
                hint=_LIBRARIES,
            ) from error
        raise as_refusal(error, login.where, login.clean(said(error))) from None
    connection.timeout = login.statement_timeout
    return connection


def _driver() -> Any:
    """The driver, without its pool, so that a connection that is closed is closed.

    Where the process has already decided how to pool, that stays.
    """
    try:
        import mssql_python
        from mssql_python.pooling import PoolingManager
    except ImportError as error:
        raise MissingExtraError.for_extra("SQLServerConnector", "sqlserver") from error
    if not PoolingManager.is_initialized():
        mssql_python.pooling(enabled=False)
    return mssql_python
