"""Files that a caller hands in become a batch, here and where other machines find it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.errors import InvalidRequestError
from lume_dagster.runs import uploads

if TYPE_CHECKING:
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project


def keep_file(project: Project, file: Path) -> str:
    """A copy of one file as a batch; gives the name of the batch.

    Raises:
        InvalidRequestError: there is no such file.
    """
    return _shared(project, uploads.store_upload(project.workspace.layout.uploads, [file]))


def store_files(
    project: Project,
    version: FlowVersion,
    files: Sequence[str | Path],
    seeds: Sequence[str | Path],
) -> str:
    """Make the files a batch; what is no local path is looked up through the source connector."""
    from lume_dagster.connectors.protocol import StoreSource

    local = [Path(f) for f in files if "://" not in str(f)]
    uris = [str(f) for f in files if "://" in str(f)]
    connector = project.connector(version.flow.source.connector) if uris else None
    if uris and not isinstance(connector, StoreSource):
        raise InvalidRequestError(
            f"{uris[0]} cannot be read: the source connector of {version.name} is a database.",
            hint="give paths of local files.",
        )
    remote = [
        item
        for uri in uris
        if isinstance(connector, StoreSource)
        for item in connector.list_objects(uri)
    ]
    store = project.workspace.layout.uploads
    upload = uploads.store_upload(store, local, remote=remote, seeds=[Path(s) for s in seeds])
    uploads.with_seeds(version, upload)  # refuses a seed file that the flow does not know
    return _shared(project, upload)


def _shared(project: Project, upload: uploads.Upload) -> str:
    """Put an upload where other machines find it, too; gives its name."""
    depot = project.workspace.depot
    if depot is not None and not depot.holds(upload.folder):
        depot.put(upload.folder)
    return upload.source_path
