"""A run's output has one layout, as Parquet, as CSV and as JSON Lines."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.errors import InvalidRequestError
from lume_dagster.runs.output import batch_segment, download
from lume_dagster_tests.in_memory import connect

MAPPED = """
    SELECT 1 AS _lume_row, 'a,b' AS "the id", 1.50::DECIMAL(9,2) AS price,
           {'city': 'Köln', 'zip': NULL} AS address, [1, 2] AS lines
"""
REJECTS = """
    SELECT * FROM (VALUES
      (2, 's3://x/a.csv', 2, '{"the id":"q\\"","errors":"e","n":null}',
       [{'field': 'n', 'code': 'MISSING_REQUIRED_FIELD', 'message': 'm', 'value': NULL::VARCHAR}]),
      (3, 's3://x/a.csv', 3, '{"_lume_line":"torn, line"}',
       [{'field': NULL, 'code': 'MALFORMED_RECORD', 'message': 'm', 'value': NULL}])
    ) AS r(_lume_row, _lume_file, _lume_file_row, original, errors)
"""


@pytest.fixture
def left(tmp_path):
    """What a run left."""
    folder = tmp_path / "left"
    for part, query in (("mapped", MAPPED), ("rejects", REJECTS)):
        (folder / part).mkdir(parents=True)
        with connect() as con:
            con.execute(f"COPY ({query}) TO '{folder / part / 'part-0000.parquet'}'")
    (folder / "metrics.json").write_text("{}")
    (folder / "validation_results.json").write_text("{}")
    return folder


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_download_has_the_layout_of_the_output(left, tmp_path):
    written = download(left, tmp_path / "to")
    assert {str(p.relative_to(tmp_path / "to")) for p in written} == {
        "mapped/part-0000.csv",
        "rejects/part-0000.csv",
        "metrics.json",
        "validation_results.json",
    }


def test_nested_values_are_json_in_csv(left, tmp_path):
    download(left, tmp_path / "to")
    (row,) = rows(tmp_path / "to/mapped/part-0000.csv")
    assert row["the id"] == "a,b"
    assert row["price"] == "1.50"
    assert json.loads(row["address"]) == {"city": "Köln", "zip": None}
    assert json.loads(row["lines"]) == [1, 2]


def test_rejects_have_their_original_columns_again(left, tmp_path):
    download(left, tmp_path / "to")
    first, torn = rows(tmp_path / "to/rejects/part-0000.csv")
    assert (first["the id"], first["errors"], first["n"]) == ('q"', "e", "")
    assert json.loads(first["_lume_errors"])[0]["code"] == "MISSING_REQUIRED_FIELD"
    assert torn["_lume_line"] == "torn, line"
    assert list(first)[:3] == ["_lume_row", "_lume_file", "_lume_file_row"]


def test_json_is_one_object_a_line(left, tmp_path):
    download(left, tmp_path / "to", output_format="json")
    lines = (tmp_path / "to/rejects/part-0000.json").read_text().splitlines()
    first, torn = map(json.loads, lines)
    assert first["original"] == {"the id": 'q"', "errors": "e", "n": None}
    assert torn["errors"][0]["field"] is None
    (mapped,) = (tmp_path / "to/mapped/part-0000.json").read_text().splitlines()
    assert json.loads(mapped)["address"] == {"city": "Köln", "zip": None}


def test_a_part_comes_alone(left, tmp_path):
    written = download(left, tmp_path / "to", parts=["rejects"], documents=False)
    assert written == (tmp_path / "to/rejects/part-0000.csv",)


def test_many_batches_have_a_folder_each(left, tmp_path):
    both = tmp_path / "both"
    both.mkdir()
    left.rename(both / "batch-1")
    written = download(both, tmp_path / "to", parts=["mapped"], documents=False)
    assert written == (tmp_path / "to/batch-1/mapped/part-0000.csv",)


def test_a_run_that_left_nothing_is_refused(tmp_path):
    with pytest.raises(InvalidRequestError, match="left nothing"):
        download(tmp_path / "nowhere", tmp_path / "to")


def test_an_unknown_format_is_refused(left, tmp_path):
    with pytest.raises(InvalidRequestError, match="no output format 'xml'"):
        download(left, tmp_path / "to", output_format="xml")


@given(st.text(min_size=1, max_size=3000))
def test_a_batch_of_any_name_has_a_folder(source_path):
    segment = batch_segment(source_path)
    assert len(segment) <= 73
    assert segment.isascii()
    assert not set(segment) & set('/\\:*?"<>| \0')


def test_batches_with_the_same_tail_have_different_folders():
    assert batch_segment("s3://a/x.csv") != batch_segment("s3://b/x.csv")
