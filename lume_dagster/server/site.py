"""What the server keeps open between requests: the project, and its Dagster instance."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from fastapi import Depends, Request

from lume_dagster.errors import InvalidRequestError, LumeError
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.held_storage import kept_open
from lume_dagster.orchestration.instance import open_instance
from lume_dagster.orchestration.launch import with_log
from lume_dagster.orchestration.project import Project, load_project
from lume_dagster.runs.record import RunDetails
from lume_dagster.server.problems import Refused
from lume_dagster.server.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Limits:
    """What callers may ask for at most."""

    max_runs: int = 10
    max_upload: int = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Site:
    """The project as it was when the server began, without assets, and its open instance."""

    project: Project
    instance: dg.DagsterInstance
    limits: Limits
    callers: Sequence[str]
    waiting: Waiting
    starts: asyncio.Lock = field(default_factory=asyncio.Lock)  # one run is started at a time
    loads: threading.Lock = field(default_factory=threading.Lock)  # of code that is not ours

    @property
    def library(self) -> Library:
        """The flows, read anew at every call: what is published now is there now."""
        return Library(self.project.workspace.flows)

    def loaded(self, versions: Sequence[str]) -> Project:
        """The project as its files are now, with the assets of these versions.

        Raises:
            Refused: its definitions cannot be loaded, which is no fault of who asks.
        """
        try:
            with self.loads:
                return load_project(self.project.folder, versions)
        except InvalidRequestError as error:
            raise Refused(500, error) from error

    def new_folder(self) -> Path:
        """For files on their way in or out; `lume prune` removes what a killed server left."""
        scratch = self.project.workspace.layout.scratch
        scratch.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(suffix=".http", dir=scratch))

    def told(self, details: RunDetails) -> Mapping[str, Any]:
        """The metadata of a run; of one that crashed, with the place of its log."""
        return with_log(self.project, details.summary.id, details.metadata, " on the server")


@contextmanager
def open_site(folder: Path, limits: Limits, callers: Sequence[str]) -> Iterator[Site]:
    """The site of a project's folder."""
    project = load_project(folder)
    _make_ready(project)
    with open_instance(project.workspace.data) as instance, kept_open(instance):
        yield Site(project, instance, limits, callers, Waiting(instance))


def _make_ready(project: Project) -> None:
    """Load what starting a run loads, or the first caller would wait for it."""
    library = Library(project.workspace.flows)
    for flow in library.flows():
        with suppress(LumeError):  # told to whoever asks for this flow
            load_project(project.folder, [library.resolve(f"{flow}:active").name])
            return


async def _site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


async def _caller_of(request: Request) -> str:
    return str(request.state.caller)


#: What a route asks for beside what the address says.
TheSite = Annotated[Site, Depends(_site_of)]
TheCaller = Annotated[str, Depends(_caller_of)]
