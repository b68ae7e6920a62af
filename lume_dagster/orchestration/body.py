"""The body of a version's op: what it yields, and the one there is when nobody gives another."""

# No postponed annotations here: Dagster looks at the annotation of ``context`` itself.

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from lume_dagster.orchestration.translator import Placed

Event = (
    dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckResult
)

#: The body of a version's op.
Execute = Callable[[dg.AssetExecutionContext, Placed], Iterator[Event]]


def run_flow(context: dg.AssetExecutionContext, placed: Placed) -> Iterator[Event]:
    """Take each batch of the run through each selected step, yielding what each has made."""
    from lume_dagster.orchestration.execution import run  # definitions are loaded without it

    yield from run(context, placed)
