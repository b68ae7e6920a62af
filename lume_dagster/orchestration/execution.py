"""The body of a version's op: one batch, with its events as they come, and how a run fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from lume_dagster.errors import TransientError
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import metadata, names
from lume_dagster.orchestration.checks import Checked, one_result
from lume_dagster.orchestration.event_files import kept_open
from lume_dagster.orchestration.instance import require_long_keys
from lume_dagster.orchestration.steps import RunScope, StepFailed, run_batch
from lume_dagster.orchestration.translator import Placed
from lume_dagster.orchestration.workspace import Workspace
from lume_dagster.runs.status import STEPS

Event = dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckResult


def execute(context: dg.AssetExecutionContext, placed: Placed) -> Iterator[Event]:
    """Take each batch of the run through each selected step."""
    from lume_dagster.orchestration.many_batches import run_many

    version = placed.version
    workspace: Workspace = placed.workspace or context.resources.lume
    require_long_keys(context.instance)
    batches = list(context.partition_keys)
    selected = context.selected_asset_keys
    steps = [s for s in STEPS if placed.key(s) in selected]
    _tag_start(context, version, batches)
    with workspace.engine() as engine:
        scope = RunScope(
            placed=placed,
            workspace=workspace,
            source=placed.connector(context.resources, version.flow.source.connector),
            target=placed.connector(context.resources, version.flow.target.connector),
            engine=engine,
            instance=context.instance,
            run_id=context.run.run_id,
            root_run_id=_root_run_id(context.run),
            many=len(batches) > 1,
            log=context.log,
            again=_root_run_id(context.run) != context.run.run_id
            or context.op_execution_context.retry_number > 0,
        )
        if scope.many:
            with kept_open(context.instance, context.run.run_id):
                yield from run_many(context, scope, batches, steps)
        else:
            yield from _run_one(context, scope, batches[0], steps)


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
            yield dg.MaterializeResult(asset_key=scope.key(done.step), metadata=done.metadata)
            yield from _check_events(context, scope, done.checked, source_path)
    except StepFailed as failed:
        yield from _check_events(context, scope, failed.checked, source_path)
        tag(context, {names.TAG_ERROR: failed.code})
        raise failure(failed, source_path) from None
    if rejected:
        tag(context, {names.TAG_REJECTS: str(rejected)})


def _check_events(
    context: dg.AssetExecutionContext,
    scope: RunScope,
    checked: Sequence[Checked],
    source_path: str,
) -> Iterator[dg.AssetCheckResult]:
    wanted = {k.name for k in context.selected_asset_check_keys}
    key = scope.key("transform")
    return (one_result(key, c, source_path) for c in checked if c.name in wanted)


def failure(failed: StepFailed, source_path: str) -> dg.Failure:
    """What Dagster shows: one sentence and a hint, with the figures of the batch."""
    cause = failed.cause
    error = {
        "step": failed.step,
        "code": failed.code,
        "message": cause.message,
        "hint": cause.hint,
    }
    return dg.Failure(
        description=str(cause),
        metadata={
            **failed.figures,
            metadata.SOURCE_PATH: source_path,
            metadata.ERROR: dg.MetadataValue.json(error),
        },
        allow_retries=isinstance(cause, TransientError),
    )


def tag(context: dg.AssetExecutionContext, tags: dict[str, str]) -> None:
    """Add facts to the run's record, so that a list of runs need not read their events."""
    if tags:
        context.instance.add_run_tags(context.run.run_id, tags)


def _tag_start(
    context: dg.AssetExecutionContext, version: FlowVersion, batches: Sequence[str]
) -> None:
    """Say in the run's tags what it is, and forget what a run it retries had come to."""
    wanted = {
        **names.run_tags(version, batches[0] if len(batches) == 1 else None),
        **{t: "" for t in (names.TAG_ERROR, names.TAG_REJECTS) if t in context.run.tags},
    }
    tag(context, {k: v for k, v in wanted.items() if context.run.tags.get(k) != v})
