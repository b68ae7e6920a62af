"""Which staged files go to a Databricks volume as they are, and what is written again."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.databricks.upload import (
    mapped_files,
    reject_files,
    sendable_from,
)
from lume_dagster.connectors.file_table.work_folder import work_folder
from lume_dagster.connectors.protocol import Column
from lume_dagster.testing.deliveries import EVERY_TYPE, EVERY_VALUE, make_delivery

COLUMNS = (
    *(Column("id", "integer"), Column("text", "string"), Column("price", "decimal(18,4)")),
    *(Column("day", "date"), Column("at", "timestamp"), Column("flag", "boolean")),
)
NOW = {"id": 1, "day": dt.date(1582, 10, 15), "at": dt.datetime(1900, 1, 1)}


def sent(delivery):
    with work_folder() as folder, scratch_database("1GB") as scratch:
        files, count = mapped_files(scratch, delivery, folder)
        allowed = sendable_from(folder, delivery)
        assert all(str(file).startswith(tuple(allowed)) for file in files)
        tables = [pq.read_table(file) for file in files]
        keys = [pq.read_metadata(file).metadata or {} for file in files]
    return files, count, tables, keys


def test_a_file_of_final_types_goes_as_it_is(tmp_path):
    delivery = make_delivery(tmp_path, [NOW, {"id": 2}], columns=COLUMNS)
    files, count, _, _ = sent(delivery)
    assert (files, count) == (list(delivery.mapped), 2)


@pytest.mark.parametrize(
    "row",
    [{"day": dt.date(1582, 10, 14)}, {"at": dt.datetime(1899, 12, 31)}],
    ids=["a day", "an instant"],
)
def test_days_that_spark_cannot_place_are_written_with_how_they_count(tmp_path, row):
    delivery = make_delivery(tmp_path, [NOW, {"id": 2, **row}], columns=COLUMNS)
    files, count, tables, keys = sent(delivery)
    assert files != list(delivery.mapped)
    assert keys[0][b"org.apache.spark.version"] == b"3.5.0"
    assert count == 2
    assert {n: tables[0].to_pylist()[1][n] for n in row} == row


@pytest.mark.parametrize("days", [2_932_897, -719_529], ids=["after 9999", "before the year 1"])
def test_days_that_python_has_not_are_sent(tmp_path, days):
    delivery = make_delivery(tmp_path, [], columns=(Column("id", "integer"), Column("day", "date")))
    day = pa.array([days], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"id": [1], "day": day, "_lume_row": [1]}), delivery.mapped[0])
    _, count, tables, _ = sent(delivery)
    assert (count, tables[0]["day"].cast(pa.int32()).to_pylist()) == (1, [days])


def test_types_that_databricks_has_not_become_text(tmp_path):
    _, count, tables, _ = sent(make_delivery(tmp_path, EVERY_VALUE, columns=EVERY_TYPE))
    row = tables[0].to_pylist()[0]
    assert count == len(EVERY_VALUE)
    assert row["clock"] == "23:59:59.999999"
    assert row["uid"] == "00112233-4455-6677-8899-aabbccddeeff"
    assert row["items"] == '["x",null,""]'
    assert "_lume_run_id" not in row


def test_under_merge_a_key_is_sent_once(tmp_path):
    rows = [{"id": 1, "name": "old"}, {"id": 2, "name": "x"}, {"id": 1, "name": "new"}]
    _, count, tables, _ = sent(make_delivery(tmp_path, rows, mode="merge"))
    assert count == 2
    names = {row["name"] for table in tables for row in table.to_pylist()}
    assert names == {"new", "x"}


def test_a_path_that_a_statement_cannot_name_is_not_sent_from(tmp_path):
    delivery = make_delivery(tmp_path / "it's", [NOW], columns=COLUMNS)
    assert sent(delivery)[0] != list(delivery.mapped)


def test_no_rejects_are_no_file(tmp_path):
    with work_folder() as folder, scratch_database("1GB") as scratch:
        assert reject_files(scratch, make_delivery(tmp_path, []), folder) == ([], 0)
        files, count = reject_files(scratch, make_delivery(tmp_path, [], rejects=2), folder)
        assert (len(files), count) == (1, 2)
