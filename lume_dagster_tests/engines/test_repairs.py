"""Rows that a person repaired stand in for those that were staged; all others stay."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.repairs import apply_repairs, differing_row, examine_repairs, keep_rows
from lume_dagster.engines.stage import stage_files, stage_stream
from lume_dagster.errors import BatchError, InvalidRequestError
from lume_dagster.flows.model import SourceFormat
from lume_dagster_tests.in_memory import connect

BATCH = b"id,amount,note\n1,1,\n2,x,a\n3,3,b\n4,4,b,too many\n5,y,\n"


@pytest.fixture
def repair(tmp_path, settings, read_back):
    """Stage a file of repairs and apply it to a batch."""

    def apply(base, text: str, number: int = 1, name: str = "repairs.csv"):
        path = tmp_path / name
        path.write_text(text)
        file = InputFile(path, name, "1")
        given = stage_files(settings, [file], SourceFormat(), tmp_path / f"given-{number}")
        return read_back(apply_repairs(settings, base, given, number, tmp_path / f"to-{number}"))

    return apply


def test_only_the_rows_in_the_file_change(stage, repair):
    before = stage(BATCH)
    after = repair(before.batch, "_lume_row,id,amount,note,errors\n2,2,22,a,because\n")
    assert after.rows == {**before.rows, 2: ("2", "22", "a")}
    assert (after.malformed, after.batch.records) == (before.malformed, 5)


def test_a_record_that_could_not_be_split_becomes_a_row(stage, repair):
    before = stage(BATCH)
    after = repair(before.batch, '_lume_row,id,amount,note,_lume_line\n4,4,44,"b,too many",x\n')
    assert after.rows[4] == ("4", "44", "b,too many")
    assert (after.malformed, after.batch.malformed) == ({}, 0)


def test_a_malformed_record_that_was_left_empty_stays(stage, repair):
    before = stage(BATCH)
    after = repair(before.batch, "_lume_row,id,amount,note\n4,,,\n2,2,22,a\n")
    assert after.malformed == before.malformed


def test_later_repairs_win_and_earlier_ones_stay(stage, repair):
    once = repair(stage(BATCH).batch, "_lume_row,amount\n2,20\n5,50\n")
    twice = repair(once.batch, "_lume_row,amount\n2,200\n", number=2)
    assert twice.rows[2] == ("2", "200", "a")
    assert twice.rows[5][1] == "50"


def test_repairing_twice_alike_changes_nothing(stage, repair):
    text = "_lume_row,amount\n2,20\n"
    once = repair(stage(BATCH).batch, text)
    assert repair(once.batch, text, number=2).rows == once.rows


def test_rows_that_later_repairs_wrote_are_told_apart(stage, repair, settings, tmp_path):
    once = repair(stage(BATCH).batch, "_lume_row,amount\n2,20\n")
    twice = repair(once.batch, "_lume_row,amount\n5,50\n2,20\n", number=2)
    mapped = tmp_path / "mapped.parquet"
    pq.write_table(pa.table({"_lume_row": [1, 2, 3, 5]}), mapped)
    kept = keep_rows(settings, [mapped], twice.batch, 1, tmp_path / "kept" / "part-0000.parquet")
    assert pq.read_table(kept)["_lume_row"].to_pylist() == [5]


NESTED = (
    b'{"id": 1, "n": 12, "tags": ["a"], "big": 12345678901234567890, "word": "5"}\n'
    b'{"id": 2, "n": null, "tags": {"k": 1.50}, "word": "x"}\n'
)


def test_json_that_was_not_edited_keeps_its_kind(stage, repair):
    before = stage({"b.jsonl": NESTED})
    shown = (
        "_lume_row,id,n,tags,big,word\n"
        '1,1,13,"[""a""]",12345678901234567890,6\n'
        '2,2,,"{""k"":1.5}",,x\n'
    )
    after = repair(before.batch, shown)
    assert after.rows[1] == ("1", "13", '["a"]', "12345678901234567890", '"6"')
    assert after.rows[2] == before.rows[2]


def test_json_lines_give_values_as_they_are(stage, repair):
    before = stage({"b.jsonl": NESTED})
    line = {"_lume_row": 2, "original": {"id": 2, "n": 3, "tags": [], "word": "x"}, "errors": []}
    wrapped = repair(before.batch, json.dumps(line) + "\n", name="r.json")
    assert wrapped.rows[2] == ("2", "3", "[]", None, '"x"')
    flat = repair(
        wrapped.batch, '{"_lume_row": 2, "n": "4"}\n{"_lume_row": 1, "n": 12}\n', 2, "f.jsonl"
    )
    assert flat.rows[2] == ("2", '"4"', "[]", None, '"x"')
    assert flat.rows[1] == before.rows[1]


@pytest.fixture
def typed(settings, tmp_path):
    with connect() as con:
        reader = con.sql(
            "SELECT * FROM (VALUES (1, DATE '2024-02-29', [1, 2]), (2, NULL, NULL)) AS t(n, d, l)"
        ).to_arrow_reader()
        return stage_stream(settings, reader, "db", tmp_path / "typed")


def test_a_databases_types_are_kept(typed, repair):
    after = repair(typed, '_lume_row,n,d,l\n1,7,2024-02-29,"[1,2,3]"\n')
    day = typed.columns[1].type
    assert (day, str(after.rows[1][1])) == ("DATE", "2024-02-29")
    assert (after.rows[1][0], after.rows[1][2]) == (7, [1, 2, 3])
    assert after.rows[2] == (2, None, None)


def test_a_value_that_the_source_could_not_hold_is_refused(typed, repair):
    with pytest.raises(BatchError, match="Row 2 of the repairs: d is DATE .* 'soon' is not"):
        repair(typed, "_lume_row,n,d,l\n2,2,soon,\n")


def test_a_column_that_the_batch_does_not_have_is_refused(stage, repair):
    with pytest.raises(BatchError, match=r"column 'amuont'.*(?s:.*)amount"):
        repair(stage(BATCH).batch, "_lume_row,amuont\n2,20\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id,amount\n2,20\n", "no column _lume_row"),
        ("_lume_row,amount\n2,20\nx,3\n", r"rows that have no number .* below the header: 2\."),
        ("_lume_row,amount\n2,20\n2,3\n", r"rows that are there twice: 2"),
        ("_lume_row,amount\n2,20\n3,3\n", r"rows that were not rejected by the run: 3"),
        (
            "_lume_row,amount\n2,20\n5,1,2\n",
            r"the first is row 2 below the header: expected 2 columns, found 3",
        ),
    ],
)
def test_a_file_of_repairs_is_examined_before_anything_runs(text, fault, stage, settings, tmp_path):
    rejects = tmp_path / "rejects.parquet"
    pq.write_table(pa.table({"_lume_row": [2, 5]}), rejects)
    given = stage({"r.csv": text.encode()}).batch
    with pytest.raises(InvalidRequestError, match=fault):
        examine_repairs(settings, given, [rejects])


def test_a_batch_that_was_read_again_is_held_to_its_rejects(stage, settings, tmp_path: Path):
    staged = stage(BATCH).batch
    line = json.dumps({"_lume_line": "4,4,b,too many"}, separators=(",", ":"))
    says = ['{"id":"2","amount":"x","note":"a"}', line]
    rejects = tmp_path / "rejects.parquet"
    pq.write_table(pa.table({"_lume_row": [2, 4], "original": says}), rejects)
    assert differing_row(settings, staged, [rejects]) is None
    pq.write_table(pa.table({"_lume_row": [2, 9], "original": says}), rejects)
    assert differing_row(settings, staged, [rejects]) == 9


WORDS = st.text("ab ,;\"'\n0é", min_size=1, max_size=6)
law = hypothesis.settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
)


@law
@hypothesis.given(
    repairs=st.lists(
        st.dictionaries(st.sampled_from([1, 2, 3, 5]), WORDS, min_size=1), min_size=1, max_size=3
    )
)
def test_whatever_is_repaired_each_row_is_there_once(stage, repair, repairs):
    """``read_back`` counts the rows; the newest word for each of them counts."""
    found = before = stage(BATCH)
    for number, words in enumerate(repairs, 1):
        out = io.StringIO(newline="")
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("_lume_row", "note"), *words.items()])
        found = repair(found.batch, out.getvalue(), number)
    newest = {row: word for words in repairs for row, word in words.items()}
    assert found.rows == {
        row: (*values[:2], newest.get(row, values[2])) for row, values in before.rows.items()
    }
    assert found.malformed == before.malformed
