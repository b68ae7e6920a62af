"""Map a batch aside, whole or its first rows: no run, and nothing reaches the target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lume_dagster.errors import EngineError, PlanError
from lume_dagster.runs.phases import Batch, Engine, sync_source

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.engines.result import Transformed
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project
    from lume_dagster.plan.plan import Plan


@runtime_checkable
class Previewing(Protocol):
    """An engine that can map the first rows of a batch."""

    def preview(
        self, version: FlowVersion, plan: Plan, staged: StagedBatch, rows: int, into: Path
    ) -> Transformed:
        """Mapped rows and rejects of the first ``rows`` records, below ``into``."""
        ...


def batch_aside(version: FlowVersion, source_path: str, folder: Path) -> Batch:
    """A batch that lives in ``folder`` and nowhere else."""
    return Batch(version, source_path, "aside", folder / "staging", folder / "output")


def stage_aside(
    project: Project, engine: Engine, batch: Batch, first: int | None = None
) -> StagedBatch:
    """The batch from its source; its ``first`` records at least, where that is said."""
    connector = project.connector(batch.version.flow.source.connector)
    return sync_source(connector, batch, engine, first)


def map_aside(
    engine: Engine, version: FlowVersion, staged: StagedBatch, into: Path, rows: int | None
) -> Transformed:
    """Mapped rows and rejects below ``into``; of the first ``rows`` records where that is said.

    Raises:
        PlanError: the batch does not fit the flow.
        EngineError: the engine can map whole batches only.
    """
    into.mkdir(parents=True, exist_ok=True)
    try:
        plan = engine.compile(version, staged)
    except PlanError as error:
        from lume_dagster.orchestration.drift import place_told

        raise place_told(error, version, staged) from None
    if rows is None:
        return engine.transform(version, plan, staged, into)
    if not isinstance(engine, Previewing):
        raise EngineError(
            f"The engine {type(engine).__name__} cannot map a part of a batch.",
            hint="map the whole batch, or use the default engine.",
        )
    return engine.preview(version, plan, staged, rows, into)
