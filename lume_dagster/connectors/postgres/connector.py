"""A PostgreSQL database as source and as target, through ADBC both ways."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.postgres.load import load
from lume_dagster.connectors.postgres.read import (
    SOURCE_PATH,
    has_unknown_types,
    only_read,
    stream,
)
from lume_dagster.connectors.postgres.session import (
    Login,
    Types,
    begin,
    connected,
    login_from_parts,
    login_from_uri,
    rows,
    sentences,
)
from lume_dagster.connectors.postgres.shape import (
    MAX_NAME_BYTES,
    refuse_missing_rights,
    refuse_names,
    refuse_other_shapes,
    tables_there,
)
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Reading, Receipt
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.connectors.sql.bound_query import as_text, bind_source_path
from lume_dagster.connectors.sql.read_back import read_back
from lume_dagster.connectors.sql.tables import Tables, parse_table
from lume_dagster.errors import ConnectorError, counted

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection

_ONLY_READS = "current_setting('transaction_read_only')::boolean"
_WHY_ONLY_READS = "it is a standby, or default_transaction_read_only is on"
_JSON_KEYS = "SELECT json_array_elements_text(CAST(:source_path AS json))"


class PostgresConnector(ConnectorResource):
    """A PostgreSQL database, by host, database, user and password, or by ``uri``.

    Give secrets as ``EnvVar``. A source query runs read-only and is streamed; ``numeric(p,s)`` with
    a declared precision arrives as an exact decimal, any other ``numeric`` as text, and types that
    Arrow does not know are refused with the cast to write.
    """

    kind: ClassVar[str] = "postgres"
    secret_fields: ClassVar[frozenset[str]] = frozenset({"password", "uri"})

    host: str = "localhost"
    port: int = 5432
    database: str = "postgres"
    user: str | None = None
    password: str | None = None
    sslmode: str = "prefer"
    sslrootcert: str | None = None  # files in PEM form: who signs servers' certificates
    sslcert: str | None = None  # and ours
    sslkey: str | None = None
    uri: str | None = None
    default_schema: str = "public"
    connect_timeout_seconds: int = 10
    lock_timeout_seconds: float = 60.0
    statement_timeout_seconds: float = 0.0  # 0: none
    memory_limit: str = "1GB"  # of the embedded engine that reads the batch's files

    def check(self, delivery: Delivery) -> None:
        """Refuse a table of another shape, names too long, and a user without rights."""
        refuse_names(delivery)
        with self._session() as connection:
            tables = self._tables(connection, delivery.table)
            there = tables_there(connection, tables)
            refuse_other_shapes(delivery, tables, there)
            refuse_missing_rights(connection, tables, there)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Move a batch into its tables in one transaction."""
        refuse_names(delivery)
        with self._session() as connection, scratch_database(self.text("memory_limit")) as scratch:
            checkpoint("connected")
            tables = self._tables(connection, delivery.table)
            return load(connection, scratch, delivery, tables, checkpoint)

    @contextmanager
    def read(self, query: str, source_path: str) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query, streamed."""
        import pyarrow as pa

        bound = bind_source_path(query, SOURCE_PATH, "postgres")
        with self._reading(bound, as_text(source_path)) as connection:
            schema, rows = stream(connection, bound)
            first = next(rows, None)  # what goes wrong at once is said at once
            batches = _batches(self._login, first, rows)
            try:
                yield pa.RecordBatchReader.from_batches(schema, batches)
            finally:
                batches.close()

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, streamed."""
        with self._session() as connection:
            tables = self._tables(connection, reading.table, written=False)
        query, keys = read_back(tables, reading, "postgres", _JSON_KEYS)
        with self.read(query, keys) as reader:
            yield reader

    def test(self) -> Iterator[str]:
        """Connect, and say as whom and what may be done."""
        with self._session() as connection:
            version, user, database, only_reads = rows(
                connection,
                "SELECT current_setting('server_version'), current_user::text, "
                f"current_database()::text, {_ONLY_READS}",
            )[0]
            yield f"PostgreSQL {version} at {self._login.where} lets {user} into {database}."
            may = rows(
                connection,
                "SELECT count(*) FILTER (WHERE has_schema_privilege(oid, 'USAGE')), "
                "count(*) FILTER (WHERE has_schema_privilege(oid, 'CREATE')) "
                "FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'",
            )[0]
            if not may[0]:
                raise ConnectorError(f"The user {user} may use no schema of {database}.")
            yield f"{user} may use {counted(may[0], 'schema')}."
            if only_reads:
                yield f"{user} may only read here ({_WHY_ONLY_READS}): it can be no target."
            elif may[1]:
                yield f"{user} may create tables in {counted(may[1], 'schema')}."
            else:
                yield f"{user} may create no table: only tables that are there can be targets."

    @property
    def _login(self) -> Login:
        uri = self.optional_text("uri")
        if uri is not None:
            return login_from_uri(uri, self.connect_timeout_seconds)
        parts = {
            "host": self.text("host"),
            "port": str(self.number("port")),
            "dbname": self.text("database"),
            "user": self.optional_text("user") or "",
            "password": self.optional_text("password") or "",
            "sslmode": self.text("sslmode"),
            **{
                name: self.optional_text(name) or ""
                for name in ("sslrootcert", "sslcert", "sslkey")
            },
        }
        return login_from_parts(parts, self.connect_timeout_seconds)

    @contextmanager
    def _session(self, types: Types = "builtin") -> Iterator[Connection]:
        with connected(self._login, types) as connection:
            limits = {
                "lock_timeout": self.lock_timeout_seconds,
                "statement_timeout": self.statement_timeout_seconds,
            }
            begin(connection, {name: f"{int(s * 1000)}ms" for name, s in limits.items()})
            yield connection

    @contextmanager
    def _reading(self, query: str, source_path: str) -> Iterator[Connection]:
        """A session for a query that knows the types of its columns."""
        with self._session() as connection:
            only_read(connection, source_path)
            if not has_unknown_types(connection, query):
                yield connection
                return
        with self._session("server") as connection:
            only_read(connection, source_path)
            yield connection

    def _tables(self, connection: Connection, table: str, *, written: bool = True) -> Tables:
        """The tables of a name; for a target, a server that may only be read is refused."""
        query = f"SELECT current_database()::text, {_ONLY_READS}"
        database, only_reads = rows(connection, query)[0]
        if written and only_reads:
            raise ConnectorError(
                f"PostgreSQL at {self._login.where} may only be read: {_WHY_ONLY_READS}.",
                hint="name the primary in the connector, or a user who may write",
            )
        schema = self.text("default_schema")
        return parse_table(table, database=database, schema=schema, max_bytes=MAX_NAME_BYTES)


def _batches(
    login: Login, first: pa.RecordBatch | None, rest: Iterator[pa.RecordBatch]
) -> Generator[pa.RecordBatch, None, None]:
    if first is not None:
        yield first
    with sentences(login):
        yield from rest
