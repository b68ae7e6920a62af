"""Checks of a staged batch: its columns and its number of rows, beside those of earlier batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import counted
from lume_dagster.orchestration.checks.history import Earlier, columns_of
from lume_dagster.orchestration.checks.options import ROW_COUNT_ANOMALY, SCHEMA_CONTRACT, Checks
from lume_dagster.orchestration.checks.results import Checked
from lume_dagster.orchestration.checks.usual import usual

#: The columns that a flow needs and a batch with these does not have.
Missing = Callable[[tuple[str, ...]], tuple[str, ...]]

_NEEDED = ", which the flow needs"
_FORCE = "force_rerun lets the batch pass when it is right all the same."


def source_checks(
    options: Checks,
    missing: Missing,
    staged: StagedBatch,
    earlier: Sequence[Earlier],
    *,
    forced: bool,
) -> Iterator[Checked]:
    """The results for one batch; ``missing`` tells what the flow needs beside some columns.

    Where the batch is ``forced`` through, none of them fails it.
    """
    if options.schema_contract != "ignore":
        fails = options.schema_contract == "fail" and not forced
        yield _schema_contract(missing, staged, earlier, fails=fails)
    if options.row_count_anomaly != "ignore":
        fails = options.row_count_anomaly == "fail" and not forced
        yield _row_count(options, staged.records, [e.rows for e in earlier], fails=fails)


def _schema_contract(
    missing_in: Missing, staged: StagedBatch, earlier: Sequence[Earlier], *, fails: bool
) -> Checked:
    columns = columns_of(staged)
    last = next((e for e in earlier if e.columns is not None), None)
    missing = list(missing_in(tuple(columns)))
    new, gone, retyped = _compared(columns, last.columns if last else None)
    said = [
        _named(missing, f"{_NEEDED}, is missing", f"{_NEEDED}, are missing"),
        _named([c for c in gone if c not in missing], " is gone", " are gone"),
        _named(new, " is new", " are new"),
        "; ".join(retyped),
    ]
    words = "; ".join(part for part in said if part)
    beside = f" since {last.source_path}" if last else ""
    return Checked(
        "source",
        SCHEMA_CONTRACT,
        passed=not words,
        error=fails,
        description=f"{words}{beside}." if words else _unchanged(len(columns), last),
        metadata={
            "columns": len(columns),
            "columns_missing": len(missing),
            "columns_new": len(new),
            "columns_gone": len(gone),
            "columns_retyped": len(retyped),
            "missing": missing,
            "new": new,
            "gone": gone,
            "retyped": retyped,
            **({"compared_with": last.source_path} if last else {}),
        },
        hint=f"publish a version that fits, or ask for the old columns; {_FORCE}",
    )


def _compared(
    now: Mapping[str, str], before: Mapping[str, str] | None
) -> tuple[list[str], list[str], list[str]]:
    """New, gone and retyped columns."""
    if before is None:
        return [], [], []
    new = [name for name in now if name not in before]
    gone = [name for name in before if name not in now]
    retyped = [
        f"{name} was {before[name]} and is {kind}"
        for name, kind in now.items()
        if name in before and before[name] != kind
    ]
    return new, gone, retyped


def _named(columns: Sequence[str], one: str, many: str) -> str:
    return f"{', '.join(columns)}{one if len(columns) == 1 else many}" if columns else ""


def _unchanged(columns: int, last: Earlier | None) -> str:
    if last is None:
        return f"All the flow needs is among {columns} columns; there is no earlier batch."
    return f"The same {columns} columns as in {last.source_path}."


def _row_count(options: Checks, rows: int, before: Sequence[int], *, fails: bool) -> Checked:
    if len(before) < options.history_at_least:
        earlier = counted(len(before), "earlier batch", "earlier batches")
        words = f"{counted(rows, 'row')}; too little history to tell what is usual ({earlier})."
        return Checked("source", ROW_COUNT_ANOMALY, True, False, words, {"rows": rows})
    found = usual(before, options.tolerance)
    return Checked(
        "source",
        ROW_COUNT_ANOMALY,
        passed=found.holds(rows),
        error=fails,
        description=f"{counted(rows, 'row')}; the last {found.batches} batches had"
        f" {found.least:,} to {found.most:,}, half of them {found.median:,.0f} or more.",
        metadata={
            "rows": rows,
            "usual_min": found.low,
            "usual_max": found.high,
        },
        hint=f"look whether the delivery is whole; {_FORCE}",
    )
