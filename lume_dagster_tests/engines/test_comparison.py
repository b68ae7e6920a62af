"""Two outputs of the same batch, compared row by row."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster.engines.comparison import Comparison
from lume_dagster.engines.settings import EngineSettings

REJECTS = pa.schema(
    [
        ("_lume_row", pa.int64()),
        (
            "errors",
            pa.list_(
                pa.struct(
                    [
                        ("field", pa.string()),
                        ("code", pa.string()),
                        ("message", pa.string()),
                        ("value", pa.string()),
                    ]
                )
            ),
        ),
    ]
)
ERROR = {"field": "a", "code": "INVALID_INTEGER", "message": "is no number", "value": "x"}


def written(folder: Path, rows: dict[int, dict], fields: dict[str, pa.DataType]) -> Path:
    """An output: rows by number, None where a row is rejected."""
    for part in ("mapped", "rejects"):
        (folder / part).mkdir(parents=True)
    schema = pa.schema([("_lume_row", pa.int64()), *fields.items()])
    mapped = [{"_lume_row": n, **row} for n, row in rows.items() if row is not None]
    rejects = [{"_lume_row": n, "errors": [ERROR]} for n, row in rows.items() if row is None]
    pq.write_table(pa.Table.from_pylist(mapped, schema), folder / "mapped" / "part-0000.parquet")
    pq.write_table(pa.Table.from_pylist(rejects, REJECTS), folder / "rejects" / "part-0000.parquet")
    return folder


def compared(folder: Path, before: Path | None, after: Path, **options) -> Comparison:
    return Comparison(EngineSettings(folder / "scratch"), before, after, **options)


FIELDS = {"a": pa.int64(), "b": pa.list_(pa.string())}
ROWS = st.dictionaries(
    st.integers(1, 8),
    st.none()
    | st.fixed_dictionaries(
        {
            "a": st.none() | st.integers(0, 2),
            "b": st.none() | st.lists(st.none() | st.sampled_from("xy"), max_size=2),
        }
    ),
)


@settings(deadline=None, max_examples=30)
@given(ROWS, ROWS)
def test_it_counts_what_a_person_would(before, after):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, new = written(folder / "old", before, FIELDS), written(folder / "new", after, FIELDS)
        found = compared(folder, old, new).differences()
        changes, total = compared(folder, old, new).changes(100)
    a = {n: row for n, row in before.items() if row is not None}
    b = {n: row for n, row in after.items() if row is not None}
    both = a.keys() & b.keys()
    assert found.changed == sum(a[n] != b[n] for n in both)
    assert found.same == sum(a[n] == b[n] for n in both)
    assert found.now_mapped == len(b.keys() - a.keys())
    assert found.now_rejected == len(a.keys() - b.keys())
    fields = {f: sum(a[n][f] != b[n][f] for n in both) for f in FIELDS}
    assert dict(found.fields) == {f: n for f, n in fields.items() if n}
    otherwise = sorted({n for n in both if a[n] != b[n]} | (a.keys() ^ b.keys()))
    assert [change.index + 1 for change in changes] == otherwise
    assert total == len(otherwise)


def test_a_row_that_is_rejected_by_one_says_why(tmp_path):
    old = written(tmp_path / "old", {1: {"a": 1}, 2: None}, {"a": pa.int64()})
    new = written(tmp_path / "new", {1: None, 2: {"a": 2}}, {"a": pa.int64()})
    lost, found = compared(tmp_path, old, new).examples(5)
    assert (lost.index, lost.before, lost.after, lost.errors) == (0, {"a": 1}, None, (ERROR,))
    assert (found.index, found.before, found.after) == (1, None, {"a": 2})


def test_a_value_of_another_type_is_compared_as_it_reads(tmp_path):
    old = written(tmp_path / "old", {1: {"a": 1}, 2: {"a": 2}}, {"a": pa.int64()})
    new = written(tmp_path / "new", {1: {"a": 1}, 2: {"a": 3}}, {"a": pa.int32()})
    assert compared(tmp_path, old, new).differences().fields == {"a": 1}


def test_a_field_that_only_one_has_differs_unless_shared_ones_are_asked_for(tmp_path):
    old = written(
        tmp_path / "old", {1: {"a": 1, "gone": 1}}, dict.fromkeys(("a", "gone"), pa.int64())
    )
    new = written(
        tmp_path / "new", {1: {"a": 1, "new": 1}}, dict.fromkeys(("a", "new"), pa.int64())
    )
    assert compared(tmp_path, old, new).differences().changed == 1
    shared = compared(tmp_path, old, new, shared_only=True)
    assert shared.differences().same == 1
    assert shared.only_in() == (("gone",), ("new",))


def test_beside_nothing_every_mapped_row_is_new(tmp_path):
    new = written(tmp_path / "new", {1: {"a": 1}, 2: None}, {"a": pa.int64()})
    found = compared(tmp_path, None, new).differences()
    assert (found.now_mapped, found.now_rejected, found.changed) == (1, 0, 0)


def test_of_each_kind_the_first_rows_are_shown(tmp_path):
    numbers = range(1, 31)
    old = written(
        tmp_path / "old", {n: None if n % 3 == 0 else {"a": n} for n in numbers}, {"a": pa.int64()}
    )
    new = written(
        tmp_path / "new", {n: None if n % 3 == 1 else {"a": 0} for n in numbers}, {"a": pa.int64()}
    )
    assert [c.index + 1 for c in compared(tmp_path, old, new).examples(2)] == [2, 5, 1, 4, 3, 6]
