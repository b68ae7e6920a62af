"""A Databricks SQL warehouse as source and as target, by its own client and through volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.databricks.load import load
from lume_dagster.connectors.databricks.oauth import ServicePrincipal
from lume_dagster.connectors.databricks.read import JSON_KEYS, bound, reader
from lume_dagster.connectors.databricks.rights import refuse_missing_rights
from lume_dagster.connectors.databricks.session import Login, checked_host, connected
from lume_dagster.connectors.databricks.shape import (
    named,
    refuse_names,
    refuse_what_does_not_fit,
)
from lume_dagster.connectors.databricks.upload import sendable_from
from lume_dagster.connectors.databricks.volume import look, try_writing, volume_path
from lume_dagster.connectors.file_table.work_folder import work_folder
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Reading, Receipt
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.connectors.sql.bound_query import as_text
from lume_dagster.connectors.sql.read_back import read_back
from lume_dagster.errors import ConnectorError, counted

if TYPE_CHECKING:
    import pyarrow as pa

_PAUSE_SECONDS = 5.0  # between two questions whether a warehouse has started


class DatabricksConnector(ConnectorResource):
    """A Databricks SQL warehouse, by a personal access token or by a service principal.

    Give ``access_token``, or ``client_id`` and ``client_secret``, as ``EnvVar``. As a target it
    needs ``volume``, the Unity Catalog volume through which files are sent. A source query is one
    SELECT and is streamed as Arrow; timestamps are in UTC.
    """

    kind: ClassVar[str] = "databricks"
    secret_fields: ClassVar[frozenset[str]] = frozenset({"access_token", "client_secret"})

    server_hostname: str
    http_path: str
    access_token: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    catalog: str = "main"
    schema_name: str = "default"  # for a table named without one
    volume: str | None = None  # catalog.schema.volume, or a folder in it: /Volumes/...
    connect_timeout_seconds: float = 10.0
    start_timeout_seconds: float = 300.0  # how long a stopped warehouse may take
    request_timeout_seconds: float = 300.0  # of one HTTP request; a statement may take longer
    statement_timeout_seconds: int = 0  # 0: the warehouse's own
    conflict_timeout_seconds: float = 60.0  # how long other writers of a table are waited for
    memory_limit: str = "1GB"  # of the embedded engine that reads the batch's files

    def check(self, delivery: Delivery) -> None:
        """Refuse other shapes, missing rights, names that Delta cannot keep, no volume."""
        refuse_names(delivery)
        path = self._volume_path()
        with self._session() as session:
            tables = named(delivery.table, self.text("catalog"), self.text("schema_name"))
            there = refuse_what_does_not_fit(session, delivery, tables)
            refuse_missing_rights(session, delivery, tables, there)
            look(session, path)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Move a batch into its tables, exactly once; see ``load``."""
        refuse_names(delivery)
        path = self._volume_path()
        tables = named(delivery.table, self.text("catalog"), self.text("schema_name"))
        with (
            work_folder() as folder,
            self._session(staging=sendable_from(folder, delivery)) as session,
            scratch_database(self.text("memory_limit")) as scratch,
        ):
            checkpoint("connected")
            return load(session, scratch, (delivery, tables, path), folder, checkpoint)

    @contextmanager
    def read(self, query: str, source_path: str) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query, streamed."""
        sql, value = bound(query), as_text(source_path)
        with self._session() as session, reader(session, sql, value) as rows:
            yield rows

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, streamed."""
        tables = named(reading.table, self.text("catalog"), self.text("schema_name"))
        query, keys = read_back(tables, reading, "databricks", JSON_KEYS)
        with (
            self._session(catalog=tables.database) as session,
            reader(session, query, keys) as rows,
        ):
            yield rows

    def test(self) -> Iterator[str]:
        """Connect, and say as whom and what is in reach."""
        host = self._login.host.split("://")[1]
        with work_folder() as folder, self._session(staging=[str(folder)]) as session:
            user, catalog = session.rows("SELECT current_user(), current_catalog()")[0]
            yield f"Databricks at {host} lets {user or 'this user'} into the catalog {catalog}."
            schemas = session.rows("SHOW SCHEMAS")
            yield f"{counted(len(schemas), 'schema')} of it can be seen."
            if self.volume is None:
                yield "Without a volume it is a source and no target."
                return
            path = self._volume_path()
            found = len(look(session, path))
            yield f"The volume {path} can be read and holds {counted(found, 'file')}."
            try_writing(session, path, folder)
            yield f"The volume {path} can be written: it can be a target."

    @property
    def _login(self) -> Login:
        host = checked_host(self.text("server_hostname"))
        secrets = sorted(self.secret_fields)
        given = {name: self.optional_text(name) for name in secrets}
        return Login(
            host=host,
            http_path=self.text("http_path"),
            credentials=lambda: self._credentials(host, given),
            options=self._options(),
            secrets=tuple(secret for secret in given.values() if secret),
            connect_seconds=self.connect_timeout_seconds,
            conflict_seconds=self.conflict_timeout_seconds,
        )

    def _credentials(self, host: str, given: Mapping[str, str | None]) -> Mapping[str, Any]:
        client_id, secret = self.optional_text("client_id"), given["client_secret"]
        if given["access_token"] and not (client_id or secret):
            return {"access_token": given["access_token"]}
        if client_id and secret and not given["access_token"]:
            wait = self.connect_timeout_seconds
            principal = ServicePrincipal(host, client_id, secret, wait)
            principal.headers()  # now: the client would say less about a refusal
            return {"credentials_provider": principal}
        raise ConnectorError(
            "The connector needs either access_token, or client_id and client_secret.",
            hint="give secrets as EnvVar",
        )

    def _options(self) -> Mapping[str, Any]:
        wait = max(1.0, self.start_timeout_seconds)
        limit = self.statement_timeout_seconds
        return {
            "catalog": self.text("catalog"),
            "schema": self.text("schema_name"),
            "session_configuration": {
                "TIMEZONE": "UTC",
                **({"STATEMENT_TIMEOUT": str(limit)} if limit else {}),
            },
            "user_agent_entry": "lume-dagster",
            "enable_telemetry": False,
            "max_download_threads": 4,  # each holds a part of the result in memory
            "_socket_timeout": self.request_timeout_seconds,
            "_retry_delay_max": _PAUSE_SECONDS,
            "_retry_stop_after_attempts_count": min(60, max(2, int(wait / _PAUSE_SECONDS))),
            "_retry_stop_after_attempts_duration": wait,
        }

    def _session(self, staging: Sequence[str] = (), catalog: str | None = None) -> Any:
        login = self._login
        options = {**login.options, **({"catalog": catalog} if catalog else {})}
        return connected(replace(login, options=options), staging=staging)

    def _volume_path(self) -> str:
        text = self.optional_text("volume")
        if text is None:
            raise ConnectorError(
                "The connector has no volume, so it can be a source only.",
                hint="set volume to catalog.schema.volume, a Unity Catalog volume for the files",
            )
        return volume_path(text)
