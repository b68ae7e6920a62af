"""Where a project generates and edits mappings: its library, its data folder, and the tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.client import behind
from lume_dagster.client.author import whoami

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.mapper.workshop.place import Place


def open_place(project: str | Path | Place | None = None) -> Place:
    """The place of a project.

    Args:
        project: The project's folder; found upward from the working folder when not said. A place
            of one's own, with tools of one's own, is taken as it is.

    Raises:
        InvalidRequestError: there is no project.
    """
    if project is not None and not isinstance(project, str | Path):
        return project
    from lume_dagster.client.tools import make_tools
    from lume_dagster.mapper.model.environment import model_of
    from lume_dagster.orchestration.project import find_project, load_project

    folder = find_project(project)
    workspace = load_project(folder).workspace
    place = behind.place.Place(
        flows=workspace.flows,
        state=workspace.data,
        author=whoami(),
        memory_limit=workspace.memory_limit,
        threads=workspace.threads,
        project=folder,
    )
    return replace(place, tools=make_tools(place.settings, model_of()))


@contextmanager
def batch_at(place: Place, pipeline: str, source_path: str) -> Iterator[StagedBatch]:
    """A batch of the pipeline's source connector, staged until the block ends.

    Raises:
        InvalidRequestError: the project has no such connector.
        BatchError, ConnectorError: the batch cannot be had, or cannot be read.
    """
    from lume_dagster.orchestration.project import find_project, load_project
    from lume_dagster.orchestration.sampling import batch_of, staged_aside

    source = place.library.resolve(f"{pipeline}:draft").flow.source
    project = load_project(find_project(place.project))
    with staged_aside(batch_of(project, source, source_path)) as (staged, _):
        yield staged
