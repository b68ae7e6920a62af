"""Dagster's storage is held open while a run writes: files are let go, connections are kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
import yaml

from lume_dagster.orchestration.event_files import kept_open
from lume_dagster_tests.servers.postgres import postgres

__all__ = ["postgres"]


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


@pytest.fixture(params=["dagster's own", "deploy/dagster.yaml"])
def on_postgres(request, postgres, tmp_path, monkeypatch):
    """An instance on PostgreSQL, by either storage, and how often it has connected so far."""
    config = yaml.safe_load((Path(__file__).parents[2] / "deploy/dagster.yaml").read_text())
    pooled = request.param == "deploy/dagster.yaml"
    if not pooled:
        config["storage"] = {"postgres": config["storage"]["custom"]["config"]}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with postgres.new_database() as name:
        given = {"HOST": postgres.host, "PORT": postgres.port, "USER": postgres.user}
        for key, value in {**given, "PASSWORD": postgres.password, "DB": name}.items():
            monkeypatch.setenv(f"DAGSTER_PG_{key}", str(value))

        def sessions() -> int:
            with postgres.connect() as cursor:
                cursor.execute("SELECT pg_stat_force_next_flush()")
                cursor.execute(f"SELECT sessions FROM pg_stat_database WHERE datname = '{name}'")
                return int(cursor.fetchone()[0])

        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            yield instance, sessions, pooled


def report(instance: dg.DagsterInstance, number: int) -> None:
    for n in range(number):
        made = dg.AssetMaterialization("orders", partition=f"{n}.csv")
        instance.report_runless_asset_event(made)


def test_a_run_over_many_batches_keeps_its_connections(on_postgres):
    instance, sessions, pooled = on_postgres
    report(instance, 1)
    before = sessions()
    report(instance, 20)
    assert (sessions() - before < 20) == pooled
    with kept_open(instance, "a run"):
        report(instance, 1)
        before = sessions()
        report(instance, 20)
        assert sessions() - before < 20
    key = dg.AssetKey("orders")
    assert len(instance.get_materialized_partitions(key)) == 20
