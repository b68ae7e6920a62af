"""Take one batch through the selected steps of a run, yielding what each step made."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Target
from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import BatchError, FlowError, counted
from lume_dagster.orchestration import metadata
from lume_dagster.orchestration.checks.results import Checked, refusal
from lume_dagster.orchestration.checks.source import source_checks
from lume_dagster.orchestration.checks.target import count_held, target_checks
from lume_dagster.orchestration.checks.transform import transform_checks
from lume_dagster.orchestration.newest import mapped_in, newest, staged_in
from lume_dagster.orchestration.scope import Progress, RunScope, StepDone, StepFailed, naming
from lume_dagster.orchestration.seed_assets import input_tags, used_seeds
from lume_dagster.runs import phases
from lume_dagster.runs.output import METRICS
from lume_dagster.runs.phases import Batch, MappedBatch, Outcome
from lume_dagster.runs.repairs import only_repaired, require_repairing, rows_in, sync_repaired
from lume_dagster.runs.status import STEPS
from lume_dagster.runs.verdict import refuse

if TYPE_CHECKING:
    from lume_dagster.orchestration.drift import Beside

_SHOWN = 5


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
    try:
        return _STEPS[step](scope, progress)
    except StepFailed as failed:
        if scope.again and failed.step == "transform":
            failed.cause.also(_AS_STAGED)
        raise


_AS_STAGED = (
    "a retry maps what the first run had read: for a source that was mended start a run anew"
)


def _source(scope: RunScope, progress: Progress) -> StepDone:
    batch = progress.batch
    with progress.timed("source"):
        staged = progress.staged or scope.retrying(partial(_stage, scope, batch))
        if staged.folder not in progress.shared:
            scope.share(staged.folder)
    progress.staged = staged
    checked = _source_checks(scope, batch, staged)
    seconds = progress.seconds["source"]
    files = f" in {len(staged.files):,} files" if len(staged.files) > 1 else ""
    return StepDone(
        "source",
        {
            **metadata.of_source(staged, batch.source_path, seconds, progress.like.get("source")),
            **scope.stored(staged.folder),
        },
        checked,
        summary=f"Staged {counted(staged.records, 'row')}{files} ({staged.bytes:,} bytes)"
        f" of {batch.source_path} in {seconds:.2f} s.{_left_out(staged)}",
    )


def _left_out(staged: StagedBatch) -> str:
    if not staged.left_out:
        return ""
    more = ", ..." if len(staged.left_out) > _SHOWN else ""
    shown = ", ".join(staged.left_out[:_SHOWN])
    return f" Left out {counted(len(staged.left_out), 'file')} as no data: {shown}{more}."


def _source_checks(scope: RunScope, batch: Batch, staged: StagedBatch) -> tuple[Checked, ...]:
    """What the checks of the source say; a batch that passes is what later ones are held to."""
    from lume_dagster.orchestration.drift import with_proposal

    earlier = scope.history.before(batch.source_path)
    with naming("source"):
        found = source_checks(scope.checks, scope.missing, staged, earlier, forced=scope.forced)
        checked = with_proposal(found, scope.version.flow, staged, _beside(scope))
    _require(checked, "source")
    scope.history.add(batch.source_path, staged)
    return checked


def _require(checked: Sequence[Checked], step: str) -> None:
    """Raise StepFailed where a check does not let the batch through."""
    refused = refusal(checked)
    if refused is not None:
        raise StepFailed(step, refused, checked=checked)


def _stage(scope: RunScope, batch: Batch) -> StagedBatch:
    """The batch as its source has it, or as it was staged before, with rows that were repaired."""

    def read(wanted: Batch) -> StagedBatch:
        return phases.sync_source(scope.source, wanted, scope.engine)

    if scope.repair is None:
        return read(batch)
    engine = require_repairing(scope.engine)
    for folder in scope.repair.folders(scope.workspace.layout.repairs):
        scope.fetch(folder)
    return sync_repaired(batch, scope.repair, scope.workspace.layout.repairs, engine, read)


def _beside(scope: RunScope) -> Beside:
    from lume_dagster.orchestration.drift import Beside

    workspace = scope.workspace
    return Beside(scope.key("source"), scope.instance, workspace.engine_settings, workspace.flows)


def _transform(scope: RunScope, progress: Progress) -> StepDone:
    from lume_dagster.orchestration.drift import drift_told

    batch = progress.batch
    with progress.timed("transform"):
        outcome = progress.outcome
        if outcome is None:
            staged = progress.staged or _newest_staged(scope, batch)
            with drift_told(_beside(scope), batch, staged):
                outcome = phases.transform(batch, staged, scope.engine)
        if batch.output not in progress.shared:
            scope.share(batch.output)
    shared = scope.stored(batch.output)
    checked = _transform_checks(scope, batch, outcome)
    progress.outcome, progress.mapped = outcome, outcome.mapped
    rows, seconds = outcome.mapped.rows, progress.seconds["transform"]
    seeds = used_seeds(scope.version, scope.seeds, batch.upload)
    shown = metadata.of_transform(
        outcome, batch.source_path, scope.key("source"), seconds, progress.like.get("transform")
    )
    return StepDone(
        "transform",
        {**shown, **metadata.of_seeds(seeds), **shared},
        checked,
        f"Mapped {rows.mapped:,} of {rows.input:,} rows, rejected {rows.rejects:,}"
        f" in {seconds:.2f} s.",
        input_tags(scope.placed, seeds),
        rows.rejects,
    )


def _transform_checks(scope: RunScope, batch: Batch, outcome: Outcome) -> tuple[Checked, ...]:
    """What the checks of the transform say, when neither they nor the flow refuse the batch."""
    flow = batch.version.flow
    refused = refuse(outcome, flow.errors.max_error_rate)
    is_refused = refused is not None
    checked = tuple(transform_checks(scope.checks, flow, outcome, refused=is_refused))
    refused = refused or refusal(checked)
    if refused is not None:
        figures = metadata.of_rows(outcome.mapped, batch.source_path)
        figures |= scope.stored(batch.output)
        raise StepFailed("transform", refused, figures, checked)
    return checked


def _target(scope: RunScope, progress: Progress) -> StepDone:
    batch = progress.batch
    with progress.timed("target"):
        mapped = progress.mapped or _newest_mapped(scope, batch)
        receipt = progress.receipt
        if receipt is None:
            target = _require_target(scope, batch)
            first = not scope.delivered
            only = _merged_alone(scope, progress, mapped)
            deliver = partial(phases.sync_target, target, batch, mapped, check=first, only=only)
            receipt = scope.retrying(deliver)
            if only is None:
                progress.held = count(scope, [batch]).get(batch.source_path)
            else:  # of a batch merged before; other batches may own its other rows by now
                progress.handed = rows_in(only)
        scope.delivered.add(batch.source_path)
    checked = tuple(
        target_checks(scope.checks, mapped.rows, receipt, progress.held, progress.handed)
    )
    _require(checked, "target")
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
        checked,
        summary=f"Wrote {receipt.mapped_rows:,} rows to {receipt.mapped_location} and"
        f" {receipt.rejects_rows:,} rejects to {receipt.rejects_location}"
        f" in {progress.seconds['target']:.2f} s.",
        rejected_rows=0 if progress.outcome is not None else mapped.rows.rejects,
    )


def count(scope: RunScope, batches: Sequence[Batch]) -> Mapping[str, int]:
    """How many rows of delivered batches are in the target, where that is looked at."""
    paths = [batch.source_path for batch in batches]
    return count_held(scope.checks, scope.target, scope.version.flow, paths)


def _merged_alone(
    scope: RunScope, progress: Progress, mapped: MappedBatch
) -> Sequence[Path] | None:
    """The files a merge of repaired rows is handed; None where the whole batch is delivered."""
    repair, batch = scope.repair, progress.batch
    merges = batch.version.flow.target.write == "merge"
    if repair is None or repair.delivered is None or not merges:
        return None
    staged = progress.staged or _newest_staged(scope, batch)
    return only_repaired(mapped, staged, repair.delivered, require_repairing(scope.engine))


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
