"""Dagster's storage is held open while a run writes: files are let go, connections are kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
import yaml

from lume_dagster.orchestration.held_storage import kept_open
from lume_dagster_tests.servers.postgres import postgres
from lume_dagster_tests.waiting import wait_until

__all__ = ["postgres"]


@pytest.fixture
def on_files(blank_instance, tmp_path):
    """An instance on SQLite, as Dagster opens it for a worker."""
    home = shutil.copytree(blank_instance, tmp_path / "home")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def opened():
    """The connections to SQLite that were opened so far."""
    made: list[object] = []

    def note(connection: object, *_: object) -> None:
        made.append(connection)

    sqlalchemy.event.listen(sqlalchemy.pool.Pool, "connect", note)
    yield made
    sqlalchemy.event.remove(sqlalchemy.pool.Pool, "connect", note)


def journal(instance: dg.DagsterInstance) -> Path:
    return Path(instance.event_log_storage.path_for_shard("index") + "-wal")


def report(instance: dg.DagsterInstance, *numbers: int) -> None:
    for n in numbers:
        made = dg.AssetMaterialization("orders", partition=f"{n}.csv")
        instance.report_runless_asset_event(made)


def reported(instance: dg.DagsterInstance) -> int:
    return len(instance.get_materialized_partitions(dg.AssetKey("orders")))


def test_the_journal_is_folded_in_once_at_the_end(on_files):
    with kept_open(on_files):
        report(on_files, 1, 2)  # the first finds the file
        assert journal(on_files).exists()
    assert not journal(on_files).exists()
    report(on_files, 3)
    assert not journal(on_files).exists()
    assert reported(on_files) == 3


def test_a_file_is_opened_once_and_not_for_each_event(on_files, opened):
    with kept_open(on_files):
        report(on_files, 1, 2)
        few = len(opened)
        report(on_files, *range(3, 12))
        assert len(opened) == few
        assert reported(on_files) == 11
    report(on_files, 12)
    assert len(opened) > few


def test_what_is_held_already_is_left_as_it_is(on_files, opened):
    with kept_open(on_files):
        report(on_files, 1)
        with kept_open(on_files):
            report(on_files, 2)
        few = len(opened)
        report(on_files, 3)
        assert len(opened) == few


def test_threads_write_beside_each_other(on_files):
    with kept_open(on_files), ThreadPoolExecutor(4) as threads:
        report(on_files, 0)
        for done in [threads.submit(report, on_files, *range(n, 40, 4)) for n in range(4)]:
            done.result()
    assert reported(on_files) == 40


def interrupted(instance: dg.DagsterInstance, statement: sqlalchemy.TextClause) -> None:
    with instance.run_storage.connect() as connection:
        connection.execute(statement)
        raise KeyboardInterrupt("stop")


def test_a_transaction_that_fails_leaves_nothing_behind(on_files):
    table = sqlalchemy.text("INSERT INTO kvs (key, value) VALUES ('a', 'b')")
    with kept_open(on_files):
        on_files.get_runs_count()
        with pytest.raises(KeyboardInterrupt, match="stop"):
            interrupted(on_files, table)
        assert on_files.run_storage.get_cursor_values({"a"}) == {}
        with on_files.run_storage.connect() as connection:
            connection.execute(table)
    assert on_files.run_storage.get_cursor_values({"a"}) == {"a": "b"}


def test_a_transaction_within_another_sees_what_is_written_by_then(on_files):
    with kept_open(on_files):
        on_files.get_runs_count()
        with on_files.run_storage.connect():
            assert on_files.get_runs_count() == 0


def open_files() -> Iterator[Path]:
    """What this process has open; another thread may close a file while it is looked at."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield link.readlink()


def test_a_process_that_looks_at_many_runs_holds_few_files(on_files):
    def held() -> int:
        folder = Path(on_files.root_directory)
        return sum(target.is_relative_to(folder) for target in open_files())

    with kept_open(on_files):
        for run in range(40):
            for _ in range(2):
                assert not on_files.all_logs(f"run-{run}")
        assert 0 < held() <= 3 * 17  # of each a database, its journal and its index
    assert held() == 0


def test_there_is_nothing_to_hold_where_events_are_kept_elsewhere():
    with dg.DagsterInstance.ephemeral() as instance, kept_open(instance):
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


def test_a_run_over_many_batches_keeps_its_connections(on_postgres):
    instance, sessions, pooled = on_postgres
    report(instance, 0)
    before = sessions()
    report(instance, *range(20))
    if pooled:
        assert sessions() - before < 20
    else:
        # One is counted when it has ended, for which its client does not wait.
        wait_until(lambda: sessions() >= before + 20, sessions)
    with kept_open(instance):
        report(instance, 0)
        before = sessions()
        report(instance, *range(20))
        assert sessions() - before < 20
    assert reported(instance) == 20
