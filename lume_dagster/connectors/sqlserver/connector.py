"""A Microsoft SQL Server database as source and as target, through bulk copy and Arrow fetch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Reading, Receipt
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.connectors.sql.bound_query import as_text
from lume_dagster.connectors.sql.read_back import read_back
from lume_dagster.connectors.sqlserver.load import load
from lume_dagster.connectors.sqlserver.read import JSON_KEYS, bind, exactly, pieces
from lume_dagster.connectors.sqlserver.session import Login, Session, connected, sentences
from lume_dagster.connectors.sqlserver.shape import (
    Place,
    find_place,
    refuse_missing_rights,
    refuse_names,
    refuse_other_shapes,
    tables_there,
)
from lume_dagster.connectors.sqlserver.statement import DIALECT
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import pyarrow as pa
    from mssql_python import Cursor

#: Ways to log in with Microsoft Entra ID that both reading and bulk copy know.
AUTHENTICATIONS = (
    "ActiveDirectoryDefault",
    "ActiveDirectoryDeviceCode",
    "ActiveDirectoryInteractive",
    "ActiveDirectoryMSI",
    "ActiveDirectoryServicePrincipal",
)
_ENCRYPTIONS = ("yes", "no", "strict", "mandatory", "optional")


class SQLServerConnector(ConnectorResource):
    r"""A SQL Server, Azure SQL Database or Managed Instance, by host, database, user and password.

    Give secrets as ``EnvVar``. With ``authentication`` the login is one of Microsoft Entra ID, as
    the driver calls them (``ActiveDirectoryMSI``, ``ActiveDirectoryServicePrincipal``, ...);
    ``user`` and ``password`` are then the client's id and secret. ``host`` may name an instance:
    ``server\name``. A source query is one SELECT, read in a transaction that is rolled back.
    """

    kind: ClassVar[str] = "sqlserver"
    secret_fields: ClassVar[frozenset[str]] = frozenset({"password"})

    host: str = "localhost"
    port: int = 1433
    database: str = "master"
    user: str | None = None
    password: str | None = None
    authentication: str | None = None
    encrypt: str = "yes"
    trust_server_certificate: bool = False
    host_name_in_certificate: str | None = None
    read_only_replica: bool = False  # read from a readable secondary, where there is one
    default_schema: str = "dbo"
    connect_timeout_seconds: int = 15
    lock_timeout_seconds: float = 60.0
    statement_timeout_seconds: int = 0  # 0: none
    memory_limit: str = "1GB"  # of the embedded engine that reads the batch's files

    def check(self, delivery: Delivery) -> None:
        """Refuse a table of another shape, names too long, and a user without rights."""
        with connected(self.login()) as session:
            place = self._place(session, delivery.table)
            refuse_names(delivery, place)
            refuse_other_shapes(delivery, place, tables_there(session, place))
            refuse_missing_rights(session, place.tables)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Stage a batch in the database, then move it into its tables in one transaction."""
        with (
            connected(self.login()) as session,
            scratch_database(self.text("memory_limit")) as scratch,
        ):
            checkpoint("connected")
            place = self._place(session, delivery.table)
            refuse_names(delivery, place)
            return load(session, scratch, delivery, place, checkpoint)

    @contextmanager
    def read(self, query: str, source_path: str) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query, streamed."""
        import pyarrow as pa

        bound, count = bind(query)
        login = self.login(self._read_options())
        with connected(login) as session:
            # Closing the connection rolls back.
            session.connection.setautocommit(False)
            with session.connection.cursor() as cursor:
                cursor.execute(bound, [as_text(source_path)] * count)
                schema = cursor.arrow_batch(0).schema
                batches = _batches(login, cursor)
                try:
                    yield pa.RecordBatchReader.from_batches(schema, batches)
                finally:
                    batches.close()

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, streamed."""
        with connected(self.login()) as session:
            place = self._place(session, reading.table)
        name = place.ledger_name
        query, keys = read_back(
            place.tables, reading, DIALECT, JSON_KEYS, ledger_name=name, rewrite=exactly
        )
        with self.read(query, keys) as reader:
            yield reader

    def test(self) -> Iterator[str]:
        """Connect, and say as whom and what may be done."""
        login = self.login()
        with connected(login) as session:
            version, user, database, may = session.rows(
                "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), SUSER_SNAME(), "
                "DB_NAME(), HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE')"
            )[0]
            yield f"SQL Server {version} at {login.where} lets {user} into {database}."
            if may:
                yield f"{user} may create tables in {database}."
            else:
                yield f"{user} may create no table in {database}, so it can only be a source."

    def _place(self, session: Session, table: str) -> Place:
        return find_place(session, table, self.text("default_schema"))

    def _read_options(self) -> Mapping[str, str]:
        return {"ApplicationIntent": "ReadOnly"} if self.read_only_replica else {}

    def login(self, more: Mapping[str, str] | None = None) -> Login:
        """Where and as whom to connect; ``more`` are options of the driver."""
        host, port, database = self.text("host"), self.number("port"), self.text("database")
        server = host if "\\" in host else f"{host},{port}"
        password = self.optional_text("password")
        given = {
            "Server": server,
            "Database": database,
            "UID": self.optional_text("user"),
            "PWD": password,
            "Authentication": _one_of("authentication", self.optional_text("authentication")),
            "Encrypt": _one_of("encrypt", self.text("encrypt")),
            "TrustServerCertificate": "yes" if self.trust_server_certificate else "no",
            "HostnameInCertificate": self.optional_text("host_name_in_certificate"),
            # A connection that is opened again behind our back has lost its locks.
            "ConnectRetryCount": "0",
            **(more or {}),
        }
        return Login(
            where=f"{server.replace(',', ':')}/{database}",
            options={name: value for name, value in given.items() if value is not None},
            secrets=(password,) if password else (),
            connect_timeout=self.number("connect_timeout_seconds"),
            lock_timeout=float(self.lock_timeout_seconds),
            statement_timeout=self.number("statement_timeout_seconds"),
        )


def _one_of(field: str, value: str | None) -> str | None:
    known = {"authentication": AUTHENTICATIONS, "encrypt": _ENCRYPTIONS}[field]
    if value is not None and value.casefold() not in {word.casefold() for word in known}:
        raise ConnectorError(
            f"The connector's {field} is {value!r}, which the driver does not take.",
            hint=f"known: {', '.join(known)}",
        )
    return value


def _batches(login: Login, cursor: Cursor) -> Generator[pa.RecordBatch, None, None]:
    with sentences(login):
        yield from pieces(cursor)
