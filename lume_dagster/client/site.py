"""Where runs happen, as the client sees it: a project on this machine, or one behind a server."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lume_dagster.runs.record import RunDetails, RunSummary
from lume_dagster.runs.status import Status

if TYPE_CHECKING:
    from lume_dagster.runs.output import OutputFormat, Part


@dataclass(frozen=True, slots=True)
class Order:
    """A run to be started: on a ``source_path``, or on files."""

    flow_version: str
    source_path: str | None = None
    input_files: Sequence[str | Path] | None = None
    seed_files: Sequence[str | Path] = ()
    run_metadata: Mapping[str, Any] = field(default_factory=dict)
    force_rerun: bool = False


@dataclass(frozen=True, slots=True)
class Repaired:
    """A file of repaired rejects to be sent in again."""

    file: Path
    flow_version: str | None = None  # that of the run when not said
    source_path: str | None = None  # the batch, where the run took many
    run_metadata: Mapping[str, Any] = field(default_factory=dict)
    force_rerun: bool = False


@dataclass(frozen=True, slots=True)
class Rejects:
    """Which rejects of a run are meant; all where nothing is said."""

    code: str | None = None
    field: str | None = None
    source_path: str | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """Which files of a run's output are meant, and in which form."""

    form: OutputFormat
    parts: tuple[Part, ...]
    documents: bool = False  # metrics and validation results, too


@dataclass(frozen=True, slots=True)
class Which:
    """Which runs a list shows, newest first."""

    flow: str | None = None
    flow_version: str | None = None
    source_path: str | None = None
    status: tuple[Status, ...] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a run is looked at, and until when."""

    interval: float
    deadline: float  # of the monotonic clock
    watched: bool = False  # somebody is told at each look

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment, and what its log has warned of since the look before."""

    summary: RunSummary
    warnings: Sequence[str] = ()


class Site(Protocol):
    """Starts runs and tells of them; what it refuses is a ``LumeError``."""

    def start(self, order: Order) -> RunSummary:
        """Start a run and return at once."""
        ...

    def upload(self, file: Path) -> str:
        """Keep a file as a batch; gives its name."""
        ...

    def summary(self, run_id: str) -> RunSummary:
        """Where a run stands."""
        ...

    def details(self, run_id: str) -> RunDetails:
        """All that is known of a run."""
        ...

    def runs(self, which: Which) -> Sequence[RunSummary]:
        """Runs, newest first."""
        ...

    def looks(self, run_id: str, pace: Pace) -> Generator[Look, None, None]:
        """Look at a run again and again, with a pause after each look; it never ends."""
        ...

    def cancel(self, run_id: str) -> None:
        """Ask a run to stop."""
        ...

    def resubmit(self, run: RunSummary, repaired: Repaired) -> RunSummary:
        """Start the run that takes repaired rejects of a run in."""
        ...

    def save_rejects(self, run_id: str, file: Path, rejects: Rejects) -> Path:
        """Write rejects to a file, to be repaired."""
        ...

    def download(self, run: RunSummary, folder: Path, files: Files) -> tuple[Path, ...]:
        """Write what a run left to a folder."""
        ...

    def output_folders(self, run: RunSummary) -> tuple[str, ...]:
        """A folder of this machine for each batch that was mapped."""
        ...
