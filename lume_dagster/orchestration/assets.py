"""A flow version as three Dagster assets, made by one op that can run any of them."""

# No postponed annotations here: Dagster looks at the annotation of ``context`` itself.

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from lume_dagster.errors import LumeError
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import names
from lume_dagster.orchestration.checks import (
    Checked,
    check_specs,
    many_results,
    not_run,
    one_result,
)
from lume_dagster.orchestration.instance import require_long_keys
from lume_dagster.orchestration.steps import RunScope, StepDone, StepFailed, run_batch
from lume_dagster.orchestration.workspace import Workspace
from lume_dagster.runs.status import STEPS

Event = dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckResult

_DESCRIPTIONS = {
    "source": "The batch as it was delivered, staged as Parquet.",
    "transform": "Rows in the target schema, and rejects with every reason why.",
    "target": "Mapped rows and rejects in the target system.",
}


def version_assets(
    version: FlowVersion, prefix: str, kinds: Mapping[str, str]
) -> dg.AssetsDefinition:
    """The assets of a version; ``kinds`` is what each connector is a kind of."""
    specs = _specs(version, prefix, kinds)
    flow = version.flow
    connectors = {flow.source.connector, flow.target.connector}

    @dg.multi_asset(
        name=names.op_name(version),
        specs=specs,
        check_specs=check_specs(version, specs[1].key),
        can_subset=True,
        required_resource_keys={names.WORKSPACE_RESOURCE, *connectors},
        backfill_policy=dg.BackfillPolicy.single_run(),
        op_tags={"lume/flow_version": version.name},
    )
    def flow_version(context: dg.AssetExecutionContext) -> Iterator[Event]:
        yield from _execute(context, version)

    return flow_version


def _specs(version: FlowVersion, prefix: str, kinds: Mapping[str, str]) -> list[dg.AssetSpec]:
    flow = version.flow
    source, target = kinds[flow.source.connector], kinds[flow.target.connector]
    own: dict[str, dict[str, Any]] = {
        "source": {"kinds": {source}},
        "transform": {"kinds": {"sql"}},
        "target": {
            "kinds": {target},
            "metadata": {
                "dagster/table_name": flow.target.table,
                "dagster/storage_kind": target,
                "lume/write": flow.target.write,
            },
        },
    }
    partitions = dg.DynamicPartitionsDefinition(name=names.partitions_name(prefix, version))
    keys = [names.asset_key(prefix, version, step) for step in STEPS]
    return [
        dg.AssetSpec(
            key,
            deps=keys[number - 1 : number] if number else [],
            description=f"{flow.description}\n\n{_DESCRIPTIONS[step]}"
            if flow.description
            else _DESCRIPTIONS[step],
            partitions_def=partitions,
            group_name=flow.flow,
            owners=list(flow.owners),
            tags={**flow.tags, "lume/flow": flow.flow, "lume/version": str(version.version)},
            code_version=version.digest,
            skippable=True,
            **own[step],
        ).with_io_manager_key(names.IO_MANAGER)
        for number, (step, key) in enumerate(zip(STEPS, keys, strict=True))
    ]


def _execute(context: dg.AssetExecutionContext, version: FlowVersion) -> Iterator[Event]:
    """The body of the op: each batch through each selected step."""
    workspace: Workspace = context.resources.lume
    require_long_keys(context.instance)
    batches = list(context.partition_keys)
    selected = context.selected_asset_keys
    steps = [s for s in STEPS if names.asset_key(workspace.prefix, version, s) in selected]
    _tag_start(context, version, batches)
    with workspace.engine() as engine:
        scope = RunScope(
            version=version,
            workspace=workspace,
            source=getattr(context.resources, version.flow.source.connector),
            target=getattr(context.resources, version.flow.target.connector),
            engine=engine,
            instance=context.instance,
            run_id=context.run.run_id,
            root_run_id=context.run.root_run_id or context.run.run_id,
            many=len(batches) > 1,
            log=context.log,
        )
        if scope.many:
            yield from _run_many(context, scope, batches, steps)
        else:
            yield from _run_one(context, scope, batches[0], steps)


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
        _tag(context, {names.TAG_ERROR: failed.code})
        raise failure(failed, source_path) from None
    if rejected:
        _tag(context, {names.TAG_REJECTS: str(rejected)})


def _run_many(
    context: dg.AssetExecutionContext, scope: RunScope, batches: Sequence[str], steps: Sequence[str]
) -> Iterator[Event]:
    """Each batch on its own: one that fails does not stop the others, but fails the run in the end."""
    failures: dict[str, Exception] = {}
    checked: dict[str, Sequence[Checked]] = {}
    rejected = 0
    for source_path in batches:
        try:
            for done in run_batch(scope, source_path, steps):
                rejected += done.rejected_rows
                if done.checked:
                    checked[source_path] = done.checked
                yield _materialization(context, scope, done, source_path)
        except StepFailed as failed:
            failures[source_path] = failed
            checked[source_path] = failed.checked
            context.log.error(f"{source_path}: {failed.step} failed. {failed.cause.message}")
        except Exception as error:  # a fault of ours in one batch; the run ends CRASHED below
            failures[source_path] = error
            context.log.exception(f"{source_path}: {type(error).__name__}")
    yield from _many_check_events(context, scope, checked)
    if rejected:
        _tag(context, {names.TAG_REJECTS: str(rejected)})
    context.log.info(f"{len(batches) - len(failures)} of {len(batches)} batches are through.")
    if failures:
        _fail_many(context, failures, len(batches))
    elif _others_follow(context):
        for step in steps:
            yield dg.MaterializeResult(asset_key=scope.key(step))


def _materialization(
    context: dg.AssetExecutionContext, scope: RunScope, done: StepDone, source_path: str
) -> dg.AssetMaterialization:
    """The event of one batch, written at once, so that a crash later does not take it back."""
    key = scope.key(done.step)
    if _others_follow(context):
        context.add_asset_metadata(dict(done.metadata), asset_key=key, partition_key=source_path)
    return dg.AssetMaterialization(key, partition=source_path, metadata=done.metadata)


def _others_follow(context: dg.AssetExecutionContext) -> bool:
    """Whether assets of other ops are in the run; they are skipped unless ours are yielded."""
    chosen = context.run.asset_selection
    return chosen is None or bool(set(chosen) - set(context.assets_def.keys))


def _check_events(
    context: dg.AssetExecutionContext,
    scope: RunScope,
    checked: Sequence[Checked],
    source_path: str,
) -> Iterator[dg.AssetCheckResult]:
    wanted = {k.name for k in context.selected_asset_check_keys}
    key = scope.key("transform")
    return (one_result(key, c, source_path) for c in checked if c.name in wanted)


def _many_check_events(
    context: dg.AssetExecutionContext, scope: RunScope, checked: Mapping[str, Sequence[Checked]]
) -> Iterator[dg.AssetCheckResult]:
    """Dagster wants a result of every selected check, whatever became of the batches."""
    wanted = {k.name for k in context.selected_asset_check_keys}
    key = scope.key("transform")
    results = [r for r in many_results(key, checked) if r.check_name in wanted]
    yield from results
    yield from (not_run(key, name) for name in wanted - {r.check_name for r in results})


def failure(failed: StepFailed, source_path: str) -> dg.Failure:
    """What Dagster shows: one sentence and a hint, with the figures of the batch."""
    cause = failed.cause
    return dg.Failure(
        description=str(cause),
        metadata={
            **failed.figures,
            "lume/source_path": source_path,
            "lume/error": dg.MetadataValue.json(
                {
                    "step": failed.step,
                    "code": failed.code,
                    "message": cause.message,
                    "hint": cause.hint,
                }
            ),
        },
        allow_retries=False,
    )


def _fail_many(
    context: dg.AssetExecutionContext, failures: Mapping[str, Exception], batches: int
) -> None:
    """End the run: FAILED when a person can mend all causes, CRASHED when one is a fault of ours."""
    codes = [e.code for e in failures.values() if isinstance(e, StepFailed)]
    mendable = len(codes) == len(failures)
    if mendable:
        _tag(context, {names.TAG_ERROR: codes[0]})
    records = [dg.TableRecord(_failed_row(path, e)) for path, e in failures.items()]
    columns = [dg.TableColumn(c) for c in ("source_path", "step", "code", "message")]
    first = next(iter(failures.values()))
    message = f"{len(failures)} of {batches} batches failed; the first: {_words(first)}"
    error = {"step": None, "code": codes[0] if codes else "CRASH", "message": message, "hint": None}
    raise dg.Failure(
        description=message,
        metadata={
            "lume/failed_batches": dg.MetadataValue.table(records, dg.TableSchema(columns)),
            "lume/error": dg.MetadataValue.json(error),
        },
        allow_retries=False,
    ) from None


def _failed_row(source_path: str, error: Exception) -> dict[str, str]:
    failed = isinstance(error, StepFailed)
    return {
        "source_path": source_path,
        "step": error.step if failed else "",
        "code": error.code if failed else type(error).__name__,
        "message": _words(error),
    }


def _words(error: Exception) -> str:
    if isinstance(error, StepFailed):
        return error.cause.message
    return error.message if isinstance(error, LumeError) else repr(error)


def _tag_start(
    context: dg.AssetExecutionContext, version: FlowVersion, batches: Sequence[str]
) -> None:
    """Say in the run's tags what it is, and forget what a run it retries had come to."""
    wanted = {
        names.TAG_VERSION: version.name,
        names.TAG_FLOW: version.flow.flow,
        **({names.TAG_SOURCE_PATH: batches[0]} if len(batches) == 1 else {}),
        **{t: "" for t in (names.TAG_ERROR, names.TAG_REJECTS) if t in context.run.tags},
    }
    _tag(context, {k: v for k, v in wanted.items() if context.run.tags.get(k) != v})


def _tag(context: dg.AssetExecutionContext, tags: dict[str, str]) -> None:
    if tags:
        context.instance.add_run_tags(context.run.run_id, tags)
