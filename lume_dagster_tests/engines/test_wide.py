"""Batches of very many columns stay within the memory that the engine is given."""

import json

import pytest

from lume_dagster.engines.parquet_options import output_parquet, staged_parquet
from lume_dagster.engines.readers.csv import select_sql
from lume_dagster.engines.readers.csv_batch import column_ids
from lume_dagster.engines.readers.csv_file import Examiner
from lume_dagster.engines.readers.files import InputFile, plain_files
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat
from lume_dagster_tests.engines.test_duckdb_engine import Run
from lume_dagster_tests.plan.mapping import flow_of


def test_thousands_of_columns_with_a_reject_need_less_than_a_gigabyte(tmp_path):
    width = 4_000
    names = ",".join(f"k{i}" for i in range(width))
    rows = "".join(",".join(["x" if n == 3 else str(n)] * width) + "\n" for n in range(20))
    flow = flow_of({"n": {"type": "integer"}}, {"n": f"k{width - 1}"}, required=["n"])
    run = Run(tmp_path, flow, memory_limit="800MB", threads=2)(f"{names}\n{rows}")
    assert len(run.mapped) == 19
    (reject,) = run.rejects
    assert len(json.loads(reject["original"])) == width


@pytest.mark.parametrize(("width", "parallel"), [(2_000, "true"), (2_001, "false")])
def test_a_file_of_very_many_columns_is_read_by_one_thread(tmp_path, width, parallel):
    path = tmp_path / "x.csv"
    path.write_text(",".join(f"k{i}" for i in range(width)) + "\n" + "," * (width - 1) + "\n")
    (plain,) = plain_files([InputFile(path, "x.csv", "1")], EngineSettings(tmp_path), tmp_path)
    file = Examiner(SourceFormat(), EngineSettings(tmp_path), tmp_path).examine(0, plain)
    assert f"parallel = {parallel})" in select_sql(file, column_ids([file], None))


@pytest.mark.parametrize("options", [staged_parquet, output_parquet])
def test_files_of_usual_width_are_written_as_ever_and_wide_ones_in_smaller_pieces(options):
    assert "DICTIONARY_SIZE_LIMIT 4096, ROW_GROUP_SIZE 122880" in options(20)
    assert "DICTIONARY_SIZE_LIMIT 200, ROW_GROUP_SIZE 2048" in options(5_000)
    assert "DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE 2048" in options(10**7)
