"""A MySQL or MariaDB database as source and as target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.mysql.load import Work, load
from lume_dagster.connectors.mysql.login import (
    Encryption,
    Login,
    login_from_parts,
    login_from_uri,
)
from lume_dagster.connectors.mysql.read import open_query
from lume_dagster.connectors.mysql.rights import refuse_missing_rights
from lume_dagster.connectors.mysql.session import Limits, Session, connected
from lume_dagster.connectors.mysql.shape import (
    DIALECT,
    compared_exactly,
    exact_collation,
    refuse_columns,
    refuse_other_shapes,
    tables_of,
    tables_there,
)
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Reading, Receipt
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.connectors.sql.bound_query import as_text, bind_source_path, times_bound
from lume_dagster.connectors.sql.read_back import read_back
from lume_dagster.errors import ConnectorError, counted

if TYPE_CHECKING:
    import pyarrow as pa


class MySQLConnector(ConnectorResource):
    """A MySQL or MariaDB database, by host, database, user and password, or by ``uri``.

    Give secrets as ``EnvVar``. A source query is prepared by the server, which binds
    ``:source_path``; it runs read-only and is streamed, exactly typed. Rows are written by LOAD
    DATA LOCAL, or by INSERTs of many rows where the server forbids it, in one transaction.
    """

    kind: ClassVar[str] = "mysql"
    secret_fields: ClassVar[frozenset[str]] = frozenset({"password", "uri"})

    host: str = "localhost"
    port: int = 3306
    database: str | None = None
    user: str | None = None
    password: str | None = None
    uri: str | None = None
    ssl_mode: str = "preferred"  # disabled, required, verify_ca or verify_identity
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    connect_timeout_seconds: int = 10
    read_timeout_seconds: int = 900  # how long the server may be silent
    lock_timeout_seconds: float = 60.0
    statement_timeout_seconds: float = 0.0  # 0: none
    local_infile: bool = True  # LOAD DATA LOCAL; without it rows are sent by INSERT
    memory_limit: str = "1GB"  # of the embedded engine that reads the batch's files

    def check(self, delivery: Delivery) -> None:
        """Refuse a table of another shape, names too long, and a user without rights."""
        with self._session() as session:
            refuse_columns(session, delivery)
            tables = tables_of(session, delivery.table)
            there = tables_there(session, tables)
            refuse_other_shapes(session, delivery, tables, there)
            refuse_missing_rights(session, tables, there)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Move a batch into its tables in one transaction."""
        with (
            self._session(local_infile=self.local_infile) as session,
            scratch_database(self.text("memory_limit")) as scratch,
        ):
            checkpoint("connected")
            # The server is slower than one thread, and each thread holds a part of the batch.
            scratch.execute("SET threads = 1")
            refuse_columns(session, delivery)
            tables = tables_of(session, delivery.table)
            work = Work(session, scratch, delivery, tables, self.lock_timeout_seconds)
            return load(work, checkpoint)

    @contextmanager
    def read(self, query: str, source_path: str) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query, streamed."""
        bound, times = bind_source_path(query, "?", DIALECT), times_bound(query, DIALECT)
        with self._session() as session:
            yield open_query(session, bound, times, as_text(source_path))

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, streamed."""
        with self._session() as session:
            tables, collation = tables_of(session, reading.table), exact_collation(session)
        asked = (
            f"SELECT asked.text_key COLLATE {collation} FROM JSON_TABLE(:source_path, '$[*]' "
            "COLUMNS (text_key LONGTEXT CHARACTER SET utf8mb4 PATH '$')) AS asked"
        )
        exactly = compared_exactly(collation)
        query, keys = read_back(tables, reading, DIALECT, asked, rewrite=exactly)
        with self.read(query, keys) as reader:
            yield reader

    def test(self) -> Iterator[str]:
        """Connect, and say as whom and what may be done."""
        with self._session() as session:
            user, databases, local = session.rows(
                "SELECT CURRENT_USER(), (SELECT COUNT(*) FROM information_schema.schemata WHERE "
                "schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')), "
                "@@GLOBAL.local_infile"
            )[0]
            login = self._login
            system, number = "MySQL", session.version
            if session.is_mariadb:
                system, number = "MariaDB", number.partition("-")[0]
            yield f"{system} {number} at {login.where} lets {user} in."
            if login.database is None and not databases:
                raise ConnectorError(
                    f"The user {user} may use no database of {login.where}.",
                    hint="GRANT the user one, and name it in the connector",
                )
            yield f"{user} sees {counted(databases, 'database')}."
            way = "LOAD DATA LOCAL" if local and self.local_infile else "INSERT"
            yield f"Rows are written by {way}."

    @property
    def _login(self) -> Login:
        encryption = Encryption(
            self.text("ssl_mode"),
            self.optional_text("ssl_ca"),
            self.optional_text("ssl_cert"),
            self.optional_text("ssl_key"),
        )
        uri = self.optional_text("uri")
        if uri is not None:
            return login_from_uri(uri, encryption)
        parts = {
            "host": self.text("host"),
            "port": self.number("port"),
            "database": self.optional_text("database"),
            "user": self.optional_text("user"),
            "password": self.optional_text("password"),
        }
        return login_from_parts(parts, encryption)

    @contextmanager
    def _session(self, *, local_infile: bool = False) -> Iterator[Session]:
        limits = Limits(
            self.connect_timeout_seconds,
            self.read_timeout_seconds,
            self.lock_timeout_seconds,
            self.statement_timeout_seconds,
        )
        with connected(self._login, limits, local_infile=local_infile) as session:
            yield session
