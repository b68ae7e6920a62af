"""A few rows of a batch are a batch of their own, with the same values."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.pick import pick_rows
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_rows_that_are_asked_for_are_there_in_order(tmp_path, kind):
    settings = EngineSettings(tmp_path / "scratch", threads=1)
    lines = {
        "csv": ["n", *map(str, range(1, 6)), "6,too many", "7"],
        "jsonl": [json.dumps({"n": n}) for n in range(1, 8)],
    }
    path = tmp_path / f"batch.{kind}"
    path.write_text("\n".join(lines[kind]) + "\n")
    with DuckDBEngine(settings) as engine:
        files = [InputFile(path, path.name, "1")]
        staged = engine.stage_files(files, SourceFormat(), tmp_path / "staged")
    picked = pick_rows(settings, staged, [7, 2], tmp_path / "picked")
    with open_session(settings, read=[picked.folder]) as session:
        view = staged_view_sql(picked)
        rows = session.sql(f"SELECT _lume_row, c0 FROM ({view}) ORDER BY _lume_row").fetchall()
    assert [(row, str(value)) for row, value in rows] == [(1, "2"), (2, "7")]
    assert (picked.records, picked.format, picked.columns) == (2, staged.format, staged.columns)
    assert pq.read_metadata(picked.part_paths[0]).num_rows == 2
