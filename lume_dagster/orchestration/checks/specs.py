"""The checks that the assets of a flow version have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg

from lume_dagster.flows.model import Flow
from lume_dagster.orchestration.checks.options import (
    RECONCILIATION,
    REJECT_RATE,
    ROW_COUNT_ANOMALY,
    SCHEMA_CONTRACT,
    STEP_OF,
    UNIQUE_KEY,
)
from lume_dagster.orchestration.checks.transform import REJECTS
from lume_dagster.orchestration.translator import Placed
from lume_dagster.runs.checks import check_names

_DESCRIBED = {
    SCHEMA_CONTRACT: "The columns are those of the last batch, and all that the flow needs.",
    ROW_COUNT_ANOMALY: "The batch has about as many rows as the last {history} batches.",
    REJECT_RATE: "No larger share of rows is rejected than is allowed: {bound:.2%}.",
    UNIQUE_KEY: "No row repeats the key of an earlier one.",
    RECONCILIATION: "Each row that was read was mapped or rejected, and is in the target.",
}


def check_specs(placed: Placed) -> list[dg.AssetCheckSpec]:
    """All checks of a version.

    They are not partitioned, which Dagster only offers as a preview: each says in its metadata
    which batch it speaks of.
    """
    flow, options = placed.version.flow, placed.checks
    specs = [
        dg.AssetCheckSpec(
            name, asset=placed.key("transform"), description=words, blocking=on_fail == "fail"
        )
        for name, words, on_fail in _of_the_flow(flow)
    ]
    above = options.reject_rate_above
    most = flow.errors.max_error_rate
    bounds = {"history": options.history, "bound": most if above is None else min(most, above)}
    for name, template in _DESCRIBED.items():
        if options.handling(name) != "ignore" and _APPLIES.get(name, _always)(flow):
            key, words = placed.key(STEP_OF[name]), template.format(**bounds)
            blocking = options.handling(name) == "fail"
            specs.append(dg.AssetCheckSpec(name, asset=key, description=words, blocking=blocking))
    return sorted(specs, key=lambda spec: placed.keys.index(spec.asset_key))


def _of_the_flow(flow: Flow) -> Iterator[tuple[str, str, str]]:
    """Rejects, and what the flow itself asks for: name, description, on_fail."""
    most = flow.errors.max_error_rate
    yield REJECTS, f"Every row is mapped; the run fails above {most:.2%} rejects.", "warn"
    for rule in flow.rules:
        yield f"rule_{rule.name}", rule.message or rule.check, rule.on_fail
    for name, check in zip(check_names(flow.checks), flow.checks, strict=True):
        yield f"check_{name}", f"On failure: {check.on_fail}.", check.on_fail


def _always(_: Flow) -> bool:
    return True


_APPLIES: dict[str, Callable[[Flow], bool]] = {UNIQUE_KEY: lambda flow: bool(flow.target.key)}
