"""The first records of a large file are those of the whole file, and cost no more than they must."""

from __future__ import annotations

import gzip

import duckdb
import pytest

from lume_dagster.engines import first
from lume_dagster.engines.first import stage_first
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.settings import MIB
from lume_dagster.engines.stage import stage_files
from lume_dagster.flows.model import SourceFormat

ROWS = 120_000
LINES = [f"{number};Ann Müller;{number},50" for number in range(1, ROWS + 1)]
HEADER = "id;name;price"


def csv_of(lines, header=HEADER, encoding="utf-8"):
    return "\n".join([header, *lines, ""]).encode(encoding)


@pytest.fixture
def both(settings, tmp_path):
    """The first rows as they are had of a part and of the whole, and how many were staged."""

    def staged(data, rows=20, name="x.csv", enough=lambda _: True, **options):
        files = []
        for number, text in enumerate(data if isinstance(data, list) else [data]):
            path = tmp_path / f"{number}-{name}"
            path.write_bytes(text)
            files.append(InputFile(path, f"file:///{number}-{name}", "1"))
        form = SourceFormat(**options)
        part = stage_first(settings, files, form, tmp_path / "part", rows, enough)
        whole = stage_files(settings, files, form, tmp_path / "whole")
        assert top(part, rows) == top(whole, rows)
        assert [c.name for c in part.columns][: len(whole.columns)] == [
            c.name for c in whole.columns
        ]
        return part.records

    return staged


def top(batch, rows):
    with duckdb.connect() as connection:
        return connection.execute(f"{staged_view_sql(batch)} ORDER BY 1 LIMIT {rows}").fetchall()


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (csv_of(LINES), {}),
        (csv_of(LINES, encoding="utf-16"), {}),
        (csv_of(LINES, encoding="cp1252"), {"encoding": "cp1252"}),
        (csv_of([f'{n};"a\nb ""c""";1' for n in range(ROWS)]), {}),
        ([csv_of(LINES), csv_of(LINES, "id;name;tax")], {}),
        (b"".join(b'{"id": %d, "name": "Ann Lee"}\n' % n for n in range(ROWS)), {"type": "jsonl"}),
    ],
    ids=["utf-8", "utf-16", "encoding given", "quoted lines", "two files", "json lines"],
)
def test_a_part_of_a_large_file_is_enough(both, data, options):
    assert 20 < both(data, **options) < ROWS * (2 if isinstance(data, list) else 1)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (csv_of(LINES, encoding="cp1252"), {}),
        (csv_of([*LINES[:5], "6;too;many;fields", *LINES[6:]]), {}),
        (csv_of([*LINES[:5], '6;"never closed;6', *LINES[6:]]), {}),
        (gzip.compress(csv_of(LINES), mtime=0), {}),
        (b"\n".join([b"["] + [b'{"id": 1},'] * 200_000 + [b'{"id": 2}]']), {"name": "x.json"}),
    ],
    ids=["encoding told by all bytes", "ragged", "open quote", "compressed", "one document"],
)
def test_what_may_hang_on_the_rest_is_read_whole(both, data, options):
    assert both(data, **options) >= ROWS


def test_a_malformed_record_further_on_is_no_matter(both):
    assert both(csv_of([*LINES[:50], "6;too;many;fields", *LINES[50:]])) < ROWS


def test_a_column_that_only_later_records_have_is_found(both):
    data = b'{"id": 1}\n' * 300_000 + b'{"id": 1, "late": 2}\n'
    assert both(data, name="x.jsonl", enough=lambda names: "late" in names) == 300_001


def test_more_rows_than_a_part_holds_are_had_from_a_larger_one(both, monkeypatch):
    records = both(csv_of(LINES), rows=70_000)
    assert records >= 70_000
    assert first._PARTS[0] == MIB
