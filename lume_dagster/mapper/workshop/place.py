"""Where a workshop finds and keeps things, and what it works with: one value.

<flows>/<pipeline>/flow.yaml, flow.lock, review.yaml      what belongs to the flow: in git
<state>/workshop/<pipeline>/jobs/<id>/                    attached data, and runs on it
<state>/workshop/<pipeline>/results/<id>/                 what runs gave
<state>/workshop/<pipeline>/sessions/<id>/                editing sessions
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.library import Library
from lume_dagster.flows.versions import FILE_NAME
from lume_dagster.mapper.workshop.tools import Tools


@dataclass(frozen=True, slots=True)
class Place:
    """A library of flows, a folder for what is personal and passing, and the tools."""

    flows: Path
    state: Path
    author: str
    memory_limit: str = "2GB"
    threads: int | None = None
    project: Path | None = None  # for doors that reach its connectors
    tools: Tools = field(default_factory=Tools)

    @property
    def library(self) -> Library:
        """The flows."""
        return Library(self.flows)

    @property
    def settings(self) -> EngineSettings:
        """How engines are opened."""
        scratch = self.state / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        return EngineSettings(scratch, memory_limit=self.memory_limit, threads=self.threads)

    @property
    def workshop(self) -> Path:
        """The folder of everything that is personal and passing."""
        return self.state / "workshop"

    def home(self, pipeline: str) -> Path:
        """The folder of a pipeline's flow.

        Raises:
            InvalidRequestError: there is no such pipeline; says which there are.
        """
        self.library.lock(pipeline)  # refuses names that are no flow's
        home = self.flows / pipeline
        if not (home / FILE_NAME).is_file():
            message = f"the flow {pipeline!r} has no draft to work on."
            raise InvalidRequestError(message, hint=f"copy its newest version to {FILE_NAME}.")
        return home
