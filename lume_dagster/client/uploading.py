"""Files that a caller hands in become a batch, here and where other machines find it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.errors import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project
    from lume_dagster.runs.uploads import Given, Upload


def keep_file(project: Project, file: Path | Given) -> str:
    """A copy of one file as a batch; gives the name of the batch.

    Raises:
        InvalidRequestError: there is no such file.
    """
    from lume_dagster.runs import uploads

    return _shared(project, uploads.store_upload(project.workspace.layout.uploads, [file]))


def store_files(
    project: Project,
    version: FlowVersion,
    files: Sequence[str | Path],
    seeds: Sequence[str | Path],
) -> str:
    """Make the files a batch: local ones, uploads by name, URIs of the source connector."""
    from lume_dagster.connectors.protocol import StoreSource
    from lume_dagster.runs import uploads

    local = [one for f in files if "://" not in str(f) for one in _here(project, f)]
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
    tables = [one for seed in seeds for one in _here(project, seed)]
    upload = uploads.store_upload(store, local, remote=remote, seeds=tables)
    uploads.with_seeds(version, upload)  # refuses a seed file that the flow does not know
    return _shared(project, upload)


def find_upload(project: Project, name: str) -> Upload:
    """An upload, fetched where this machine does not have it.

    Raises:
        NotFoundError: there is none of this name.
    """
    from lume_dagster.runs import uploads

    store, depot = project.workspace.layout.uploads, project.workspace.depot
    if uploads.is_name(name):
        folder = uploads.upload_folder(store, name)
        if folder.is_dir() or (depot is not None and depot.fetch(folder)):
            return uploads.load_upload(store, name)
    raise NotFoundError(f"There is no upload {name!r}.", hint="upload the file, and take its name.")


def _here(project: Project, file: str | Path) -> list[Given]:
    from lume_dagster.runs import uploads

    if not uploads.is_upload(str(file)):
        return [uploads.Given(Path(file), Path(file).name)]
    return uploads.files_of(find_upload(project, str(file)))


def _shared(project: Project, upload: Upload) -> str:
    """Put an upload where other machines find it, too; gives its name."""
    depot = project.workspace.depot
    if depot is not None and not depot.holds(upload.folder):
        depot.put(upload.folder)
    return upload.source_path
