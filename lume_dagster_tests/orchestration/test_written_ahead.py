"""Dagster's SQLite files wait for the disk seldom, and nobody else's file does."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy

from lume_dagster.orchestration.instance import open_instance
from lume_dagster.orchestration.written_ahead import written_ahead

OFF, NORMAL, FULL = 0, 1, 2


@pytest.fixture
def waits_at_each_commit():
    """SQLite as it comes, also where the tests spare the disk."""

    def full(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute(f"PRAGMA synchronous = {FULL}")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", full)
    yield
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", full)


def settings(file: Path | None) -> tuple[str, int]:
    engine = sqlalchemy.create_engine("sqlite://" + (f"/{file}" if file else ""))
    try:
        with engine.connect() as connection:
            journal, synchronous = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous")
            )
    finally:
        engine.dispose()
    return journal, synchronous


@pytest.mark.usefixtures("waits_at_each_commit")
def test_a_new_file_below_the_home_is_written_ahead(tmp_path):
    with written_ahead(tmp_path):
        assert settings(tmp_path / "new.db") == ("wal", NORMAL)


@pytest.mark.usefixtures("waits_at_each_commit")
def test_a_home_that_is_a_link_is_the_same_home(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to("home")
    with written_ahead(tmp_path / "link"):
        assert settings(tmp_path / "home" / "new.db") == ("wal", NORMAL)


@pytest.mark.usefixtures("waits_at_each_commit")
def test_files_elsewhere_and_in_memory_stay_as_they_are(tmp_path):
    (tmp_path / "home").mkdir()
    with written_ahead(tmp_path / "home"):
        assert settings(tmp_path / "other.db") == ("delete", FULL)
        assert settings(None) == ("memory", FULL)


@pytest.mark.usefixtures("waits_at_each_commit")
def test_a_file_that_has_tables_keeps_its_journal(tmp_path):
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    with written_ahead(tmp_path):
        assert settings(tmp_path / "old.db") == ("delete", NORMAL)


@pytest.mark.usefixtures("waits_at_each_commit")
def test_it_ends_with_the_block(tmp_path):
    with written_ahead(tmp_path):
        pass
    assert settings(tmp_path / "new.db") == ("delete", FULL)


def test_who_chose_not_to_wait_at_all_does_not_wait(tmp_path):
    with written_ahead(tmp_path):
        assert settings(tmp_path / "new.db")[1] == OFF  # as all tests have it


@pytest.mark.usefixtures("waits_at_each_commit")
def test_the_instance_of_a_project_is_written_ahead(tmp_path):
    with open_instance(tmp_path) as instance:
        runs = instance.run_storage
        with runs.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    assert found == NORMAL
