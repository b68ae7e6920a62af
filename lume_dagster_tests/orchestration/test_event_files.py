"""Dagster's SQLite files are held open while a run writes, and let go."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg

from lume_dagster.orchestration.event_files import kept_open


def journals(instance: dg.DagsterInstance) -> list[Path]:
    folder = Path(instance.event_log_storage.path_for_shard("index")).parent
    return list(folder.glob("index.db-wal"))


def write(instance: dg.DagsterInstance) -> None:
    """Write as Dagster does: by a connection that is closed again."""
    path = instance.event_log_storage.path_for_shard("index")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS of_a_test (n INTEGER)")
        connection.execute("INSERT INTO of_a_test VALUES (1)")
        connection.commit()


def test_the_journal_is_folded_in_once_at_the_end(bench):
    with kept_open(bench.instance, "a run that has no file yet"):
        write(bench.instance)
        assert journals(bench.instance)
    write(bench.instance)
    assert not journals(bench.instance)


def test_there_is_nothing_to_hold_where_events_are_kept_elsewhere():
    with dg.DagsterInstance.ephemeral() as instance, kept_open(instance, "a run"):
        assert instance.get_runs_count() == 0
