"""Every test of a run with its result: the content of ``validation_results.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from lume_dagster.engines.result import Tally
from lume_dagster.plan.plan import RowTest
from lume_dagster.runs.checks import CheckResult
from lume_dagster.runs.metrics import RowCounts

TestStatus = Literal["pass", "fail", "warn"]

#: What kind of fault a test finds, where no schema keyword says it better.
_ERROR_TYPES = {"conversion": "type", "lookup": "lookup", "key": "duplicate", "rule": "custom"}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that broke the test, by its number in the batch, and the value that broke it."""

    row: int
    value: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One test: a condition on rows with the rows that broke it, or a check of the batch."""

    id: str
    name: str
    field: str | None
    severity: str
    status: TestStatus
    rows_checked: int
    rows_failed: int
    error_code: str | None
    error_type: str
    schema_path: str | None
    message: str
    samples: tuple[BadRow, ...] = ()


_FIELDS = tuple(field.name for field in fields(Finding))


def judge(
    tallies: Sequence[Tally], checks: Sequence[CheckResult], rows: RowCounts
) -> tuple[Finding, ...]:
    """The results of all tests of a batch: rows first, then the batch as a whole."""
    return (
        *(_row_test(t, rows.input) for t in tallies),
        *(_batch_check(c, rows.input) for c in checks),
    )


def to_document(run_id: str, flow_version: str, tests: Sequence[Finding]) -> dict[str, Any]:
    """As ``validation_results.json`` holds it."""
    return {"run_id": run_id, "flow_version": flow_version, "tests": [_values(t) for t in tests]}


def _values(test: Finding) -> dict[str, Any]:
    """What ``asdict`` gives, without its copy of every value."""
    values = {name: getattr(test, name) for name in _FIELDS}
    return {**values, "samples": [{"row": s.row, "value": s.value} for s in test.samples]}


def _row_test(tally: Tally, rows: int) -> Finding:
    test = tally.test
    return Finding(
        id=test.id,
        name=test.field if test.kind == "rule" else test.id,
        field=None if test.kind == "rule" else test.field,
        severity=test.severity,
        status=_status(test.severity, failed=tally.rows_failed > 0),
        rows_checked=rows,
        rows_failed=tally.rows_failed,
        error_code=test.code,
        error_type=_error_type(test),
        schema_path=test.schema_path,
        message=test.message,
        samples=tuple(BadRow(s.row, s.value) for s in tally.samples),
    )


def _batch_check(check: CheckResult, rows: int) -> Finding:
    return Finding(
        id=f"check:{check.name}",
        name=check.name,
        field=None,
        severity=check.on_fail,
        status=_status(check.on_fail, failed=not check.passed),
        rows_checked=rows,
        rows_failed=int(check.value) if check.kind == "unique" else 0,
        error_code=None if check.passed else "CHECK_FAILED",
        error_type=check.kind,
        schema_path=None,
        message=check.sentence,
    )


def _status(severity: str, *, failed: bool) -> TestStatus:
    if not failed:
        return "pass"
    return "warn" if severity == "warn" else "fail"


def _error_type(test: RowTest) -> str:
    if test.kind in _ERROR_TYPES:
        return _ERROR_TYPES[test.kind]
    return (test.schema_path or "schema").rsplit("/", 1)[-1]
