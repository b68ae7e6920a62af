"""A run over many batches: figures for each, and one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import dagster as dg

from lume_dagster.orchestration import metadata, names
from lume_dagster.orchestration.checks import Checked, many_results, not_run
from lume_dagster.orchestration.execution import Event, tag
from lume_dagster.orchestration.steps import (
    Progress,
    RunScope,
    StepDone,
    StepFailed,
    drop_older_staging,
    naming,
    run_step,
)
from lume_dagster.orchestration.together import take_together
from lume_dagster.runs.many import MOST_BATCHES
from lume_dagster.runs.status import STEPS


@dataclass(slots=True)
class _Tally:
    """What became of the batches so far."""

    failures: dict[str, Exception] = field(default_factory=dict)
    checked: dict[str, Sequence[Checked]] = field(default_factory=dict)
    rejected_rows: int = 0


def run_many(
    context: dg.AssetExecutionContext, scope: RunScope, batches: Sequence[str], steps: Sequence[str]
) -> Iterator[Event]:
    """Groups of batches step by step; the run fails in the end when one of them did."""
    tally = _Tally()
    chosen = [step for step in STEPS if step in steps]
    for first in range(0, len(batches), MOST_BATCHES):
        yield from _run_group(context, scope, batches[first : first + MOST_BATCHES], chosen, tally)
    yield from _check_events(context, scope, tally.checked)
    if tally.rejected_rows:
        tag(context, {names.TAG_REJECTS: str(tally.rejected_rows)})
    through = len(batches) - len(tally.failures)
    context.log.info("%d of %d batches are through.", through, len(batches))
    if tally.failures:
        _fail(context, tally.failures, len(batches))
    if _others_follow(context):
        for step in steps:
            yield dg.MaterializeResult(asset_key=scope.key(step))


def _run_group(
    context: dg.AssetExecutionContext,
    scope: RunScope,
    batches: Sequence[str],
    steps: Sequence[str],
    tally: _Tally,
) -> Iterator[Event]:
    """Each step for all batches that have come so far, together where that can be done."""
    under_way: list[Progress] = []
    for source_path in batches:
        with _tallied(context, tally, source_path), naming(steps[0]):
            under_way.append(Progress(scope.batch(source_path)))
    for step in steps:
        take_together(scope, under_way, step)
        through = []
        for progress in under_way:
            source_path = progress.batch.source_path
            with _tallied(context, tally, source_path):
                done = run_step(scope, progress, step)
                tally.rejected_rows += done.rejected_rows
                if done.checked:
                    tally.checked[source_path] = done.checked
                yield _materialization(context, scope, done, source_path)
                through.append(progress)
        under_way = through
    if "target" in steps:
        for progress in under_way:
            drop_older_staging(scope, progress.batch)


@contextmanager
def _tallied(context: dg.AssetExecutionContext, tally: _Tally, source_path: str) -> Iterator[None]:
    """A failure of one batch, noted and told; the others go on."""
    try:
        yield
    except StepFailed as failed:
        tally.failures[source_path] = failed
        if failed.checked:
            tally.checked[source_path] = failed.checked
        message = "%s: %s failed. %s"
        context.log.error(message, source_path, failed.step, failed.cause.message)  # noqa: TRY400
    except Exception as error:
        tally.failures[source_path] = error
        context.log.exception("%s: %s", source_path, type(error).__name__)


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
    context: dg.AssetExecutionContext, scope: RunScope, checked: Mapping[str, Sequence[Checked]]
) -> Iterator[dg.AssetCheckResult]:
    """Dagster wants a result of every selected check, whatever became of the batches."""
    wanted = {k.name for k in context.selected_asset_check_keys}
    key = scope.key("transform")
    results = [r for r in many_results(key, checked) if r.check_name in wanted]
    yield from results
    yield from (not_run(key, name) for name in wanted - {r.check_name for r in results})


def _fail(
    context: dg.AssetExecutionContext, failures: Mapping[str, Exception], batches: int
) -> NoReturn:
    """End the run: FAILED when a person can mend every cause, else CRASHED."""
    codes = [e.code for e in failures.values() if isinstance(e, StepFailed)]
    mendable = len(codes) == len(failures)
    if mendable:
        tag(context, {names.TAG_ERROR: codes[0]})
    records = [dg.TableRecord(_row(path, e)) for path, e in failures.items()]
    columns = [dg.TableColumn(c) for c in ("source_path", "step", "code", "message")]
    first = _row(*next(iter(failures.items())))
    message = f"{len(failures)} of {batches} batches failed; {first['source_path']}: "
    message += first["message"]
    error = {
        "step": first["step"] or None,
        "code": codes[0] if mendable else "CRASHED",
        "message": message,
        "hint": None,
    }
    raise dg.Failure(
        description=message,
        metadata={
            "lume/failed_batches": dg.MetadataValue.table(records, dg.TableSchema(columns)),
            metadata.ERROR: dg.MetadataValue.json(error),
        },
        allow_retries=False,
    ) from None


def _row(source_path: str, error: Exception) -> dict[str, str]:
    step, code, message = (
        (error.step, error.code, error.cause.message)
        if isinstance(error, StepFailed)
        else ("", type(error).__name__, repr(error))
    )
    return {"source_path": source_path, "step": step, "code": code, "message": message}
