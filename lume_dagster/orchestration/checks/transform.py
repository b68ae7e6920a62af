"""Checks of a transformed batch: its rejects, the flow's rules and checks, and repeated keys."""

from __future__ import annotations

from collections.abc import Iterator

from lume_dagster.errors import counted
from lume_dagster.flows.model import Flow
from lume_dagster.orchestration.checks.options import REJECT_RATE, UNIQUE_KEY, Checks
from lume_dagster.orchestration.checks.results import Checked
from lume_dagster.runs.phases import Outcome
from lume_dagster.runs.validation import Finding

REJECTS = "rejects"


def transform_checks(
    options: Checks, flow: Flow, outcome: Outcome, *, refused: bool
) -> Iterator[Checked]:
    """The results for one batch; ``refused`` says that the flow does not let it through."""
    yield _rejects(outcome, refused=refused)
    if options.reject_rate != "ignore":
        yield _reject_rate(options, flow, outcome)
    if flow.target.key and options.unique_key != "ignore":
        yield _unique_key(options, flow, outcome)
    by_name = {f.name: f for f in outcome.findings if f.error_type == "custom"}
    yield from (_rule(r.name, by_name.get(r.name)) for r in flow.rules)
    for check in outcome.checks:
        yield Checked(
            "transform",
            f"check_{check.name}",
            passed=check.passed,
            error=check.on_fail == "fail",
            description=f"{check.sentence}.",
            metadata={"value": check.value, "wanted": check.wanted},
        )


def _rejects(outcome: Outcome, *, refused: bool) -> Checked:
    rows = outcome.mapped.rows
    return Checked(
        "transform",
        REJECTS,
        passed=not rows.rejects,
        error=refused,
        description=f"{rows.rejects:,} of {counted(rows.input, 'row')} rejected.",
        metadata={"rejects": rows.rejects, "error_rate": outcome.mapped.metrics.error_rate},
    )


def _reject_rate(options: Checks, flow: Flow, outcome: Outcome) -> Checked:
    rows, most = outcome.mapped.rows, flow.errors.max_error_rate
    above = options.reject_rate_above
    bound = most if above is None else min(most, above)
    rate = rows.rejects / rows.input if rows.input else 0.0
    return Checked(
        "transform",
        REJECT_RATE,
        passed=rate <= bound,
        error=rate > most or options.reject_rate == "fail",
        description=f"{rate:.2%} of the rows were rejected; up to {bound:.2%} are allowed.",
        metadata={
            "error_rate": outcome.mapped.metrics.error_rate,
            "rejects": rows.rejects,
            "bound": bound,
        },
        hint=f"see the rejects in {outcome.mapped.folder / 'rejects'}.",
    )


def _unique_key(options: Checks, flow: Flow, outcome: Outcome) -> Checked:
    tallies = [t for t in outcome.transformed.tallies if t.test.kind == "key"]
    rows = sum(t.rows_failed for t in tallies)
    key = ", ".join(flow.target.key)
    return Checked(
        "transform",
        UNIQUE_KEY,
        passed=rows == 0,
        error=options.unique_key == "fail",
        description=f"{counted(rows, 'row repeats', 'rows repeat')} the {key} of an earlier row;"
        f" {'it was' if rows == 1 else 'they were'} rejected."
        if rows
        else f"No two rows have the same {key}.",
        metadata={"rows_failed": rows, "rows": [s.row for t in tallies for s in t.samples]},
        hint=f"see the rejects in {outcome.mapped.folder / 'rejects'}.",
    )


def _rule(name: str, finding: Finding | None) -> Checked:
    """A rule that the engine has no tally for has no row that breaks it."""
    rows = finding.rows_failed if finding else 0
    samples = [s.row for s in finding.samples] if finding else []
    return Checked(
        "transform",
        f"rule_{name}",
        passed=rows == 0,
        error=finding is not None and finding.severity == "fail",
        description=f"{counted(rows, 'row breaks', 'rows break')} the rule.",
        metadata={"rows_failed": rows, "rows": samples},
    )
