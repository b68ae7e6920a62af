"""What asset checks say: of one batch, or of the many of one run together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import dagster as dg

from lume_dagster.errors import BatchRefusedError

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """What one asset check says about one batch.

    Attributes:
        step: The step whose asset is checked.
        name: Of the check.
        passed: Whether all is well.
        error: Whether it fails the run when it is not; otherwise that is a warning.
        description: What was found.
        metadata: Figures and names; figures are drawn over time by the names they have here.
        hint: What to do when the run fails.
    """

    step: str
    name: str
    passed: bool
    error: bool
    description: str
    metadata: Mapping[str, Any]
    hint: str | None = None


def refusal(checked: Sequence[Checked]) -> BatchRefusedError | None:
    """Why checks do not let a batch through, or None."""
    broken = [c for c in checked if c.error and not c.passed]
    if not broken:
        return None
    first = broken[0]
    words = " ".join(c.description for c in broken)
    return BatchRefusedError(words, code=first.name.upper(), hint=first.hint)


def one_result(asset: dg.AssetKey, checked: Checked, source_path: str) -> dg.AssetCheckResult:
    """The result of a check in a run over one batch."""
    return _result(
        dg.AssetCheckKey(asset, checked.name),
        checked.passed,
        checked.error,
        checked.description,
        {**checked.metadata, "lume/source_path": source_path},
    )


def many_results(
    key_of: Callable[[str], dg.AssetKey], by_batch: Mapping[str, Sequence[Checked]]
) -> dict[dg.AssetCheckKey, dg.AssetCheckResult]:
    """One result for each check in a run over many batches, with the batches that fail it."""
    by_check: dict[tuple[str, str], dict[str, Checked]] = {}
    for source_path, checked in by_batch.items():
        for check in checked:
            by_check.setdefault((check.step, check.name), {})[source_path] = check
    results = {}
    for (step, name), batches in by_check.items():
        key = dg.AssetCheckKey(key_of(step), name)
        results[key] = _summary(key, batches)
    return results


def not_run(check: dg.AssetCheckKey) -> dg.AssetCheckResult:
    """What is said of a selected check when no batch came as far as being checked."""
    return _result(check, False, True, "No batch could be checked.", {})


def _summary(check: dg.AssetCheckKey, batches: Mapping[str, Checked]) -> dg.AssetCheckResult:
    failed = {path: c for path, c in batches.items() if not c.passed}
    records = [
        dg.TableRecord({"source_path": path, "result": c.description})
        for path, c in list(failed.items())[:_SHOWN]
    ]
    columns = [dg.TableColumn("source_path"), dg.TableColumn("result")]
    metadata = {
        **_figures(batches.values()),
        "batches": len(batches),
        "batches_failed": len(failed),
        "failed": dg.MetadataValue.table(records, dg.TableSchema(columns)),
    }
    error = any(c.error for c in failed.values())
    words = f"{len(failed)} of {len(batches)} batches fail this check."
    return _result(check, not failed, error, words, metadata)


#: What is drawn of a figure that many batches have; of others the largest, which is the worst.
_OVER_MANY: Mapping[str, Callable[[list[Any]], Any]] = {
    "rows": median,
    "usual_min": min,
    "bound": min,
}


def _figures(checked: Iterable[Checked]) -> dict[str, int | float]:
    values: dict[str, list[int | float]] = {}
    for check in checked:
        for name, value in check.metadata.items():
            if isinstance(value, int | float):
                values.setdefault(name, []).append(value)
    return {name: _OVER_MANY.get(name, max)(found) for name, found in values.items()}


def _result(
    check: dg.AssetCheckKey,
    passed: bool,  # noqa: FBT001
    error: bool,  # noqa: FBT001
    description: str,
    metadata: Mapping[str, Any],
) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=passed,
        severity=severity,
        description=description,
        metadata=dict(metadata),
    )
