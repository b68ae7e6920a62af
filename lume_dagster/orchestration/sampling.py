"""Stage somebody's data aside, to look at it: files here, or a batch of a project's connector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import abspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lume_dagster.connectors.local_files.connector import LocalFilesConnector
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import BatchError
from lume_dagster.flows.model import Flow, FlowVersion, Source, SourceFormat
from lume_dagster.orchestration.connections import connection
from lume_dagster.runs.phases import Batch, sync_source

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.orchestration.project import Project


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where data lie, and how to read them: as ``source`` of a flow says it."""

    connector: object
    source: Source
    source_path: str


def files_here(path: str, format: SourceFormat | None = None) -> Whereabouts:  # noqa: A002
    """A file, a folder or a glob of this machine."""
    source = Source(connector="here", format=format or SourceFormat())
    is_below = not Path(path).is_absolute() and ".." not in Path(path).parts
    root = Path.cwd() if is_below else Path(Path.cwd().anchor)
    name = path if is_below else abspath(path)  # noqa: PTH100 - links stay as they are named
    return Whereabouts(LocalFilesConnector(root=str(root)), source, name)


def batch_of(project: Project, source: Source, source_path: str) -> Whereabouts:
    """A batch of a connector of the project.

    Raises:
        InvalidRequestError: there is no such connector.
    """
    return Whereabouts(connection(project, source.connector).connector, source, source_path)


@contextmanager
def staged_aside(where: Whereabouts) -> Iterator[tuple[StagedBatch, EngineSettings]]:
    """The data as a staged batch, and settings to read it with; both end with the block.

    Raises:
        BatchError, ConnectorError: the data cannot be had, or cannot be read.
    """
    with TemporaryDirectory(prefix="lume-sample-") as name:
        folder = Path(name)
        settings = EngineSettings(folder / "scratch")
        batch = Batch(
            _only_a_source(where.source),
            where.source_path,
            "sample",
            folder / "staged",
            folder / "output",
        )
        with DuckDBEngine(settings) as engine:
            staged = sync_source(where.connector, batch, engine)
            if not staged.columns:
                raise BatchError(
                    f"{where.source_path} is empty: it has no columns and no rows.",
                    hint="a header and one row are enough to begin with.",
                )
            yield staged, settings


def _only_a_source(source: Source) -> FlowVersion:
    """A version of a flow of which nothing counts but where its batches come from."""
    value = {
        "lume": 1,
        "flow": "sample",
        "source": source,
        "target": {"connector": "nowhere", "table": "nothing"},
        "schema": {"type": "object", "properties": {"nothing": {"type": "string"}}},
        "mapping": {"nothing": "NULL"},
    }
    flow = Flow.model_validate(value)
    return FlowVersion(flow=flow, version=1, digest="", folder="", published=False)
