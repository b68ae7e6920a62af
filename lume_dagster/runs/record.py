"""A run as people see it: plain values, wherever they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lume_dagster.errors import NotFoundError, NotNowError
from lume_dagster.runs.metrics import Metrics
from lume_dagster.runs.status import Status


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as a list shows it: from the run record alone, but for the phase of a running one."""

    id: str
    status: Status
    flow_version: str | None
    source_path: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    run_metadata: Mapping[str, Any]
    force_rerun: bool
    resubmits: str | None = None  # the run whose rejects were repaired for it
    started_by: str | None = None  # the name of the key, where it was started over HTTP


@dataclass(frozen=True, slots=True)
class RunDetails:
    """All that is known of a run."""

    summary: RunSummary
    metrics: Metrics | None
    metadata: Mapping[str, Any]
    output: tuple[str, ...]  # a folder for each batch that was transformed
    batches: Mapping[str, str]  # the same by source_path

    @property
    def output_root(self) -> Path:
        """The folder of all that the run left.

        Raises:
            NotNowError: it has left no rows yet.
            NotFoundError: it has left none.
        """
        run = self.summary
        what = f"Run {run.id} has left no rows ({run.status})."
        if not self.output and not run.status.ended:
            raise NotNowError(what, hint="wait for its end.", run_id=run.id)
        if not self.output:
            raise NotFoundError(what, hint="its metadata says why.")
        first = Path(self.output[0])
        return first if len(self.output) == 1 else first.parent
