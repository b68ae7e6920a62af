"""What all runs of a code location share: where flows and data lie, how engines are opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import FlowError
from lume_dagster.orchestration.webhooks.endpoint import Webhook
from lume_dagster.runs.output import Layout

if TYPE_CHECKING:
    from lume_dagster.runs.depot import Depot, Store
    from lume_dagster.runs.phases import Engine

#: Opens an engine whose memory limit, threads and spill folder are those of the workspace.
OpenEngine = Callable[["Workspace"], AbstractContextManager["Engine"]]


def open_duckdb(workspace: Workspace) -> AbstractContextManager[Engine]:
    """The default engine."""
    from lume_dagster.engines.duckdb_engine import DuckDBEngine

    workspace.layout.scratch.mkdir(parents=True, exist_ok=True)
    return DuckDBEngine(workspace.engine_settings)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A value that the resource ``lume`` hands to every run."""

    flows: Path
    data: Path
    prefix: str = "lume"
    memory_limit: str = "2GB"
    threads: int | None = None
    open_engine: OpenEngine = field(default=open_duckdb, repr=False)
    #: Seconds to wait before each further attempt when a connector says "try again".
    retry_waits: tuple[float, ...] = (1.0, 5.0)
    webhooks: tuple[Webhook, ...] = ()
    #: What the machines of a deployment share; without it, data is on one machine or file system.
    store: Store | None = field(default=None, hash=False)

    @property
    def layout(self) -> Layout:
        """The folders below the data folder."""
        return Layout(self.data)

    @property
    def engine_settings(self) -> EngineSettings:
        """How much of the machine the default engine may use."""
        return EngineSettings(
            memory_limit=self.memory_limit, threads=self.threads, scratch=self.layout.scratch
        )

    @property
    def depot(self) -> Depot | None:
        """The store, where there is one."""
        from lume_dagster.runs.depot import Depot

        return None if self.store is None else Depot(self.data, self.store)

    def engine(self) -> AbstractContextManager[Engine]:
        """A fresh engine, to be used in a ``with`` block."""
        return self.open_engine(self)


#: The depots and data folders of this process, for what is given a place and no workspace.
_depots: dict[str, Depot] = {}
_data: dict[Path, Layout] = {}


def store_of(given: object | None) -> Store | None:
    """A connector as the store of a code location.

    Raises:
        FlowError: it is not one to an object store.
    """
    if given is None:
        return None
    from lume_dagster.runs.depot import Store

    if isinstance(given, Store):
        return given
    raise FlowError(
        f"A {type(given).__name__} cannot be the store of a code location.",
        hint="give an S3Connector or an AzureBlobConnector; a shared folder is given as data.",
    )


def known(workspace: Workspace) -> Workspace:
    """The workspace itself, whose depot and data are found by a folder in it from now on."""
    data = workspace.data.absolute()
    _data.pop(data, None)  # what was loaded last is looked at first
    _data[data] = workspace.layout
    depot = workspace.depot
    if depot is not None:
        _depots[repr(depot.store)] = depot
    return workspace


def depot_of(uri: str) -> Depot | None:
    """The depot that a folder of a store belongs to."""
    return next((depot for depot in _depots.values() if depot.owns(uri)), None)


def folder_now(told: Path) -> Path:
    """Where a folder of a run lies now: Dagster keeps its path, and data folders are moved."""
    moved = (layout.moved(told) for layout in reversed(_data.values()))
    return next((folder for folder in moved if folder is not None and folder.is_dir()), told)


@cache
def shared(workspace: Workspace) -> Workspace:
    """One object for equal workspaces: definitions that are merged must share their resources."""
    return workspace
