"""Start runs and follow them: ``run = lume.run("flights:v1", source_path=...)``.

Of a project on this machine, or of one behind a server: where the address of a server is known and
no ``project=`` is given, it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.client.access import KEY, URL, Given, known_access, remember
from lume_dagster.client.given import checked_files, checked_metadata, require_one_batch
from lume_dagster.client.lume_run import LumeRun
from lume_dagster.client.site import Order, Which
from lume_dagster.client.uploading import store_files
from lume_dagster.errors import InvalidRequestError
from lume_dagster.runs.status import Status, status_named

if TYPE_CHECKING:
    from lume_dagster.client.site import Site

__all__ = ["LumeRun", "init", "run", "run_status", "runs", "store_files", "upload_file"]


def init(api_key: str | None = None, url: str | None = None, request_timeout: float = 60) -> None:
    """Name the server that runs things from now on, and the key to it. Nothing is sent.

    What is not said is read from ``LUME_API_KEY`` and ``LUME_API_URL``, at each call; without any
    of this the project on this machine is used.

    Args:
        api_key: The key, as who runs the server gave it.
        url: The address of ``lume serve``, such as ``https://lume.example.com``.
        request_timeout: Seconds that the server may be silent.

    Raises:
        AuthenticationError: a server is named, and no key.
        InvalidRequestError: the address is none; or no server is named, and there is no project.
    """
    given = Given(api_key, url, request_timeout)
    if known_access(given) is None:
        _find_project(None)
    remember(given)


def run(  # noqa: PLR0913 - all but the first two by name
    flow_version: str,
    source_path: str | None = None,
    *,
    input_files: Sequence[str | Path] | None = None,
    seed_files: Sequence[str | Path] = (),
    run_metadata: Mapping[str, Any] | None = None,
    force_rerun: bool = False,
    project: str | Path | None = None,
) -> LumeRun:
    """Start a run of a published flow version on a batch and return at once.

    Args:
        flow_version: ``name:vN``, ``name:active`` or ``name``.
        source_path: The batch, by the name the flow's source connector knows it by.
        input_files: Instead of ``source_path``: files, which together become a batch whose name is
            a hash of what they hold.
        seed_files: For ``input_files``: files that replace the flow's seed files of the same name.
        run_metadata: Values of yours, given back in ``run.metadata``.
        force_rerun: Run a batch that is done again; its rows in the target are replaced.
        project: The project's folder. When not said: the server that is known, else the folder
            that is found upward from the working folder.

    Raises:
        AuthenticationError: a server is known, and no key that it takes.
        InvalidRequestError: unknown version, bad ``source_path``, a batch that is done or running.
    """
    require_one_batch(source_path, input_files, seed_files)
    order = Order(
        flow_version,
        source_path,
        None if input_files is None else checked_files("input_files", input_files),
        checked_files("seed_files", seed_files),
        checked_metadata(run_metadata),
        force_rerun,
    )
    site = _site(project)
    return LumeRun(site, site.start(order))


def upload_file(file: str | Path, *, project: str | Path | None = None) -> str:
    """Keep a copy of a local file as a batch; gives its name, to be used as ``source_path``.

    Any flow whose source reads files can map it. The same content has the same name.

    Raises:
        InvalidRequestError: there is no such file.
    """
    return _site(project).upload(Path(file))


def run_status(run_id: str, *, project: str | Path | None = None) -> LumeRun:
    """The run with this id, whoever started it."""
    site = _site(project)
    return LumeRun(site, site.summary(run_id))


def runs(
    *,
    flow: str | None = None,
    flow_version: str | None = None,
    source_path: str | None = None,
    status: Iterable[Status | str] | None = None,
    limit: int = 50,
    project: str | Path | None = None,
) -> list[LumeRun]:
    """Runs, newest first, of a flow, a version, a batch, or in one of several statuses."""
    wanted = None if status is None else tuple(status_named(word) for word in status)
    site = _site(project)
    found = site.runs(Which(flow, flow_version, source_path, wanted, limit))
    return [LumeRun(site, summary) for summary in found]


def _site(project: str | Path | None) -> Site:
    access = known_access() if project is None else None
    if access is not None:
        from lume_dagster.client.remote import Server

        return Server.at(access)
    from lume_dagster.client.local import LocalProject

    return LocalProject.at(_find_project(project))


def _find_project(named: str | Path | None) -> Path:
    from lume_dagster.orchestration.project import find_project

    try:
        return find_project(named)
    except InvalidRequestError as error:
        if named is None:
            error.also(f"for a project behind a server, set {URL} and {KEY}")
        raise
