"""Decide whether a transformed batch may go to its target."""

from __future__ import annotations

from collections.abc import Callable

from lume_dagster.errors import BatchRefusedError, counted
from lume_dagster.runs.phases import Outcome

_SAMPLES = 3


def refuse(outcome: Outcome, max_error_rate: float) -> BatchRefusedError | None:
    """Why the batch must not be written, or None.

    Nothing of a refused batch is written to the target, not even its rejects: a target holds whole
    batches only. Mapped rows and rejects stay in the output folder.
    """
    found = (judgement(outcome, max_error_rate) for judgement in _JUDGEMENTS)
    return next((refusal for refusal in found if refusal is not None), None)


def _all_rejected(outcome: Outcome, _: float) -> BatchRefusedError | None:
    rows = outcome.mapped.rows
    if not rows.input or rows.mapped:
        return None
    most = outcome.mapped.metrics.max_error_code
    return BatchRefusedError(
        f"All {rows.input:,} rows were rejected, most of them with {most}."
        if rows.input > 1
        else f"The only row was rejected with {most}.",
        code="ALL_REJECTED",
        hint=f"see the rejects in {outcome.mapped.folder / 'rejects'}.",
    )


def _error_rate(outcome: Outcome, most: float) -> BatchRefusedError | None:
    rows = outcome.mapped.rows
    if not rows.input or rows.rejects / rows.input <= most:  # 0.29 * 100 is below 29
        return None
    return BatchRefusedError(
        f"{rows.rejects:,} of {counted(rows.input, 'row')} {'was' if rows.rejects == 1 else 'were'}"
        f" rejected ({rows.rejects / rows.input:.2%});"
        f" the flow allows {most:.2%}.",
        code="ERROR_RATE",
        hint=f"see the rejects in {outcome.mapped.folder / 'rejects'}, or raise"
        " errors.max_error_rate.",
    )


def _row_tests(outcome: Outcome, _: float) -> BatchRefusedError | None:
    broken = [t for t in outcome.transformed.tallies if t.test.severity == "fail" and t.rows_failed]
    if not broken:
        return None
    first = broken[0]
    rows = ", ".join(str(s.row) for s in first.samples[:_SAMPLES])
    return BatchRefusedError(
        f"{counted(first.rows_failed, 'row breaks', 'rows break')} {first.test.id},"
        " which fails the run:"
        f" {first.test.message}",
        code="RULE_FAILED",
        hint=(f"look at row {rows}; " if rows else "")
        + "on_fail: reject would set such rows aside instead.",
    )


def _checks(outcome: Outcome, _: float) -> BatchRefusedError | None:
    broken = [c for c in outcome.checks if not c.passed and c.on_fail == "fail"]
    if not broken:
        return None
    return BatchRefusedError(
        f"The batch fails {len(broken)} of {counted(len(outcome.checks), 'check')}: "
        + "; ".join(c.sentence for c in broken)
        + ".",
        code="CHECK_FAILED",
        hint="on_fail: warn would let the batch pass.",
    )


_JUDGEMENTS: tuple[Callable[[Outcome, float], BatchRefusedError | None], ...] = (
    _all_rejected,
    _error_rate,
    _row_tests,
    _checks,
)
