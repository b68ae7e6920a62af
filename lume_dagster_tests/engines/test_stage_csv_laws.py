"""Law 1 for CSV: whatever the bytes, each record is staged or malformed, once, with its text."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.engines.readers import records as cutter
from lume_dagster.engines.readers import scan, sieve
from lume_dagster.engines.readers.dialect import Dialect
from lume_dagster.engines.readers.records import problem_of, records
from lume_dagster.engines.readers.scan import CHUNK
from lume_dagster.errors import BatchError

law = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
#: Pieces of CSV, right and wrong: what breaks readers is how they meet.
PIECES = ["x", "xx", ",", ",", '"', '""', '","', "\n", "\r\n", "\r", " ", "\n1,2\n", 'x"', '"\n']


@law
@given(
    rows=st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(TEXT, min_size=width, max_size=width), max_size=8)
    ),
    delimiter=st.sampled_from(",;\t|~"),
    quote=st.sampled_from("\"'"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]),
)
def test_what_a_csv_writer_wrote_comes_back(stage, rows, delimiter, quote, line_end, encoding):
    out = io.StringIO(newline="")
    csv.writer(
        out, delimiter=delimiter, quotechar=quote, lineterminator=line_end, quoting=csv.QUOTE_ALL
    ).writerows(rows)
    staged = stage(
        out.getvalue().encode(encoding),
        type="csv",
        header=False,
        delimiter=delimiter,
        quote=quote,
        encoding=encoding,
    )
    assert staged.values == [tuple(row) for row in rows]


@law
@given(rows=st.lists(st.tuples(*[st.text("ab ;.-'0é", max_size=6)] * 3), min_size=1, max_size=30))
def test_the_dialect_of_a_plain_table_is_found_out(stage, rows):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter="\t", lineterminator="\r\n")
    writer.writerows([("first", "second", "third"), *rows])
    staged = stage(out.getvalue().encode())
    assert staged.names == ["first", "second", "third"]
    assert staged.values == [tuple(value or None for value in row) for row in rows]


@law
@given(data=st.binary(max_size=200))
def test_any_bytes_are_staged_or_refused_with_a_sentence(stage, data):
    with suppress(BatchError):
        stage(data, type="csv")  # the fixture asserts that each record is in one place, once


@law
@given(text=TEXT, broken=st.binary(max_size=4), at=st.integers(0, 40))
def test_small_and_large_pieces_are_held_to_the_same_utf_8(text, broken, at):
    data = text.encode()[:at] + broken + text.encode()[at:]
    large = data + b"x" * scan.NOT_WORTH_ARROW
    assert scan.is_utf8(data) is scan.is_utf8(large)


@contextmanager
def _chunks_of(size):
    """Readers that take a file in pieces of so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((scan, "CHUNK"), (sieve, "CHUNK"), (cutter, "_CHUNK")):
            patch.setattr(module, name, size)
        yield


@law
@given(
    pieces=st.lists(st.sampled_from([*PIECES, "a,b", "\n\ufeffa,b\n", "\udcff"]), max_size=40),
    header=st.sampled_from(["a,b\n", "a,b\r\n", "a,b,c\n", "h\n", "\ufeffa,b\n"]),
    escape=st.sampled_from(['"', "\\"]),
    chunk=st.sampled_from([1, 3, 8, CHUNK]),
)
def test_the_parallel_reader_agrees_with_cutting_record_by_record(
    stage, pieces, header, escape, chunk
):
    data = (header + "".join(pieces)).encode("utf-8", "surrogateescape")
    with _chunks_of(chunk):  # records that lie across the edges of chunks
        staged = stage(data, type="csv", delimiter=",", quote='"', escape=escape, encoding="utf-8")
    dialect = Dialect(",", '"', escape)
    start = len(header.encode())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "same.csv"
        path.write_bytes(data)
        expected = list(records(path, dialect, start, limit=1 << 20))
    line = header.strip("\ufeff\r\n").encode()
    repeated = line if b"," in line else None
    good, bad = {}, {}
    for number, record in enumerate(expected, 1):
        problem = record.problem
        if problem is None:
            values, problem = problem_of(record.text, dialect, len(staged.names), "utf-8", repeated)
        if problem is None:
            good[number] = tuple(None if value is None else value.decode() for value in values)
        else:
            bad[number] = (record.text.decode("utf-8", "backslashreplace"), problem)
    assert staged.rows == good
    assert staged.malformed == bad


@law
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=60))
def test_no_letter_is_lost(stage, pieces):
    body = "".join(pieces)
    staged = stage(("a,b\n" + body).encode(), type="csv", delimiter=",", quote='"')
    kept = "".join(value or "" for row in staged.values for value in row)
    refused = "".join(text for text, _ in staged.malformed.values())
    assert (kept + refused).count("x") == body.count("x")
