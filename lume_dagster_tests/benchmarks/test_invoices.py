"""The engine and the scripts written by hand must agree cell by cell: each is a check of the other."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.invoices import write_invoices, write_seeds
from benchmarks.invoices_sql import TARGET
from benchmarks.process import run
from benchmarks.setting import SEEDS
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import SourceFormat
from lume_dagster.plan.plan import Plan

ROWS = 5000
FLOWS = SEEDS.parents[1]
COUNTED = "SELECT e.field, e.code, count(*) FROM (SELECT unnest(errors) AS e FROM '{}') GROUP BY ALL ORDER BY ALL"
ERRORS = "SELECT _lume_row, e.field, e.code, e.value FROM (SELECT _lume_row, unnest(errors) AS e FROM '{}')"
MAPPED = f"SELECT _lume_row, {', '.join(TARGET)} FROM '{{}}'"
ORIGINAL = "SELECT _lume_row, _lume_file, _lume_file_row, original FROM '{}'"


@dataclass(frozen=True)
class Output:
    """Where somebody's rows lie."""

    mapped: Path
    rejects: Path


@dataclass(frozen=True)
class Ours:
    """What the engine made of the invoices."""

    source: Path
    output: Output
    plan: Plan


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Ours:
    folder = tmp_path_factory.mktemp("invoices")
    source = write_invoices(folder / "invoices.csv", ROWS)
    version = Library(FLOWS).resolve("invoices:draft")
    with DuckDBEngine(EngineSettings(scratch=folder / "scratch")) as engine:
        file = InputFile(source, source.as_uri(), "1")
        staged = engine.stage_files([file], SourceFormat(type="csv"), folder / "staged")
        plan = engine.compile(version, staged)
        done = engine.transform(version, plan, staged, folder / "out")
    return Ours(source, Output(done.mapped[0], done.rejects[0]), plan)


def by_hand(module: str, arguments: Sequence[object], source: Path, out: Path) -> Output:
    words = [str(a) for a in (*arguments, source, out, "--seeds", SEEDS)]
    run([sys.executable, "-m", f"benchmarks.{module}", *words])
    return Output(out / "mapped.parquet", out / "rejects.parquet")


def rows(query: str, path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        return sorted(con.execute(query.format(path)).fetchall(), key=repr)


@pytest.fixture(scope="module", params=["raw_twice", "raw_once", "csv_rowid", "staged", "polars"])
def theirs(request: Any, ours: Ours, tmp_path_factory: pytest.TempPathFactory) -> Output:
    out = tmp_path_factory.mktemp(request.param)
    if request.param != "polars":
        return by_hand("baseline_duckdb", [request.param], ours.source, out)
    if find_spec("polars") is None:
        pytest.skip("NOT RUN: polars is not installed")
    return by_hand("baseline_polars", [], ours.source, out)


def test_the_mapped_rows_are_those_of_the_script_cell_by_cell(ours: Ours, theirs: Output):
    assert rows(MAPPED, ours.output.mapped) == rows(MAPPED, theirs.mapped)


def test_the_reasons_are_those_of_the_script_row_by_row(ours: Ours, theirs: Output):
    assert rows(ERRORS, ours.output.rejects) == rows(ERRORS, theirs.rejects)


def test_the_originals_are_those_of_the_script(ours: Ours, theirs: Output):
    assert rows(ORIGINAL, ours.output.rejects) == rows(ORIGINAL, theirs.rejects)


def test_the_invoices_break_nearly_every_rule(ours: Ours):
    counted = rows(COUNTED, ours.output.rejects)
    assert len(counted) >= 24
    assert sum(n for _, _, n in counted) > ROWS * 0.03


def test_the_same_seed_writes_the_same_bytes_with_every_release(tmp_path: Path):
    text = write_invoices(tmp_path / "invoices.csv", 1000).read_bytes()
    assert hashlib.md5(text).hexdigest() == "a5ad662a01f2797ec841bcffe76d2343"


def test_another_seed_writes_other_invoices(tmp_path: Path):
    one = write_invoices(tmp_path / "one.csv", 10, seed=1).read_bytes()
    assert write_invoices(tmp_path / "two.csv", 10, seed=2).read_bytes() != one


def test_the_committed_seeds_are_what_the_generator_writes(tmp_path: Path):
    write_seeds(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in SEEDS.iterdir()}
