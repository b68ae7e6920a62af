"""Dagster's migrations are read once, everybody else's as ever."""

from __future__ import annotations

import dagster as dg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from lume_dagster.orchestration import migrations

DAGSTERS = "dagster:_core/storage/alembic"


def location(script_location: str) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", script_location)
    return ScriptDirectory.from_config(config)


@pytest.fixture(autouse=True)
def as_it_came():
    """The suite reads them once too; here alembic is as in a process of a user."""
    reads = vars(ScriptDirectory)["from_config"]
    ScriptDirectory.from_config = reads._anew
    yield
    ScriptDirectory.from_config = reads


@pytest.fixture
def theirs(tmp_path) -> str:
    (tmp_path / "versions").mkdir()
    return str(tmp_path)


def test_those_of_dagster_are_read_once():
    with migrations.read_once():
        first = location(DAGSTERS)
        assert location(DAGSTERS) is first
    with migrations.read_once():
        assert location(DAGSTERS) is first


def test_those_of_others_are_read_as_they_now_are(theirs):
    with migrations.read_once():
        assert location(theirs) is not location(theirs)


def test_alembic_is_as_it_was_afterwards_and_within_only_once_changed():
    before = vars(ScriptDirectory)["from_config"]
    with migrations.read_once():
        within = vars(ScriptDirectory)["from_config"]
        assert within is not before
        with migrations.read_once():
            assert vars(ScriptDirectory)["from_config"] is within
        assert vars(ScriptDirectory)["from_config"] is within
    assert vars(ScriptDirectory)["from_config"] is before


def test_a_storage_made_meanwhile_is_what_dagster_makes(tmp_path):
    def made(name: str) -> list[tuple[str, ...]]:
        import sqlite3

        home = tmp_path / name
        home.mkdir()
        with dg.DagsterInstance.from_config(str(home)) as instance:
            instance.report_runless_asset_event(dg.AssetMaterialization("a"))
        found = []
        for file in sorted(home.rglob("*.db")):
            with sqlite3.connect(file) as connection:
                found += connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
                found += connection.execute("SELECT * FROM alembic_version").fetchall()
        return found

    plain = made("plain")
    with migrations.read_once():
        again = made("again")
    assert plain == again
    assert sum(len(row) == 1 for row in plain) >= 3
