"""Dates that came as dates, and that no other system has: each is an error with its text."""

from __future__ import annotations

import datetime as dt
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lume_dagster.errors import BatchError
from lume_dagster_tests.engines.test_duckdb_engine import Run
from lume_dagster_tests.plan.mapping import flow_of
from lume_dagster_tests.plan.mapping import run as run_rows

TEXT = {"type": "string"}
DATE = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
PARQUET = {"source": {"connector": "c", "format": {"type": "parquet"}}}
DAYS = {-719163: "0001-12-31 (BC)", -719162: None, 2932896: None, 2932897: "10000-01-01"}
DAYS |= {2**31 - 1: "infinity"}
SECONDS = {-62135596801: "0001-12-31 (BC) 23:59:59", 253402300799: None}
SECONDS |= {253402300800: "10000-01-01 00:00:00"}
NANOSECONDS = {2**63 - 1: "infinity", -(2**63) + 1: "-infinity", 2**63 - 2: None, -(2**63): None}


def parquet(column: pa.Array) -> bytes:
    pq.write_table(pa.table({"id": column}), sink := io.BytesIO())
    return sink.getvalue()


@pytest.mark.parametrize("field", [TEXT, DATE, MOMENT], ids=["text", "date", "moment"])
@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (DAYS, pa.date32()),
        ({second * 10**6: text for second, text in SECONDS.items()}, pa.timestamp("us")),
        (NANOSECONDS, pa.timestamp("ns")),
    ],
    ids=["date32", "timestamp", "nanoseconds"],
)
def test_a_date_beyond_the_years_of_others_is_a_reject_with_its_text(tmp_path, given, kind, field):
    number = pa.int32() if kind == pa.date32() else pa.int64()
    content = parquet(pa.array(list(given), number).cast(kind))
    run = Run(tmp_path, flow_of({"id": field}, {"id": "id"}, **PARQUET))(content)
    odd = [row for row, text in enumerate(given.values(), 1) if text is not None]
    told = {row["_lume_row"]: row["errors"][0] for row in run.rejects}
    assert [told[row]["value"] for row in odd] == [given[key] for key in given if given[key]]
    assert {told[row]["message"] for row in odd} == {"is not within the years 1 to 9999"}
    assert len(run.mapped) + len(run.rejects) == len(given)


def test_a_flow_that_does_not_read_the_column_rejects_nothing(tmp_path):
    columns = {"id": ["a"], "day": pa.array([2932897], pa.int32()).cast(pa.date32())}
    pq.write_table(pa.table(columns), sink := io.BytesIO())
    run = Run(tmp_path, flow_of({"id": TEXT}, {"id": "id"}, **PARQUET))(sink.getvalue())
    assert [row["id"] for row in run.mapped] == ["a"]


def test_dates_within_lists_and_records_are_judged_too(tmp_path):
    days = pa.array([2932897, 0], pa.int32()).cast(pa.date32())
    lines = pa.ListArray.from_arrays([0, 1, 2], pa.StructArray.from_arrays([days], ["due"]))
    flow = flow_of(
        {"last": DATE, "first": DATE},
        {"last": "max_of(id, item.due)", "first": "first_of(id, item.due)"},
        **PARQUET,
    )
    run = Run(tmp_path, flow)(parquet(lines))
    assert [row["last"] for row in run.mapped] == [dt.date(1970, 1, 1)]
    (reject,) = run.rejects
    assert {e["field"] for e in reject["errors"]} == {"last", "first"}


@pytest.mark.parametrize(
    ("expression", "given", "becomes"),
    [
        ("CAST(CAST(x AS DATE) + INTERVAL '8000' YEAR AS DATE)", "2024-01-01", None),
        ("CAST(x AS DATE) + 1", "9999-12-31", None),
        ("make_date(CAST(x AS INTEGER), 1, 1)", "12000", None),
        ("CAST(x AS DATE) + 1", "9999-12-30", dt.date(9999, 12, 31)),
    ],
)
def test_a_date_that_is_computed_stays_within_them(expression, given, becomes):
    out = run_rows(flow_of({"x": DATE}, {"x": expression}), [(given,)])
    assert [row["x"] for row in out.mapped] == ([becomes] if becomes else [])
    told = [error["message"] for reject in out.rejects for error in reject["errors"]]
    assert [text.endswith("is not within the years 1 to 9999") for text in told] == [
        True for _ in out.rejects
    ]


def test_a_point_in_time_that_the_engine_cannot_write_is_refused(stage):
    moments = pa.array([-(2**63)], pa.int64())
    with pytest.raises(BatchError, match=r"earlier than any .*\nHint: a point in time lies beyond"):
        stage({"a.parquet": parquet(moments.cast(pa.timestamp("us")))})
    with pytest.raises(BatchError, match=r"(?s)Hint: a point in time lies beyond the years"):
        stage({"a.parquet": parquet(moments.cast(pa.timestamp("ms")))})
