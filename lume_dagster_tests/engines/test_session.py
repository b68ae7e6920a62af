"""A session reaches the files of its batch and nothing else."""

from __future__ import annotations

import duckdb
import pytest

from lume_dagster.engines.session import DISABLED_OPTIMIZERS, engine_errors, open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import EngineError


@pytest.fixture
def session(settings, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a'[1].csv").write_text("x\n1\n")
    (tmp_path / "secret.csv").write_text("x\n2\n")
    (tmp_path / "one.csv").write_text("x\n3\n")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "secret.csv")
    read = [tmp_path / "in", tmp_path / "one.csv"]
    with open_session(settings, read=read) as connection:
        yield connection


@pytest.mark.parametrize(("name", "value"), [("in/a'[1].csv", 1), ("one.csv", 3)])
def test_what_was_opened_can_be_read(session, tmp_path, name, value):
    found = session.execute("SELECT x FROM read_csv($1)", [str(tmp_path / name)]).fetchall()
    assert found == [(value,)]


@pytest.mark.parametrize("name", ["secret.csv", "in/../secret.csv", "in/link.csv", "one.csv.bak"])
def test_what_was_not_opened_cannot(session, tmp_path, name):
    with pytest.raises(duckdb.PermissionException, match="disabled|not allowed"):
        session.execute("SELECT * FROM read_text($1)", [str(tmp_path / name)])


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET threads = 64",
        "INSTALL httpfs",
        "LOAD '/tmp/x.duckdb_extension'",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
        "CREATE SECRET (TYPE s3)",
    ],
)
def test_the_way_out_is_locked(session, statement):
    with pytest.raises(duckdb.Error, match="disabled|locked"):
        session.execute(statement)


def test_a_session_speaks_utc_and_keeps_its_limits(session):
    asked = "timezone, memory_limit, threads, disabled_optimizers"
    zone, memory, threads, off = session.execute(
        "SELECT " + ", ".join(f"current_setting('{name}')" for name in asked.split(", "))
    ).fetchone()
    assert (zone, memory, threads) == ("UTC", "476.8 MiB", 2)
    assert set(off.split(",")) == set(DISABLED_OPTIMIZERS.split(","))


def test_running_out_of_memory_is_told(tmp_path):
    small = EngineSettings(scratch=tmp_path, memory_limit="10MB", threads=1)
    with (
        pytest.raises(EngineError, match="more than its memory limit of 10MB"),
        open_session(small) as connection,
    ):
        connection.execute("SELECT max(x) FROM (SELECT list(i) AS x FROM range(20000000) t(i))")


def test_a_full_disk_is_told(settings):
    with pytest.raises(EngineError, match="The disk of .* is full"), engine_errors(settings):
        raise OSError(28, "No space left on device")


def test_a_session_leaves_nothing_in_scratch(settings):
    with open_session(settings) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS x FROM range(1000)")
    assert list(settings.scratch.iterdir()) == []
