"""What the batches of a run share, and what the steps of one batch hand on to one another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from lume_dagster.connectors.protocol import Receipt
from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import LumeError
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import metadata
from lume_dagster.orchestration.checks.history import History
from lume_dagster.orchestration.checks.options import Checks
from lume_dagster.orchestration.checks.results import Checked
from lume_dagster.orchestration.checks.source import Missing
from lume_dagster.orchestration.names import check_source_path, public_id
from lume_dagster.orchestration.naming import SecondNames
from lume_dagster.orchestration.retry import retrying
from lume_dagster.orchestration.translator import Placed
from lume_dagster.orchestration.workspace import Workspace
from lume_dagster.runs import uploads
from lume_dagster.runs.phases import Batch, Engine, MappedBatch, Outcome
from lume_dagster.runs.repairs import Repair

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunScope:
    """What the batches of a run share."""

    placed: Placed
    workspace: Workspace
    source: object
    target: object
    engine: Engine
    instance: dg.DagsterInstance
    run_id: str
    root_run_id: str
    many: bool
    log: dg.DagsterLogManager
    history: History
    missing: Missing
    seeds: Mapping[str, str]  # the digest of each as it was published
    forced: bool = False  # a person lets batches through that are unlike earlier ones
    repair: Repair | None = None
    second_names: SecondNames = field(default_factory=SecondNames)
    again: bool = False  # an attempt of this run, or of one that it retries, went before
    delivered: set[str] = field(default_factory=set)  # batches that are in the target

    @property
    def version(self) -> FlowVersion:
        """What runs."""
        return self.placed.version

    @property
    def checks(self) -> Checks:
        """What batches are held to."""
        return self.placed.checks

    def key(self, step: str) -> dg.AssetKey:
        """The asset of a step."""
        return self.placed.key(step)

    def retrying(self, action: Callable[[], T]) -> T:
        """The result of an action that a connector may ask to be tried again."""
        return retrying(action, self.workspace.retry_waits, self.log)

    def batch(self, source_path: str) -> Batch:
        """The batch with its folders, and the seeds that were uploaded with it."""
        check_source_path(source_path)
        self.second_names.refuse(self.instance, self.key("target"), source_path)
        layout, version, upload = self.workspace.layout, self.version, None
        if uploads.is_upload(source_path):
            folder = uploads.upload_folder(layout.uploads, source_path)
            self.fetch(folder)
            upload = uploads.load_upload(layout.uploads, source_path)
            version = uploads.with_seeds(version, upload)
        run_id = public_id(self.run_id)
        staging = layout.staging(version, source_path, self.root_run_id)
        if self.again:
            self.fetch(staging)
        return Batch(
            version=version,
            source_path=source_path,
            run_id=run_id,
            staging=staging,
            output=layout.output(version, run_id, source_path if self.many else None),
            upload=upload,
        )

    def share(self, folder: Path) -> None:
        """Put a finished folder where the other machines find it."""
        depot = self.workspace.depot
        if depot is not None:
            self.retrying(partial(depot.put, folder))

    def share_file(self, folder: Path, name: str) -> None:
        """The same for a file of a folder that is shared already."""
        depot = self.workspace.depot
        if depot is not None:
            self.retrying(partial(depot.put_file, folder, name))

    def stored(self, folder: Path) -> Mapping[str, str]:
        """What metadata says of a folder that was shared."""
        depot = self.workspace.depot
        if depot is None or not folder.is_relative_to(depot.data):
            return {}  # it was made before there was a store
        uri = depot.uri(folder)
        return {metadata.STORED: uri, "dagster/uri": uri}

    def fetch(self, folder: Path) -> None:
        """Have a folder here that another machine made, where there is a store that has it."""
        depot = self.workspace.depot
        if depot is not None and folder.is_relative_to(depot.data):
            self.retrying(partial(depot.fetch, folder))


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step made its asset for one batch, and this is what its checks say."""

    step: str
    metadata: Mapping[str, Any]
    checked: tuple[Checked, ...] = ()
    summary: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    rejected_rows: int = 0


class StepFailed(Exception):  # noqa: N818 - it carries an error, and is not one of the tree
    """A step ended with a cause that a person can mend."""

    def __init__(
        self,
        step: str,
        cause: LumeError,
        figures: Mapping[str, Any] | None = None,
        checked: Sequence[Checked] = (),
    ) -> None:
        """``figures`` and ``checked`` are there when the batch was looked at and then refused."""
        super().__init__(str(cause))
        self.step = step
        self.cause = cause
        self.figures = dict(figures or {})
        self.checked = tuple(checked)

    @property
    def code(self) -> str:
        """The code of the verdict, or the class of the error."""
        return str(getattr(self.cause, "code", type(self.cause).__name__))


@dataclass(slots=True)
class Progress:
    """What the steps of one batch hand on to one another.

    What is there when a step begins was made ahead, together with other batches (``together``).
    """

    batch: Batch
    staged: StagedBatch | None = None
    outcome: Outcome | None = None
    mapped: MappedBatch | None = None
    receipt: Receipt | None = None
    held: int | None = None  # rows that were counted in the target
    handed: int | None = None  # mapped rows the target was handed, where that was not all of them
    failed: LumeError | None = None
    tried: set[str] = field(default_factory=set)  # steps that were taken together, if in vain
    shared: set[Path] = field(default_factory=set)  # folders that are in the store
    like: dict[str, str] = field(default_factory=dict)  # by step, a batch of the same columns
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure a step, and name it in the error that ends it."""
        started = time.monotonic()
        with naming(step):
            if self.failed is not None:
                raise self.failed
            yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - started


@contextmanager
def naming(step: str) -> Iterator[None]:
    """Name the step in an error that a person can mend."""
    try:
        yield
    except LumeError as error:
        raise StepFailed(step, error) from error
