"""Where a project generates and edits mappings: its library, its data folder, and the tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lume_dagster.client.author import whoami
from lume_dagster.client.tools import make_tools
from lume_dagster.mapper.model.environment import model_of
from lume_dagster.mapper.workshop.place import Place


def open_place(project: str | Path | Place | None = None) -> Place:
    """The place of a project.

    Args:
        project: The project's folder; found upward from the working folder when not said. A place
            of one's own, with tools of one's own, is taken as it is.

    Raises:
        InvalidRequestError: there is no project.
    """
    if isinstance(project, Place):
        return project
    from lume_dagster.orchestration.project import find_project, load_project

    workspace = load_project(find_project(project)).workspace
    place = Place(
        flows=workspace.flows,
        state=workspace.data,
        author=whoami(),
        memory_limit=workspace.memory_limit,
        threads=workspace.threads,
    )
    return replace(place, tools=make_tools(place.settings, model_of()))
