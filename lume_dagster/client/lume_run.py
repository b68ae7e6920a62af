"""A run as its caller holds it: look, wait, cancel, fetch what it left, repair its rejects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.client.given import checked_metadata
from lume_dagster.client.site import Files, Pace, Rejects, Repaired, Site
from lume_dagster.errors import RunFailedError, RunTimeoutError
from lume_dagster.runs.record import RunDetails, RunSummary
from lume_dagster.runs.status import Status

if TYPE_CHECKING:
    from lume_dagster.runs.metrics import Metrics
    from lume_dagster.runs.output import OutputFormat


class LumeRun:
    """A run as it stood when it was last looked at; ``refresh`` looks again."""

    def __init__(self, site: Site, summary: RunSummary) -> None:
        """Made by ``run``, ``run_status`` and ``runs``."""
        self._site = site
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
        return self._look().metadata

    def refresh(self) -> LumeRun:
        """Look at the run again."""
        return self._as(self._site.summary(self.id))

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
        pace = Pace(poll_interval, time.monotonic() + timeout, watched=watch is not None)
        with closing(self._site.looks(self.id, pace)) as looks:
            for look in looks:
                if self._as(look.summary).status.ended:
                    break
                if watch is not None:
                    watch(look.warnings)
                if pace.left <= 0:
                    raise RunTimeoutError(
                        f"Run {self.id} is still {self.status} after {timeout:g} s.",
                        run=self,
                        hint="it goes on; wait again, or cancel it.",
                    )
        if raise_on_failure and self.status in (Status.FAILED, Status.CRASHED):
            raise self._failure()
        return self

    def cancel(self) -> None:
        """Ask the run to stop; it ends CANCELED and leaves nothing half-written."""
        self._site.cancel(self.id)

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
        told = checked_metadata(run_metadata)
        repaired = Repaired(Path(file), flow_version, source_path, told, force_rerun)
        return LumeRun(self._site, self._site.resubmit(self._summary, repaired))

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
        return self._site.save_rejects(self.id, Path(file), Rejects(code, field, source_path))

    def download_all(
        self, folder: str | Path, output_format: OutputFormat = "csv"
    ) -> tuple[Path, ...]:
        """Write mapped rows, rejects, metrics and validation results to a folder."""
        return self._download(folder, Files(output_format, ("mapped", "rejects"), documents=True))

    def download_mapped(
        self, folder: str | Path, output_format: OutputFormat = "csv"
    ) -> tuple[Path, ...]:
        """Write the mapped rows to a folder."""
        return self._download(folder, Files(output_format, ("mapped",)))

    def download_rejects(
        self, folder: str | Path, output_format: OutputFormat = "csv"
    ) -> tuple[Path, ...]:
        """Write the rejects to a folder."""
        return self._download(folder, Files(output_format, ("rejects",)))

    def output_folders(self) -> tuple[str, ...]:
        """A folder for each batch that was mapped, fetched where this machine does not have it."""
        return self._site.output_folders(self._summary)

    def _download(self, folder: str | Path, files: Files) -> tuple[Path, ...]:
        return self._site.download(self._summary, Path(folder), files)

    def _as(self, summary: RunSummary) -> LumeRun:
        self._summary, self._details = summary, None
        return self

    def _look(self) -> RunDetails:
        if self._details is None:
            self._details = self._site.details(self.id)
            self._summary = self._details.summary
        return self._details

    def _failure(self) -> RunFailedError:
        error = self.metadata.get("error") or {}
        message = error.get("message") or "it left no message"
        return RunFailedError(
            f"Run {self.id} of {self.flow_version} ended {self.status}: {message}",
            run=self,
            hint=error.get("hint"),
        )
