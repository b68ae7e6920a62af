"""A disk that takes no more: a sentence, and nothing half-written."""

import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import resource, sys
from pathlib import Path
from pyarrow import csv
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import EngineError
from lume_dagster.flows.model import SourceFormat

folder = Path(sys.argv[1])
engine = DuckDBEngine(EngineSettings(scratch=folder / "scratch"))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # no file may grow beyond this
try:
    if sys.argv[2] == "a file":
        batch = InputFile(folder / "batch.csv", "batch.csv", "1")
        engine.stage_files([batch], SourceFormat(type="csv"), folder / "staging")
    else:
        rows = csv.read_csv(folder / "batch.csv").to_reader(1_000)
        engine.stage_stream(rows, "a query", folder / "staging")
except EngineError as error:
    print(error)
"""


@pytest.mark.parametrize("source", ["a file", "a stream"])
def test_a_disk_that_is_full_while_staging_leaves_nothing_behind(tmp_path: Path, source: str):
    rows = (f"key-{i * 2654435761 % 1000003},{i * 7919 % 100003}" for i in range(200_000))
    (tmp_path / "batch.csv").write_text("id,n\n" + "\n".join(rows), encoding="utf-8")
    command = [sys.executable, "-c", CHILD, str(tmp_path), source]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "is full, or its quota used up.\nHint: free space there" in told
    assert not (tmp_path / "staging").exists()
    assert not any((tmp_path / "scratch").glob("*"))
