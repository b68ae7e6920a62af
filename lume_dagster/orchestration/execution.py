"""The body of a version's op: one batch, with its events as they come, and how a run fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache, partial

import dagster as dg

from lume_dagster.errors import InvalidRequestError, TransientError
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import metadata, names
from lume_dagster.orchestration.body import Event
from lume_dagster.orchestration.checks.history import History
from lume_dagster.orchestration.checks.results import Checked, one_result
from lume_dagster.orchestration.held_storage import kept_open
from lume_dagster.orchestration.instance import require_long_keys
from lume_dagster.orchestration.naming import second_names
from lume_dagster.orchestration.scope import RunScope, StepFailed
from lume_dagster.orchestration.seed_assets import frozen_seeds, observe_unseen
from lume_dagster.orchestration.steps import run_batch
from lume_dagster.orchestration.translator import Placed
from lume_dagster.orchestration.workspace import Workspace
from lume_dagster.plan.used_columns import missing_columns
from lume_dagster.runs.repairs import Repair
from lume_dagster.runs.status import STEPS, Status

_OF_THE_END = (names.TAG_ERROR, names.TAG_REJECTS, names.TAG_STATUS)


def run(context: dg.AssetExecutionContext, placed: Placed) -> Iterator[Event]:
    """Take each batch of the run through each selected step."""
    from lume_dagster.orchestration.many_batches import run_many

    if not context.selected_asset_keys:
        raise dg.Failure(
            "These checks are of what is measured while a batch runs; no batch is to run.\n"
            "Hint: materialize the partition; its checks come with it",
            allow_retries=False,
        )
    version = placed.version
    workspace: Workspace = placed.workspace or context.resources.lume
    require_long_keys(context.instance)
    batches = _batches(context, version)
    selected = context.selected_asset_keys
    steps = [s for s in STEPS if placed.key(s) in selected]
    _tag_start(context, version, batches)
    if "transform" in steps:
        observe_unseen(context, placed)
    one = len(batches) == 1
    source = placed.connector(context.resources, version.flow.source.connector)
    library = Library(workspace.flows)
    with workspace.engine() as engine:
        scope = RunScope(
            placed=placed,
            workspace=workspace,
            source=source,
            target=placed.connector(context.resources, version.flow.target.connector),
            engine=engine,
            instance=context.instance,
            run_id=context.run.run_id,
            root_run_id=_root_run_id(context.run),
            many=not one,
            log=context.log,
            history=History(context.instance, placed.key("source"), placed.checks.history),
            missing=lru_cache(partial(missing_columns, version.flow)),
            seeds=frozen_seeds(version, library),
            forced=names.TAG_FORCED in context.run.tags,
            repair=Repair.load(context.run.tags.get(names.TAG_REPAIR)) if one else None,
            second_names=second_names(context.instance, placed, source, library, batches),
            again=_root_run_id(context.run) != context.run.run_id
            or context.op_execution_context.retry_number > 0,
        )
        with kept_open(context.instance):
            if one:
                yield from _run_one(context, scope, batches[0], steps)
            else:
                yield from run_many(context, scope, batches, steps)


def _batches(context: dg.AssetExecutionContext, version: FlowVersion) -> list[str]:
    """The partitions of the run.

    Raises:
        Failure: there is none, or one that Dagster does not know: its UI asks for no such run, but
            a script may.
    """
    with suppress(dg.DagsterInvalidInvocationError, dg.DagsterInvariantViolationError):
        return list(context.partition_keys)
    tags = (names.PARTITION_TAG, *names.RANGE_TAGS)
    named = [context.run.tags[t] for t in tags if t in context.run.tags]
    which = f"{' to '.join(named)} is no partition" if named else "This run names no partition"
    cause = InvalidRequestError(
        f"{which} of {version.name}.",
        hint=f"lume partitions list {version.name} shows what there is, and add adds to it.",
    )
    failed = StepFailed("source", cause)
    tag(context, {names.TAG_ERROR: failed.code, names.TAG_STATUS: Status.FAILED.value})
    raise failure(failed, " to ".join(named))


def _root_run_id(run: dg.DagsterRun) -> str:
    """The first of the runs that retry one another; they share what was staged."""
    return run.root_run_id or run.tags.get(names.ROOT_RUN_TAG) or run.run_id


def _run_one(
    context: dg.AssetExecutionContext, scope: RunScope, source_path: str, steps: Sequence[str]
) -> Iterator[Event]:
    rejected = 0
    try:
        for done in run_batch(scope, source_path, steps):
            context.log.info(done.summary)
            rejected += done.rejected_rows
            yield dg.MaterializeResult(
                asset_key=scope.key(done.step), metadata=done.metadata, tags=dict(done.tags)
            )
            yield from _check_events(context, scope, done.checked, source_path)
    except StepFailed as failed:
        yield from _check_events(context, scope, failed.checked, source_path)
        yield from observed_failure(scope, failed, source_path, steps)
        tag(context, {names.TAG_ERROR: failed.code, names.TAG_STATUS: Status.FAILED.value})
        raise failure(failed, source_path) from None
    tag_partial(context, rejected)


def _check_events(
    context: dg.AssetExecutionContext,
    scope: RunScope,
    checked: Sequence[Checked],
    source_path: str,
) -> Iterator[dg.AssetCheckResult]:
    wanted = context.selected_asset_check_keys
    for check in checked:
        key = scope.key(check.step)
        if dg.AssetCheckKey(key, check.name) in wanted:
            yield one_result(key, check, source_path)


def observed_failure(
    scope: RunScope, failed: StepFailed, source_path: str, steps: Sequence[str]
) -> Iterator[dg.AssetObservation]:
    """Why the batch is not there, on each asset that lacks it for that.

    Of a partition that failed Dagster's own pages say only that a run did.
    """
    shown = _of_failure(failed, source_path)
    for step in STEPS[STEPS.index(failed.step) :]:
        if step in steps:
            yield dg.AssetObservation(
                scope.key(step),
                partition=source_path,
                description=str(failed.cause),
                metadata={names.TAG_STATUS: Status.FAILED.value, **shown},
            )


def failure(failed: StepFailed, source_path: str) -> dg.Failure:
    """What Dagster shows: one sentence and a hint, with the figures of the batch."""
    return dg.Failure(
        description=str(failed.cause),
        metadata=_of_failure(failed, source_path),
        allow_retries=isinstance(failed.cause, TransientError),
    )


def _of_failure(failed: StepFailed, source_path: str) -> metadata.Metadata:
    cause = failed.cause
    error = {
        "step": failed.step,
        "code": failed.code,
        "message": cause.message,
        "hint": cause.hint,
    }
    return {
        **failed.figures,
        metadata.SOURCE_PATH: source_path,
        metadata.ERROR: dg.MetadataValue.json(error),
    }


def tag(context: dg.AssetExecutionContext, tags: dict[str, str]) -> None:
    """Add facts to the run's record, so that a list of runs need not read their events."""
    if tags:
        context.instance.add_run_tags(context.run.run_id, tags)


def tag_partial(context: dg.AssetExecutionContext, rejected: int) -> None:
    """Say in the run's record that it is through, and not all rows are."""
    partial = {names.TAG_REJECTS: str(rejected), names.TAG_STATUS: Status.PARTIAL_FAILED.value}
    tag(context, partial if rejected else {})


def _tag_start(
    context: dg.AssetExecutionContext, version: FlowVersion, batches: Sequence[str]
) -> None:
    """Say in the run's tags what it is, and forget what a run it retries had come to."""
    wanted = {
        **names.run_tags(version, batches[0] if len(batches) == 1 else None),
        **{t: "" for t in _OF_THE_END if t in context.run.tags},
    }
    tag(context, {k: v for k, v in wanted.items() if context.run.tags.get(k) != v})
