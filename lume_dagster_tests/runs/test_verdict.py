"""A batch is refused by its share of rejects just when that is above what the flow allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lume_dagster.engines.result import Transformed
from lume_dagster.plan.plan import Plan
from lume_dagster.runs.metrics import RowCounts, measure
from lume_dagster.runs.phases import MappedBatch, Outcome
from lume_dagster.runs.verdict import refuse

PLAN = Plan((), (), (), (), "", "", None, None, None, ())


def verdict(rejects: int, rows: int, most: float) -> str | None:
    """The code of the refusal."""
    counts = RowCounts(rows, rows - rejects, rejects)
    metrics = measure(
        run_id="r", flow_version="f:v1", rows=counts, error_counts=(), tests=(0, 0), seconds=0
    )
    done = Transformed((), (), rows, rows - rejects, rejects, (), (), (), 0)
    mapped = MappedBatch(Path("out"), (), (), metrics)
    refused = refuse(Outcome(mapped, PLAN, done, (), ()), most)
    return None if refused is None else refused.code


def test_as_many_rejects_as_the_flow_allows_are_allowed():
    """0.29 * 100 is a hair below 29 in binary, and 29 of 100 rows are 0.29 all the same."""
    for hundredths in range(100):
        most = float(f"0.{hundredths:02}")
        for times in (1, 3, 70):
            allowed, rows = hundredths * times, 100 * times
            assert verdict(allowed, rows, most) is None
            assert verdict(allowed + 1, rows + 1, most) in ("ERROR_RATE", "ALL_REJECTED")


@pytest.mark.parametrize(
    ("rejects", "rows", "most", "code"),
    [(0, 0, 0.0, None), (0, 9, 0.0, None), (1, 9, 0.0, "ERROR_RATE"), (9, 9, 1.0, "ALL_REJECTED")],
)
def test_no_rows_are_no_rejects_and_nothing_but_rejects_is_no_batch(rejects, rows, most, code):
    assert verdict(rejects, rows, most) == code
