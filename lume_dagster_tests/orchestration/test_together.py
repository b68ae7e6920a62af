"""Small batches of a run go together, with the real engine and warehouse: nobody can tell."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from lume_dagster.cli import lume
from lume_dagster.orchestration.metadata import COLUMNS_OF, LINEAGE, SCHEMA
from lume_dagster.orchestration.newest import newest
from lume_dagster.orchestration.query import read_details
from lume_dagster.runs.many import MOST_BATCHES
from lume_dagster.runs.status import STEPS, Status

ROOT = Path(__file__).parents[2]
DEFINITIONS = """\
import sys
from pathlib import Path

sys.path.insert(0, {tests!r})
from lume_dagster import build_definitions
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector
from lume_dagster.engines.settings import EngineSettings
from lume_dagster_tests.orchestration import fakes

here = Path(__file__).parent
stage = fakes.Stage(here / "stage")
defs = build_definitions(
    "flows",
    {{
        "landing": LocalFilesConnector(root=str(here / "files")),
        "warehouse": fakes.WatchedMany(
            stage, DuckDBConnector(path=str(here / "warehouse.duckdb"))
        ),
    }},
    data="data",
    open_engine=lambda _: fakes.WatchedEngine(stage, EngineSettings(here / "scratch")),
    retry_waits=(0.0, 0.0),
)
"""
#: Runs the batches of its arguments in one run, in a process that may be killed.
RUN = """\
import sys
from pathlib import Path
from lume_dagster.orchestration.instance import open_instance
from lume_dagster_tests.orchestration.conftest import Bench
from lume_dagster_tests.orchestration.fakes import Stage

folder = Path(sys.argv[1])
with open_instance(folder / "data") as instance:
    Bench(folder, Stage(folder / "stage"), instance).materialize(*sys.argv[2:])
"""
LIKE = ("a.csv", "b.csv", "c.csv")


@pytest.fixture
def real(bench):
    """The bench with the real things and three like batches, one of which has a reject."""
    (bench.folder / "definitions.py").write_text(DEFINITIONS.format(tests=str(ROOT)))
    bench.put("a.csv", "1", "2")
    bench.put("b.csv", "x", "2", "200")
    bench.put("c.csv", "3")
    return bench


def delivered(bench):
    """Batch and row of all mapped rows and of all rejects."""
    with duckdb.connect(str(bench.folder / "warehouse.duckdb"), read_only=True) as con:
        return [
            con.execute(
                f"SELECT _lume_source_path, _lume_row FROM sales.{table} ORDER BY ALL"
            ).fetchall()
            for table in ("orders", "orders_rejects")
        ]


ALL_OF_THEM = [
    [("a.csv", 1), ("a.csv", 2), ("b.csv", 2), ("b.csv", 3), ("c.csv", 1)],
    [("b.csv", 1)],
]


def values_of(bench, batch):
    """What people see of a batch at each step, but for seconds and what names the run."""
    seen = {}
    for step in STEPS:
        values = dict(newest(bench.instance, bench.key(step), batch).metadata)
        if COLUMNS_OF in values:
            other = newest(bench.instance, bench.key(step), values.pop(COLUMNS_OF).value).metadata
            values |= {name: other[name] for name in (SCHEMA, LINEAGE) if name in other}
        seen |= {
            f"{step} {name}": str(value.value)
            for name, value in values.items()
            if not name.startswith(("lume/seconds", "dagster/uri", "dagster/row_count"))
            and name not in ("lume/staging", "lume/output", "lume/metrics", "lume/repair")
            and (step, name) != ("transform", "lume/bytes")  # of Parquet files
        }
    return seen


def test_each_batch_shows_what_it_shows_when_it_runs_alone(real):
    assert real.materialize(*LIKE).success
    assert {"transform 3", "3 at once"} <= set(real.stage.said)
    together = [values_of(real, batch) for batch in LIKE]
    assert delivered(real) == ALL_OF_THEM
    for batch, seen in zip(LIKE, together, strict=True):
        assert real.materialize(batch).success
        assert values_of(real, batch) == seen
    assert delivered(real) == ALL_OF_THEM


def test_more_batches_than_a_group_takes_go_in_several(real):
    batches = [real.put(f"{n:03}.csv", str(n)) for n in range(MOST_BATCHES + 2)]
    run = read_details(real.instance, f"run_{real.materialize(*batches).run_id}")
    assert run.metadata["row_counts"]["mapped"] == len(batches)
    assert {f"transform {MOST_BATCHES}", "transform 2"} <= set(real.stage.said)
    assert delivered(real)[0] == [(batch, 1) for batch in batches]


def test_the_last_of_like_batches_says_what_columns_they_have(real):
    real.put("z.csv", "x")  # all of it is rejected: there is no event of its transform
    real.materialize(*LIKE, "z.csv")
    events = {
        (step, batch): newest(real.instance, real.key(step), batch)
        for step in STEPS
        for batch in (*LIKE, "z.csv")
    }
    told = [key for key, found in events.items() if found and SCHEMA in found.metadata]
    assert told == [("source", "z.csv"), ("transform", "c.csv"), ("target", "c.csv")]


def test_each_batch_leaves_its_own_output(real):
    run = read_details(real.instance, f"run_{real.materialize(*LIKE).run_id}")
    assert run.summary.status is Status.PARTIAL_FAILED
    assert run.metadata["row_counts"] == {"input": 6, "mapped": 5, "rejects": 1}
    assert len(run.output) == 3
    for folder in map(Path, run.output):
        left = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert left == {
            "mapped/part-0000.parquet",
            "rejects/part-0000.parquet",
            "metrics.json",
            "validation_results.json",
        }
        assert json.loads((folder / "metrics.json").read_text())["runtime_seconds"] > 0


def test_batches_that_cannot_go_together_fail_or_pass_alone(real):
    real.put("bad.csv", "x", "y")
    (real.folder / "files/torn.csv").write_text("id,amount\nt-1,1\nt-2\n")
    batches = (*LIKE, "bad.csv", "gone.csv", "torn.csv")
    run = read_details(real.instance, f"run_{real.materialize(*batches).run_id}")
    assert run.summary.status is Status.FAILED
    error = run.metadata["error"]
    told = [(batch["source_path"], batch["message"]) for batch in error["batches"]]
    assert [path for path, _ in told] == ["gone.csv", "bad.csv"]
    assert all(message.count(path) == 1 for path, message in told), told
    assert error["message"] == f"2 of 6 batches failed; {told[0][1]}"
    shown = CliRunner().invoke(lume, ["status", run.summary.id, "--project", str(real.folder)])
    assert f"{error['message']}\n  {told[1][1]}\n" in shown.output
    assert "transform 4" in real.stage.said
    mapped, rejects = delivered(real)
    assert mapped == [*ALL_OF_THEM[0], ("torn.csv", 1)]
    assert rejects == [*ALL_OF_THEM[1], ("torn.csv", 2)]


@pytest.mark.parametrize("what", ["bug", "batch", "connector"])
@pytest.mark.parametrize("where", ["transform 3", "staged"])
def test_a_group_that_fails_is_taken_apart_and_each_batch_gets_through(real, where, what):
    real.stage.arrange(where, what)
    assert real.materialize(*LIKE).success
    assert delivered(real) == ALL_OF_THEM


def test_a_target_that_is_away_is_waited_for_once_for_all(real):
    real.stage.arrange("connected", "transient")
    assert real.materialize(*LIKE).success
    assert real.stage.said.count("3 at once") == 2
    assert delivered(real) == ALL_OF_THEM


@pytest.mark.parametrize("where", ["transform 3", "staged", "before_commit", "after_commit"])
def test_a_run_that_is_killed_with_a_group_under_way_writes_each_row_once_when_it_runs_again(
    real, where
):
    real.stage.arrange(where, "kill")
    command = [sys.executable, "-c", RUN, str(real.folder), *LIKE]
    killed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    assert real.materialize(*LIKE).success
    assert delivered(real) == ALL_OF_THEM


def test_steps_of_batches_that_earlier_runs_took_further_go_together_too(real):
    real.put("c.csv", "7", "8", "9")
    assert real.materialize(*LIKE).success
    real.put("c.csv", "3")
    assert real.materialize(*LIKE, steps=("source",)).success
    assert real.materialize(*LIKE, steps=("transform",)).success
    assert real.materialize(*LIKE, steps=("target",)).success
    assert [real.stage.said.count(what) for what in ("transform 3", "3 at once")] == [2, 2]
    assert delivered(real) == ALL_OF_THEM
