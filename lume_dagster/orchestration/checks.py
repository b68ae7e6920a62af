"""Asset checks: the flow's rules and checks, and whether any row was rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from lume_dagster.flows.model import FlowVersion
from lume_dagster.runs.checks import check_names
from lume_dagster.runs.phases import Outcome
from lume_dagster.runs.validation import Finding

REJECTS = "rejects"
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """What one asset check says about one batch."""

    name: str
    passed: bool
    error: bool  # fails the run; otherwise a failure is a warning
    description: str
    metadata: Mapping[str, Any]


def check_specs(version: FlowVersion, asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks on the transform of a version.

    They are not partitioned, which Dagster only offers as a preview: each says in its metadata
    which batch it speaks of.
    """
    flow = version.flow
    most = flow.errors.max_error_rate
    described = [(REJECTS, f"Every row is mapped; the run fails above {most:.2%} rejects.")]
    described += [(f"rule_{r.name}", r.message or r.check) for r in flow.rules]
    described += [
        (f"check_{name}", f"On failure: {check.on_fail}.")
        for name, check in zip(check_names(flow.checks), flow.checks, strict=True)
    ]
    return [dg.AssetCheckSpec(name, asset=asset, description=d) for name, d in described]


def check_outcome(version: FlowVersion, outcome: Outcome, *, refused: bool) -> list[Checked]:
    """The results of all checks of a version for one batch, in the order of ``check_specs``."""
    rows = outcome.mapped.rows
    rejects = Checked(
        REJECTS,
        passed=not rows.rejects,
        error=refused,
        description=f"{rows.rejects} of {rows.input} rows were rejected.",
        metadata={"rejects": rows.rejects, "error_rate": outcome.mapped.metrics.error_rate},
    )
    by_name = {f.name: f for f in outcome.findings if f.error_type == "custom"}
    rules = [_rule(r.name, by_name.get(r.name)) for r in version.flow.rules]
    checks = [
        Checked(
            f"check_{c.name}",
            passed=c.passed,
            error=c.on_fail == "fail",
            description=f"{c.sentence}.",
            metadata={"value": c.value, "wanted": c.wanted},
        )
        for c in outcome.checks
    ]
    return [rejects, *rules, *checks]


def one_result(asset: dg.AssetKey, checked: Checked, source_path: str) -> dg.AssetCheckResult:
    """The result of a check in a run over one batch."""
    return _result(
        asset,
        checked.name,
        checked.passed,
        checked.error,
        checked.description,
        {**checked.metadata, "lume/source_path": source_path},
    )


def many_results(
    asset: dg.AssetKey, by_batch: Mapping[str, Sequence[Checked]]
) -> list[dg.AssetCheckResult]:
    """One result for each check in a run over many batches, with the batches that fail it."""
    by_name: dict[str, dict[str, Checked]] = {}
    for source_path, checked in by_batch.items():
        for check in checked:
            by_name.setdefault(check.name, {})[source_path] = check
    return [_summary(asset, name, batches) for name, batches in by_name.items()]


def not_run(asset: dg.AssetKey, name: str) -> dg.AssetCheckResult:
    """What is said of a selected check when no batch came as far as being checked."""
    return _result(asset, name, False, True, "No batch could be checked.", {})


def _summary(asset: dg.AssetKey, name: str, batches: Mapping[str, Checked]) -> dg.AssetCheckResult:
    failed = {path: c for path, c in batches.items() if not c.passed}
    records = [
        dg.TableRecord({"source_path": path, "result": c.description})
        for path, c in list(failed.items())[:_SHOWN]
    ]
    columns = [dg.TableColumn("source_path"), dg.TableColumn("result")]
    metadata = {
        "batches": len(batches),
        "batches_failed": len(failed),
        "failed": dg.MetadataValue.table(records, dg.TableSchema(columns)),
    }
    error = any(c.error for c in failed.values())
    words = f"{len(failed)} of {len(batches)} batches fail this check."
    return _result(asset, name, not failed, error, words, metadata)


def _rule(name: str, finding: Finding | None) -> Checked:
    """A rule that the engine has no tally for has no row that breaks it."""
    rows = finding.rows_failed if finding else 0
    samples = [s.row for s in finding.samples] if finding else []
    return Checked(
        f"rule_{name}",
        passed=rows == 0,
        error=finding is not None and finding.severity == "fail",
        description=f"{rows} rows break the rule.",
        metadata={"rows_failed": rows, "rows": samples},
    )


def _result(
    asset: dg.AssetKey,
    name: str,
    passed: bool,  # noqa: FBT001
    error: bool,  # noqa: FBT001
    description: str,
    metadata: Mapping[str, Any],
) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=passed,
        severity=severity,
        description=description,
        metadata=dict(metadata),
    )
