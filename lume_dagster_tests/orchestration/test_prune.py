"""Pruning takes what is old and superseded, keeps what a batch is known by, and never the target."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from lume_dagster.cli import lume
from lume_dagster.orchestration.prune import leftovers, remove
from lume_dagster.orchestration.query import list_runs

LATER = timedelta(minutes=1)


@pytest.fixture
def found(bench):
    def of(when, **options):
        layout = bench.project.workspace.layout
        return leftovers(bench.instance, layout, datetime.now(UTC) + when, **options)

    return of


def kinds(found):
    return sorted((one.kind, one.name.rsplit("/", 1)[-1]) for one in found)


def test_what_a_later_run_replaced_goes_and_the_later_run_stays(bench, found):
    first = bench.materialize(bench.put("a.csv", "1"))
    second = bench.materialize(bench.put("a.csv", "1", "2"))
    old = found(LATER)
    assert ("output", f"run_{first.run_id}") in kinds(old)
    assert ("run", f"run_{first.run_id}") in kinds(old)
    assert ("output", f"run_{second.run_id}") not in kinds(old)
    before = bench.target.path.read_text()
    remove(bench.instance, old)
    assert [run.id for run in list_runs(bench.instance)] == [f"run_{second.run_id}"]
    assert bench.target.path.read_text() == before
    assert found(LATER) == []


def test_a_batch_that_is_done_stays_done(bench, found):
    bench.materialize(bench.put("a.csv", "1"))
    remove(bench.instance, found(LATER))
    again = bench.instance.get_materialized_partitions(bench.key("target"))
    assert again == {"a.csv"}


def test_everything_spares_nothing(bench, found):
    bench.materialize(bench.put("a.csv", "1"))
    remove(bench.instance, found(LATER, everything=True))
    assert list_runs(bench.instance) == []
    assert not list((bench.folder / "data/output").glob("*/*/*"))


def test_what_is_young_stays(bench, found):
    bench.materialize(bench.put("a.csv", "1"))
    bench.materialize(bench.put("a.csv", "2"))
    assert found(-timedelta(hours=1), everything=True) == []


def test_folders_of_runs_nobody_knows_go_when_they_are_old(bench, found):
    stray = bench.folder / "data/staging/orders/v1/a.csv-0/.11111111.new"
    stray.mkdir(parents=True)
    assert found(-timedelta(hours=1)) == []
    assert [one.name for one in found(LATER)] == [str(stray)]


def test_files_of_repairs_go_when_they_are_old(bench, found):
    repair = bench.folder / "data/repairs/0123abcd"
    repair.mkdir(parents=True)
    assert found(-timedelta(hours=1)) == []
    old = found(LATER)
    assert kinds(old) == [("repair", "0123abcd")]
    remove(bench.instance, old)
    assert not repair.exists()


@pytest.mark.parametrize("place", ["uploads/.0123.new", "scratch/0123.http"])
def test_what_a_killed_server_left_half_way_goes_when_it_is_old(bench, found, place):
    half = bench.folder / "data" / place
    half.mkdir(parents=True)
    (half / "body").write_text("half")
    assert found(-timedelta(hours=1)) == []
    old = found(LATER)
    assert [(one.kind, one.bytes) for one in old] == [("upload", 4)]
    remove(bench.instance, old)
    assert not half.exists()


def test_the_shell_says_what_would_go_and_then_lets_it_go(bench, monkeypatch):
    bench.materialize(bench.put("a.csv", "1"))
    bench.materialize(bench.put("a.csv", "2"))
    monkeypatch.chdir(bench.folder)

    def shell(*words):
        return CliRunner().invoke(lume, ["prune", "--older-than", "0m", *words])

    planned = json.loads(shell("--dry-run", "--json").output)
    assert {one["kind"] for one in planned} >= {"run", "output"}
    said = shell("--everything").output
    assert re.match(r" +2  runs\n +2  output folders\n +\d  staged batch(es)?\n", said), said
    assert "are free" in said
    assert shell("--everything").output == "Nothing is that old.\n"
    assert "is no age" in CliRunner().invoke(lume, ["prune", "--older-than", "soon"]).output
