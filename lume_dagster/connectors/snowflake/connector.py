"""A Snowflake database as source and as target, by its own client: Parquet in, Arrow out."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.hidden import HIDDEN
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Reading, Receipt
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.connectors.snowflake.load import load
from lume_dagster.connectors.snowflake.login import Login, make_login
from lume_dagster.connectors.snowflake.names import (
    DIALECT,
    MAX_NAME_BYTES,
    Spelling,
    fold,
    quoted,
    unfold,
)
from lume_dagster.connectors.snowflake.read import bound, stream
from lume_dagster.connectors.snowflake.session import connected, rows, sentences
from lume_dagster.connectors.snowflake.shape import (
    Wanted,
    refuse_what_does_not_fit,
    wanted_tables,
)
from lume_dagster.connectors.sql.bound_query import as_text
from lume_dagster.connectors.sql.read_back import read_back
from lume_dagster.connectors.sql.tables import Tables, parse_table
from lume_dagster.errors import ConnectorError, counted

if TYPE_CHECKING:
    import pyarrow as pa
    from dagster_snowflake import SnowflakeResource
    from snowflake.connector import SnowflakeConnection

_TEXTS = (
    *("account", "user", "password", "role", "warehouse", "database", "authenticator", "token"),
    *("private_key", "private_key_path", "private_key_password", "host", "protocol"),
)
_NUMBERS = (
    *("port", "login_timeout", "network_timeout", "socket_timeout"),
    "client_prefetch_threads",
)

#: What a ``SnowflakeResource`` has under the same name.
_SHARED = (
    *("account", "user", "password", "role", "warehouse", "database", "authenticator"),
    *("private_key", "private_key_path", "private_key_password", "login_timeout"),
    *("network_timeout", "client_prefetch_threads", "additional_snowflake_connection_args"),
)


_JSON_KEYS = "SELECT VALUE::VARCHAR FROM TABLE(FLATTEN(INPUT => PARSE_JSON(:source_path)))"


class SnowflakeConnector(ConnectorResource):
    """A Snowflake database, with the fields of ``dagster-snowflake``'s ``SnowflakeResource``.

    Log in by ``password``, by key pair (``private_key`` or ``private_key_path``), or by
    ``authenticator``: ``externalbrowser``, ``oauth`` or ``programmatic_access_token`` with a
    ``token``. Give secrets as ``EnvVar``. ``from_resource`` takes over a ``SnowflakeResource``.
    """

    kind: ClassVar[str] = "snowflake"
    secret_fields: ClassVar[frozenset[str]] = frozenset(
        {"password", "private_key", "private_key_password", "token"}
    )

    account: str
    user: str | None = None
    password: str | None = None
    private_key: str | None = None  # PEM, or PEM in base64
    private_key_path: str | None = None
    private_key_password: str | None = None
    authenticator: str | None = None
    token: str | None = None
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema_: str | None = Field(default=None, alias="schema")
    host: str | None = None
    port: int | None = None
    protocol: str | None = None
    login_timeout: int = 30
    network_timeout: int = 600
    socket_timeout: int = 60  # for an answer; what runs longer answers in between
    client_prefetch_threads: int | None = None
    session_parameters: dict[str, Any] = Field(default_factory=dict)
    additional_snowflake_connection_args: dict[str, Any] = Field(default_factory=dict)
    quoted_identifiers: bool = False  # True: names as the flow writes them, order_id in lower case
    lock_timeout_seconds: int = 600  # more than the 300 a killed session may hold the lock
    statement_timeout_seconds: int = 0  # 0: the account's
    memory_limit: str = "1GB"  # of the embedded engine that prepares the batch's files

    @classmethod
    def from_resource(cls, resource: SnowflakeResource, **more: Any) -> Self:
        """A connector with the settings of a ``SnowflakeResource``; ``more`` are its own."""
        shared = {name: getattr(resource, name) for name in _SHARED}
        shared["schema"] = resource.schema_
        if resource.timezone is not None:
            shared["session_parameters"] = {"TIMEZONE": resource.timezone}
        given = {name: value for name, value in shared.items() if value is not None}
        return cls(**{**given, **more})

    def check(self, delivery: Delivery) -> None:
        """Refuse a table of another shape, names too long, and a role without rights."""
        with connected(self._login) as connection:
            wanted = self._wanted(connection, delivery)
            _refuse_idle(connection)
            refuse_what_does_not_fit(connection, wanted)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Stage a batch, then move it into its tables in one transaction."""
        with (
            connected(self._login) as connection,
            scratch_database(self.text("memory_limit")) as scratch,
        ):
            checkpoint("connected")
            wanted = self._wanted(connection, delivery)
            return load(connection, scratch, delivery, wanted, checkpoint)

    @contextmanager
    def read(self, query: str, source_path: str) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query, streamed."""
        sql, times = bound(query)
        login = self._login
        with connected(login) as connection:
            schema, batches = stream(connection, sql, [as_text(source_path)] * times, self._unspell)
            with _reader(login, schema, batches) as reader:
                yield reader

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, streamed; the columns asked for under the names asked by."""
        asked = {self._spell(name): name for name in reading.columns or ()}
        login = self._login
        with connected(login) as connection:
            tables = self._tables(connection, reading.table)
            query, keys = read_back(tables, reading, DIALECT, _JSON_KEYS)
            sql, times = bound(query)
            unspell = self._unspell
            schema, batches = stream(
                connection, sql, [keys] * times, lambda name: asked.get(name, unspell(name))
            )
            with _reader(login, schema, batches) as reader:
                yield reader

    def test(self) -> Iterator[str]:
        """Connect, and say as whom and what may be done."""
        login = self._login
        with connected(login) as connection:
            version = rows(connection, "SELECT CURRENT_VERSION() AS VERSION")[0]["version"]
            role = f" with the role {connection.role}" if connection.role else ""
            yield f"Snowflake {version} at {login.where} lets {connection.user} in{role}."
            _refuse_idle(connection)
            yield f"It works in the warehouse {connection.warehouse}."
            schemata = f"{quoted(_database(connection))}.INFORMATION_SCHEMA.SCHEMATA"
            seen = rows(connection, f"SELECT COUNT(*) AS SEEN FROM {schemata}")[0]["seen"]
            yield f"It sees {counted(seen, 'schema')} in the database {connection.database}."

    @property
    def _login(self) -> Login:
        given: dict[str, Any] = {name: self.optional_text(name) for name in _TEXTS}
        given["schema"] = self.optional_text("schema_")
        given |= {n: self.number(n) for n in _NUMBERS if getattr(self, n) is not None}
        given["session_parameters"] = self.values("session_parameters")
        more = self.values("additional_snowflake_connection_args")
        return make_login({**given, **more}, self._parameters)

    @property
    def _parameters(self) -> Mapping[str, int]:
        timeout = self.number("statement_timeout_seconds")
        limit = {"STATEMENT_TIMEOUT_IN_SECONDS": timeout} if timeout else {}
        return {"LOCK_TIMEOUT": self.number("lock_timeout_seconds"), **limit}

    @property
    def _spell(self) -> Spelling:
        return str if self.quoted_identifiers else fold

    @property
    def _unspell(self) -> Spelling:
        return str if self.quoted_identifiers else unfold

    def _wanted(self, connection: SnowflakeConnection, delivery: Delivery) -> Wanted:
        return wanted_tables(delivery, self._tables(connection, delivery.table))

    def _tables(self, connection: SnowflakeConnection, table: str) -> Tables:
        return parse_table(
            table,
            database=_database(connection),
            schema=connection.schema or "PUBLIC",
            max_bytes=MAX_NAME_BYTES,
            spell=self._spell,
        )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The fields; the further arguments may hold secrets, so only their names are shown."""
        for name, value in super().__repr_args__():
            hide = name == "additional_snowflake_connection_args" and value
            yield name, dict.fromkeys(value, HIDDEN) if hide else value


def _database(connection: SnowflakeConnection) -> str:
    if not connection.database:
        raise ConnectorError("The session has no database.", hint="set the connector's database")
    return str(connection.database)


def _refuse_idle(connection: SnowflakeConnection) -> None:
    """Refuse a session without a warehouse; it knows that itself."""
    if not connection.warehouse:
        raise ConnectorError(
            f"{connection.user} has no warehouse, so nothing can be read or written.",
            hint="set the connector's warehouse, or the user's DEFAULT_WAREHOUSE",
        )


@contextmanager
def _reader(
    login: Login, schema: pa.Schema, batches: Generator[pa.RecordBatch, None, None]
) -> Iterator[pa.RecordBatchReader]:
    import pyarrow as pa

    said = _said(login, batches)
    try:
        yield pa.RecordBatchReader.from_batches(schema, said)
    finally:
        said.close()


def _said(
    login: Login, batches: Generator[pa.RecordBatch, None, None]
) -> Generator[pa.RecordBatch, None, None]:
    with sentences(login):
        yield from batches
