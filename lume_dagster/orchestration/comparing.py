"""Map one batch with two versions, and tell which rows come out otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lume_dagster.engines.comparison import Comparison, Differences, RowChange
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.trying import batch_aside, map_aside, stage_aside

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.engines.result import Transformed
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project
    from lume_dagster.runs.phases import Engine

_SIDES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two versions made of the batch."""

    version: str
    mapped_rows: int
    rejected_rows: int
    error_counts: Mapping[str, int]  # rows by reject code, the most first


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """How two versions differ on a batch; values are compared in the fields that both have."""

    source_path: str
    input_rows: int
    before: Side
    after: Side
    new_fields: tuple[str, ...]
    gone_fields: tuple[str, ...]
    rows: Differences
    examples: tuple[RowChange, ...]  # the first of each kind: other values, lost, new

    @property
    def changed_rows(self) -> int:
        """Rows with other values, or mapped by one version and rejected by the other."""
        return self.rows.changed + self.rows.now_mapped + self.rows.now_rejected


def compare_versions(
    project: Project,
    before: str,
    after: str,
    source_path: str,
    *,
    rows: int | None = None,
    examples: int = 3,
) -> VersionComparison:
    """Both versions on the same batch, staged once where both read it alike; drafts too.

    Raises:
        InvalidRequestError: there is no such version.
        FlowError, BatchError, ConnectorError, EngineError: the batch cannot be read or mapped.
    """
    library = Library(project.workspace.flows)
    versions = [library.resolve(name) for name in (before, after)]
    with TemporaryDirectory(prefix="lume-compare-") as name, project.workspace.engine() as engine:
        folder = Path(name)
        outputs = [folder / side / "output" for side in _SIDES]
        staged = _staged(project, engine, versions, source_path, folder)
        made = [
            map_aside(engine, version, batch, into, rows)
            for version, batch, into in zip(versions, staged, outputs, strict=True)
        ]
        settings = replace(project.workspace.engine_settings, scratch=folder / "scratch")
        found = Comparison(settings, outputs[0], outputs[1], shared_only=True)
        gone, new = found.only_in()
        return VersionComparison(
            source_path=source_path,
            input_rows=made[1].input_rows,
            before=_side(versions[0], made[0]),
            after=_side(versions[1], made[1]),
            new_fields=new,
            gone_fields=gone,
            rows=found.differences(),
            examples=found.examples(examples),
        )


def _staged(
    project: Project, engine: Engine, versions: list[FlowVersion], source_path: str, folder: Path
) -> list[StagedBatch]:
    batches = [
        batch_aside(version, source_path, folder / side)
        for version, side in zip(versions, _SIDES, strict=True)
    ]
    first = stage_aside(project, engine, batches[0])
    alike = versions[0].flow.source == versions[1].flow.source
    return [first, first if alike else stage_aside(project, engine, batches[1])]


def _side(version: FlowVersion, made: Transformed) -> Side:
    return Side(version.address, made.mapped_rows, made.rejected_rows, dict(made.error_counts))
