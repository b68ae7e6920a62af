"""Start runs and follow them: ``run = lume.run("flights:v1", source_path=...)``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.client.given import checked_files, checked_metadata
from lume_dagster.client.uploading import keep_file, store_files
from lume_dagster.errors import (
    InvalidRequestError,
    RunFailedError,
    RunTimeoutError,
)
from lume_dagster.runs import output
from lume_dagster.runs.output import OutputFormat, Part
from lume_dagster.runs.status import Status, status_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dagster as dg

    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project
    from lume_dagster.orchestration.query import RunDetails, RunSummary
    from lume_dagster.runs.metrics import Metrics


class LumeRun:
    """A run as it stood when it was last looked at; ``refresh`` looks again."""

    def __init__(self, project: Project, summary: RunSummary) -> None:
        """Made by ``run``, ``run_status`` and ``runs``."""
        self._project = project
        self._summary = summary
        self._details: RunDetails | None = None

    def __repr__(self) -> str:
        """Id, status and what it runs."""
        return f"<LumeRun {self.id} {self.status} {self.flow_version} on {self.source_path}>"

    @property
    def id(self) -> str:
        """``run_`` and Dagster's id of the run."""
        return self._summary.id

    @property
    def status(self) -> Status:
        """Where the run stands, or how it ended."""
        return self._summary.status

    @property
    def flow_version(self) -> str | None:
        """``flow:vN``."""
        return self._summary.flow_version

    @property
    def source_path(self) -> str | None:
        """The batch; None for a run over many."""
        return self._summary.source_path

    @property
    def created_at(self) -> datetime:
        """When the run was created."""
        return self._summary.created_at

    @property
    def metrics(self) -> Metrics | None:
        """The figures of ``metrics.json``; None until rows were mapped."""
        return self._look().metrics

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The run, its timings, counts and outputs, and its error if it failed."""
        told = self._look().metadata
        error = told.get("error") or {}
        if error.get("code") != Status.CRASHED or error.get("hint"):
            return told
        return {**told, "error": {**error, "hint": self._where_the_log_is()}}

    def _where_the_log_is(self) -> str | None:
        from lume_dagster.orchestration.launch import log_of

        log = log_of(self._project, self.id)
        return f"what it said at the end stands in {log}." if log.is_file() else None

    def refresh(self) -> LumeRun:
        """Look at the run again."""
        with _instance(self._project) as instance:
            return self._refresh(instance)

    def _refresh(self, instance: dg.DagsterInstance) -> LumeRun:
        from lume_dagster.orchestration.query import read_summary

        self._summary = read_summary(instance, self.id)
        self._details = None
        return self

    def wait(
        self,
        timeout: float = 3600,
        poll_interval: float = 5,
        *,
        raise_on_failure: bool = True,
        watch: Callable[[Sequence[str]], None] | None = None,
    ) -> LumeRun:
        """Wait for the run to end.

        ``watch`` is called at each look, with what the run's log warns of since the last.

        Raises:
            RunFailedError: it ended FAILED or CRASHED.
            RunTimeoutError: it goes on after ``timeout`` seconds.
        """
        from lume_dagster.orchestration.warnings import new_warnings

        deadline = time.monotonic() + timeout
        with _instance(self._project) as instance:  # to open one takes longer than to look
            warnings = new_warnings(instance, self.id)
            while not self._refresh(instance).status.ended:
                if watch is not None:
                    watch(next(warnings))
                left = deadline - time.monotonic()
                if left <= 0:
                    raise RunTimeoutError(
                        f"Run {self.id} is still {self.status} after {timeout:g} s.",
                        run=self,
                        hint="it goes on; wait again, or cancel it.",
                    )
                time.sleep(min(poll_interval, left))
        if raise_on_failure and self.status in (Status.FAILED, Status.CRASHED):
            error = self.metadata.get("error") or {}
            message = error.get("message") or "it left no message"
            raise RunFailedError(
                f"Run {self.id} of {self.flow_version} ended {self.status}: {message}",
                run=self,
                hint=error.get("hint"),
            )
        return self

    def cancel(self) -> None:
        """Ask the run to stop; it ends CANCELED and leaves nothing half-written."""
        from lume_dagster.orchestration.cancel import cancel_run

        with _instance(self._project) as instance:
            cancel_run(instance, self.id)

    def resubmit(
        self,
        file: str | Path,
        *,
        flow_version: str | None = None,
        source_path: str | None = None,
        run_metadata: Mapping[str, Any] | None = None,
        force_rerun: bool = False,
    ) -> LumeRun:
        """Send repaired rejects of this run in again; they join the batch in the target.

        Args:
            file: The rejects as they were saved or downloaded, edited; rows are known by
                ``_lume_row``. Rows that are not in it, or are as they were, stay rejects.
            flow_version: Another version, such as ``name:active``; that of this run when not said.
            source_path: The batch, where this run took many.
            run_metadata: Values of yours for the new run.
            force_rerun: Run a file again that is in the target.

        Raises:
            InvalidRequestError: the rows are no rejects of this run, or the batch has been read
                anew since.
        """
        from lume_dagster.orchestration.query import read_summary
        from lume_dagster.orchestration.resubmit import Wish, resubmit

        told = checked_metadata(run_metadata)
        wish = Wish(Path(file), flow_version, source_path, told, force_rerun)
        opened, new_id = resubmit(self._project, self._summary, wish)
        with _instance(opened) as instance:
            return LumeRun(opened, read_summary(instance, new_id))

    def save_rejects(
        self,
        file: str | Path,
        *,
        code: str | None = None,
        field: str | None = None,
        source_path: str | None = None,
    ) -> Path:
        """Write rejects to a file ``.csv`` or ``.jsonl``, to be edited and resubmitted.

        ``code`` and ``field`` keep those with such an error; ``source_path`` says which batch,
        where this run took many.
        """
        from lume_dagster.orchestration.query import batch_of
        from lume_dagster.runs.rejects import save_rejects

        _, folder = batch_of(self._look(), source_path)
        return save_rejects(
            output.part_files(folder, "rejects"), Path(file), run_id=self.id, code=code, field=field
        )

    def download_all(
        self, folder: str | Path, output_format: OutputFormat = "csv"
    ) -> tuple[Path, ...]:
        """Write mapped rows, rejects, metrics and validation results to a folder."""
        return self._download(folder, output_format, output.PARTS, documents=True)

    def download_mapped(
        self, folder: str | Path, output_format: OutputFormat = "csv"
    ) -> tuple[Path, ...]:
        """Write the mapped rows to a folder."""
        return self._download(folder, output_format, ("mapped",), documents=False)

    def download_rejects(
        self, folder: str | Path, output_format: OutputFormat = "csv"
    ) -> tuple[Path, ...]:
        """Write the rejects to a folder."""
        return self._download(folder, output_format, ("rejects",), documents=False)

    def _download(
        self, folder: str | Path, form: OutputFormat, parts: Sequence[Part], *, documents: bool
    ) -> tuple[Path, ...]:
        found = self.output_folders()
        if not found:
            raise InvalidRequestError(
                f"Run {self.id} has left no rows ({self.status}).", hint="its metadata says why."
            )
        root = Path(found[0]) if len(found) == 1 else Path(found[0]).parent
        return output.download(
            root,
            Path(folder),
            output_format=form,
            parts=parts,
            documents=documents,
            run_id=self.id,
        )

    def output_folders(self) -> tuple[str, ...]:
        """A folder for each batch that was mapped, fetched where this machine does not have it."""
        from lume_dagster.orchestration.query import read_details

        with _instance(self._project) as instance:
            self._details = read_details(instance, self.id, self._project.workspace.depot)
        self._summary = self._details.summary
        return self._details.output

    def _look(self) -> RunDetails:
        from lume_dagster.orchestration.query import read_details

        if self._details is None:
            with _instance(self._project) as instance:
                self._details = read_details(instance, self.id)
            self._summary = self._details.summary
        return self._details


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
        project: The project's folder; found upward from the working folder when not said.

    Raises:
        InvalidRequestError: unknown version, bad ``source_path``, a batch that is done or running.
    """
    from lume_dagster.orchestration.launch import Request, start
    from lume_dagster.orchestration.query import read_summary

    if (source_path is None) == (input_files is None):
        raise InvalidRequestError(
            "A run takes either a source_path or input_files.", hint="give exactly one of the two."
        )
    if seed_files and input_files is None:
        raise InvalidRequestError(
            "seed_files go with input_files only: the same source_path is the same batch.",
            hint="publish a version with the other seeds, or give input_files.",
        )
    told = checked_metadata(run_metadata)
    opened, version = _open(flow_version, project)
    if input_files is not None:
        files = checked_files("input_files", input_files)
        source_path = store_files(opened, version, files, checked_files("seed_files", seed_files))
    request = Request(version, str(source_path), told, force_rerun)
    with _instance(opened) as instance:
        run_id = start(opened, instance, request)
        return LumeRun(opened, read_summary(instance, f"run_{run_id}"))


def upload_file(file: str | Path, *, project: str | Path | None = None) -> str:
    """Keep a copy of a local file as a batch; gives its name, to be used as ``source_path``.

    Any flow whose source reads files can map it. The same content has the same name.

    Raises:
        InvalidRequestError: there is no such file.
    """
    return keep_file(_project(project), Path(file))


def run_status(run_id: str, *, project: str | Path | None = None) -> LumeRun:
    """The run with this id, whoever started it."""
    from lume_dagster.orchestration.query import read_summary

    opened = _project(project)
    with _instance(opened) as instance:
        return LumeRun(opened, read_summary(instance, run_id))


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
    from lume_dagster.orchestration import query
    from lume_dagster.orchestration.project import all_names

    opened = _project(project)
    with _instance(opened) as instance:
        found = query.list_runs(
            instance,
            flow=flow,
            flow_version=flow_version,
            source_path=None if source_path is None else all_names(opened, source_path),
            status=None if status is None else [status_named(s) for s in status],
            limit=limit,
        )
    return [LumeRun(opened, s) for s in found]


def _project(named: str | Path | None, versions: Sequence[str] = ()) -> Project:
    from lume_dagster.orchestration.project import find_project, load_project

    return load_project(find_project(named), versions)


def _open(flow_version: str, named: str | Path | None) -> tuple[Project, FlowVersion]:
    """The project with the assets of one version, and that version."""
    from lume_dagster.flows.library import Library

    version = Library(_project(named).workspace.flows).resolve_published(flow_version)
    return _project(named, [version.name]), version


@contextmanager
def _instance(project: Project) -> Iterator[dg.DagsterInstance]:
    from lume_dagster.orchestration.instance import open_instance

    with open_instance(project.workspace.data) as instance:
        yield instance
