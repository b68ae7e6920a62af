"""What a run counted: the content of ``metrics.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

TOP_ERRORS = 10


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Input rows, and the two kinds they became: ``input == mapped + rejects``."""

    input: int
    mapped: int
    rejects: int


@dataclass(frozen=True, slots=True)
class TopError:
    """An error code and the number of rows that carry it."""

    error_code: str
    count: int


@dataclass(frozen=True, slots=True)
class ValidationSummary:
    """How many tests ran, how many found something wrong, and what they found most."""

    tests_executed: int
    tests_failed: int
    top_errors: tuple[TopError, ...] = ()


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one batch, or of a run over many."""

    run_id: str
    flow_version: str
    row_counts: RowCounts
    error_rate: float
    max_error_code: str | None
    validation_summary: ValidationSummary
    runtime_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As ``metrics.json`` holds it."""
        value = asdict(self)
        summary = value["validation_summary"]
        summary["top_errors"] = list(summary["top_errors"])
        return value

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Metrics:
        """Read back what ``to_dict`` gave."""
        summary = value["validation_summary"]
        errors = tuple(TopError(**e) for e in summary["top_errors"])
        return cls(
            run_id=value["run_id"],
            flow_version=value["flow_version"],
            row_counts=RowCounts(**value["row_counts"]),
            error_rate=value["error_rate"],
            max_error_code=value["max_error_code"],
            validation_summary=ValidationSummary(
                summary["tests_executed"], summary["tests_failed"], errors
            ),
            runtime_seconds=value["runtime_seconds"],
        )


def measure(
    *,
    run_id: str,
    flow_version: str,
    rows: RowCounts,
    error_counts: Sequence[tuple[str, int]],
    tests: tuple[int, int],
    seconds: float,
) -> Metrics:
    """Metrics from counts; ``tests`` are (executed, failed), the frequent errors come first."""
    top = tuple(TopError(code, count) for code, count in error_counts[:TOP_ERRORS])
    return Metrics(
        run_id=run_id,
        flow_version=flow_version,
        row_counts=rows,
        error_rate=error_rate(rows),
        max_error_code=top[0].error_code if top else None,
        validation_summary=ValidationSummary(*tests, top),
        runtime_seconds=round(seconds, 3),
    )


def error_rate(rows: RowCounts) -> float:
    """The share of input rows that were rejected, to four decimals; 0 for an empty batch."""
    return round(rows.rejects / rows.input, 4) if rows.input else 0.0


def total(many: Sequence[Metrics]) -> Metrics:
    """The metrics of a run over many batches: sums, and the most frequent errors overall."""
    counts: dict[str, int] = {}
    for error in (e for m in many for e in m.validation_summary.top_errors):
        counts[error.error_code] = counts.get(error.error_code, 0) + error.count
    return measure(
        run_id=many[0].run_id,
        flow_version=many[0].flow_version,
        rows=RowCounts(
            sum(m.row_counts.input for m in many),
            sum(m.row_counts.mapped for m in many),
            sum(m.row_counts.rejects for m in many),
        ),
        error_counts=sorted(counts.items(), key=lambda item: (-item[1], item[0])),
        tests=(
            sum(m.validation_summary.tests_executed for m in many),
            sum(m.validation_summary.tests_failed for m in many),
        ),
        seconds=sum(m.runtime_seconds for m in many),
    )
