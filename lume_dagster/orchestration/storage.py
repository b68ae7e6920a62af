"""Dagster's PostgreSQL storage with connections that are kept, for ``dagster.yaml``.

Dagster opens a connection for nearly every statement, and two for each event: mostly a process is
forked and a password hashed. Its webserver keeps its connections; with this class the daemon, the
code servers and the workers do so too::

    storage:
      custom:
        module: lume_dagster.orchestration.storage
        class: PooledPostgresStorage
        config: {postgres_db: ...}
"""

from __future__ import annotations

from typing import Any

from dagster_postgres import DagsterPostgresStorage

from lume_dagster.orchestration.held_storage import POOL


class PooledPostgresStorage(DagsterPostgresStorage):
    """The same storage, configured the same way."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """The storage that Dagster makes of the configuration, with its connections kept."""
        storage = super().from_config_value(inst_data, config_value)
        for part in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
            part.optimize_for_webserver(**POOL)
        return storage
