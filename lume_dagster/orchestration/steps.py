"""Take one batch through the selected steps of a run, yielding what each step made."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from lume_dagster.connectors.protocol import Receipt, Target
from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import BatchError, FlowError, LumeError
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import metadata
from lume_dagster.orchestration.checks import Checked, check_outcome
from lume_dagster.orchestration.names import check_source_path, public_id
from lume_dagster.orchestration.newest import mapped_in, newest, staged_in
from lume_dagster.orchestration.retry import retrying
from lume_dagster.orchestration.translator import Placed
from lume_dagster.orchestration.workspace import Workspace
from lume_dagster.runs import phases, uploads
from lume_dagster.runs.output import METRICS
from lume_dagster.runs.phases import Batch, Engine, MappedBatch, Outcome
from lume_dagster.runs.status import STEPS
from lume_dagster.runs.verdict import refuse

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
    again: bool = False  # an attempt of this run, or of one that it retries, went before
    delivered: set[str] = field(default_factory=set)  # batches that are in the target

    @property
    def version(self) -> FlowVersion:
        """What runs."""
        return self.placed.version

    def key(self, step: str) -> dg.AssetKey:
        """The asset of a step."""
        return self.placed.key(step)

    def retrying(self, action: Callable[[], T]) -> T:
        """The result of an action that a connector may ask to be tried again."""
        return retrying(action, self.workspace.retry_waits, self.log)

    def batch(self, source_path: str) -> Batch:
        """The batch with its folders, and the seeds that were uploaded with it."""
        check_source_path(source_path)
        layout, version, upload = self.workspace.layout, self.version, None
        if uploads.is_upload(source_path):
            folder = uploads.upload_folder(layout.uploads, source_path)
            self._fetch(folder)
            upload = uploads.load_upload(layout.uploads, source_path)
            version = uploads.with_seeds(version, upload)
        run_id = public_id(self.run_id)
        staging = layout.staging(version, source_path, self.root_run_id)
        if self.again:
            self._fetch(staging)
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

    def _fetch(self, folder: Path) -> None:
        depot = self.workspace.depot
        if depot is not None:
            self.retrying(partial(depot.fetch, folder))


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step made its asset for one batch; a transform comes with the results of its checks."""

    step: str
    metadata: Mapping[str, Any]
    checked: tuple[Checked, ...] = ()
    summary: str = ""
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
        """``figures`` and ``checked`` are there when the batch was transformed and then refused."""
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


def run_batch(scope: RunScope, source_path: str, steps: Sequence[str]) -> Iterator[StepDone]:
    """Run the selected steps on one batch, in their order.

    Raises:
        StepFailed: with the step and its cause; what earlier steps yielded stands.
    """
    chosen = [s for s in STEPS if s in steps]
    with naming(chosen[0]):
        progress = Progress(scope.batch(source_path))
    for step in chosen:
        yield run_step(scope, progress, step)
    if "target" in chosen:
        drop_older_staging(scope, progress.batch)


def run_step(scope: RunScope, progress: Progress, step: str) -> StepDone:
    """Run one step on one batch."""
    return _STEPS[step](scope, progress)


def _source(scope: RunScope, progress: Progress) -> StepDone:
    batch = progress.batch
    with progress.timed("source"):
        staged = progress.staged or scope.retrying(
            lambda: phases.sync_source(scope.source, batch, scope.engine)
        )
        if staged.folder not in progress.shared:
            scope.share(staged.folder)
    progress.staged = staged
    seconds = progress.seconds["source"]
    files = f" in {len(staged.files)} files" if len(staged.files) > 1 else ""
    return StepDone(
        "source",
        {
            **metadata.of_source(staged, batch.source_path, seconds, progress.like.get("source")),
            **scope.stored(staged.folder),
        },
        summary=f"Staged {staged.records:,} rows{files} ({staged.bytes:,} bytes)"
        f" of {batch.source_path} in {seconds:.2f} s.",
    )


def _transform(scope: RunScope, progress: Progress) -> StepDone:
    batch = progress.batch
    with progress.timed("transform"):
        outcome = progress.outcome
        if outcome is None:
            staged = progress.staged or _newest_staged(scope, batch)
            outcome = phases.transform(batch, staged, scope.engine)
        if batch.output not in progress.shared:
            scope.share(batch.output)
    shared = scope.stored(batch.output)
    refusal = refuse(outcome, batch.version.flow.errors.max_error_rate)
    checked = check_outcome(batch.version, outcome, refused=refusal is not None)
    if refusal is not None:
        figures = {**metadata.of_rows(outcome.mapped, batch.source_path), **shared}
        raise StepFailed("transform", refusal, figures, checked)
    progress.outcome, progress.mapped = outcome, outcome.mapped
    rows, seconds = outcome.mapped.rows, progress.seconds["transform"]
    return StepDone(
        "transform",
        {
            **metadata.of_transform(
                outcome,
                batch.source_path,
                scope.key("source"),
                seconds,
                progress.like.get("transform"),
            ),
            **shared,
        },
        tuple(checked),
        f"Mapped {rows.mapped:,} of {rows.input:,} rows, rejected {rows.rejects:,}"
        f" in {seconds:.2f} s.",
        rows.rejects,
    )


def _target(scope: RunScope, progress: Progress) -> StepDone:
    batch = progress.batch
    with progress.timed("target"):
        mapped = progress.mapped or _newest_mapped(scope, batch)
        receipt = progress.receipt
        if receipt is None:
            target = _require_target(scope, batch)
            first = not scope.delivered
            deliver = partial(phases.sync_target, target, batch, mapped, check=first)
            receipt = scope.retrying(deliver)
        scope.delivered.add(batch.source_path)
    if progress.outcome is not None:
        mapped = phases.record_runtime(mapped, sum(progress.seconds.values()))
        with naming("target"):
            scope.share_file(mapped.folder, METRICS)
    return StepDone(
        "target",
        {
            **scope.stored(mapped.folder),
            **metadata.of_target(
                receipt,
                mapped,
                batch.source_path,
                scope.key("transform"),
                progress.seconds,
                progress.like.get("target"),
            ),
        },
        summary=f"Wrote {receipt.mapped_rows:,} rows to {receipt.mapped_location} and"
        f" {receipt.rejects_rows:,} rejects to {receipt.rejects_location}"
        f" in {progress.seconds['target']:.2f} s.",
        rejected_rows=0 if progress.outcome is not None else mapped.rows.rejects,
    )


_STEPS: Mapping[str, Callable[[RunScope, Progress], StepDone]] = {
    "source": _source,
    "transform": _transform,
    "target": _target,
}


def _newest_staged(scope: RunScope, batch: Batch) -> StagedBatch:
    """The batch as it was last staged, by this run's root or by any run."""
    staged = staged_in(
        newest(scope.instance, scope.key("source"), batch.source_path), scope.workspace.depot
    )
    if staged is None:
        raise BatchError(
            f"Batch {batch.source_path} of {batch.version.name} is not staged.",
            hint="materialize its source asset too.",
        )
    return staged


def _newest_mapped(scope: RunScope, batch: Batch) -> MappedBatch:
    found = newest(scope.instance, scope.key("transform"), batch.source_path)
    mapped = mapped_in(found, batch.version.flow, scope.workspace.depot)
    if mapped is None:
        raise BatchError(
            f"There are no mapped rows of batch {batch.source_path} of {batch.version.name}.",
            hint="materialize its transform asset too.",
        )
    return mapped


def _require_target(scope: RunScope, batch: Batch) -> Target:
    if isinstance(scope.target, Target):
        return scope.target
    name = batch.version.flow.target.connector
    raise FlowError(
        f"The connector {name!r} of flow {batch.version.name} cannot be written to.",
        hint="name another target.connector.",
    )


def drop_older_staging(scope: RunScope, batch: Batch) -> None:
    """Remove what ended runs staged of this batch before; it is in the target now."""
    depot = scope.workspace.depot
    here = batch.staging.parent  # not there where another machine staged the batch
    for folder in here.iterdir() if here.is_dir() else ():
        if _is_older(scope, batch, folder):
            shutil.rmtree(folder, ignore_errors=True)
    if depot is None:
        return
    for folder in depot.beside(batch.staging):
        if _is_older(scope, batch, folder):
            depot.remove(folder)


def _is_older(scope: RunScope, batch: Batch, folder: Path) -> bool:
    root = folder.name.lstrip(".").partition(".")[0]  # .<run>.fetched is of a run too
    if root == batch.staging.name:
        return False
    run = scope.instance.get_run_by_id(root)
    return run is None or run.is_finished
