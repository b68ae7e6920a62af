"""metrics.json has the fields people know, and its figures add up."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.runs.metrics import Metrics, RowCounts, measure, total

counts = st.integers(0, 10**9)


def metrics(mapped=14317, rejects=575, errors=(("MISSING_REQUIRED_FIELD", 400), ("BAD", 175))):
    return measure(
        run_id="run_1",
        flow_version="orders:v4",
        rows=RowCounts(mapped + rejects, mapped, rejects),
        error_counts=errors,
        tests=(12, 2),
        seconds=1.23456,
    )


def test_the_document_has_exactly_the_known_fields():
    assert metrics().to_dict() == {
        "run_id": "run_1",
        "flow_version": "orders:v4",
        "row_counts": {"input": 14892, "mapped": 14317, "rejects": 575},
        "error_rate": 0.0386,
        "max_error_code": "MISSING_REQUIRED_FIELD",
        "validation_summary": {
            "tests_executed": 12,
            "tests_failed": 2,
            "top_errors": [
                {"error_code": "MISSING_REQUIRED_FIELD", "count": 400},
                {"error_code": "BAD", "count": 175},
            ],
        },
        "runtime_seconds": 1.235,
    }


def test_an_empty_batch_has_no_errors():
    empty = metrics(0, 0, ())
    assert (empty.error_rate, empty.max_error_code) == (0.0, None)


@given(counts, counts)
def test_metrics_survive_being_written(mapped, rejects):
    written = metrics(mapped, rejects)
    assert Metrics.from_dict(json.loads(json.dumps(written.to_dict()))) == written


def test_many_batches_are_summed():
    whole = total([metrics(2, 1, (("A", 1),)), metrics(3, 4, (("B", 3), ("A", 1)))])
    assert whole.row_counts == RowCounts(10, 5, 5)
    assert [(e.error_code, e.count) for e in whole.validation_summary.top_errors] == [
        ("B", 3),
        ("A", 2),
    ]
    assert whole.error_rate == 0.5
