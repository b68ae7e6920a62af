"""Compare two versions on a batch: ``lume.compare("flights:v1", "flights:draft", ...)``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lume_dagster.orchestration.comparing import VersionComparison


def compare(
    before: str,
    after: str,
    *,
    source_path: str,
    rows: int | None = None,
    examples: int = 3,
    project: str | Path | None = None,
) -> VersionComparison:
    """Map one batch with two versions, and tell which rows come out otherwise.

    No run is made and nothing reaches the target. Values are compared in the fields that both
    versions have.

    Args:
        before: ``name:vN``, ``name:active``, ``name`` or ``name:draft``.
        after: The other version.
        source_path: The batch, by the name the source connector of ``after`` knows it by.
        rows: Only its first records; all of them when not said.
        examples: How many rows of each kind are kept: other values, no longer mapped, mapped now.
        project: The project's folder; found upward from the working folder when not said.

    Raises:
        InvalidRequestError: unknown version.
        FlowError, BatchError, ConnectorError, EngineError: the batch cannot be read or mapped.
    """
    from lume_dagster.orchestration.comparing import compare_versions
    from lume_dagster.orchestration.project import find_project, load_project

    opened = load_project(find_project(project))
    return compare_versions(opened, before, after, source_path, rows=rows, examples=examples)
