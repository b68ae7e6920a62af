"""A run over many batches: figures for each, and one that fails does not stop the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NoReturn

import dagster as dg

from lume_dagster.orchestration import metadata, names
from lume_dagster.orchestration.body import Event
from lume_dagster.orchestration.checks.results import Checked, many_results, not_run
from lume_dagster.orchestration.execution import observed_failure, tag, tag_partial
from lume_dagster.orchestration.scope import Progress, RunScope, StepDone, StepFailed, naming
from lume_dagster.orchestration.steps import drop_older_staging, run_step
from lume_dagster.orchestration.together import prepare, take_together
from lume_dagster.runs.many import MOST_BATCHES
from lume_dagster.runs.status import STEPS, Status

_MOST_TOLD = 20  # failed batches in the error of a run; its table has all


@dataclass(slots=True)
class _Tally:
    """What became of the batches so far."""

    failures: dict[str, Exception] = field(default_factory=dict)
    checked: dict[str, list[Checked]] = field(default_factory=dict)
    rejected_rows: int = 0


def run_many(
    context: dg.AssetExecutionContext, scope: RunScope, batches: Sequence[str], steps: Sequence[str]
) -> Iterator[Event]:
    """Groups of batches step by step; the run fails in the end when one of them did."""
    tally = _Tally()
    chosen = [step for step in STEPS if step in steps]
    for group in _groups(context, scope, batches, chosen, tally):
        yield from _run_group(context, scope, group, chosen, tally)
    for source_path, error in tally.failures.items():
        if isinstance(error, StepFailed):
            yield from observed_failure(scope, error, source_path, chosen)
    yield from _check_events(context, scope, tally.checked)
    tag_partial(context, tally.rejected_rows)
    through = len(batches) - len(tally.failures)
    context.log.info("%d of %d batches are through.", through, len(batches))
    if tally.failures:
        _fail(context, tally.failures, len(batches))
    if _others_follow(context):
        for step in steps:
            yield dg.MaterializeResult(asset_key=scope.key(step))


def _groups(
    context: dg.AssetExecutionContext,
    scope: RunScope,
    batches: Sequence[str],
    steps: Sequence[str],
    tally: _Tally,
) -> Iterator[list[Progress]]:
    """Groups of batches; while the events of one are written, the next is prepared.

    Writing an event is mostly waiting for Dagster's storage.
    """
    prepared: deque[tuple[list[Progress], Future[None]]] = deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    with scope.workspace.engine() as engine:
        try:
            for first in range(0, len(batches), MOST_BATCHES):
                group = _begun(context, scope, batches[first : first + MOST_BATCHES], steps, tally)
                ahead = replace(scope, engine=engine)
                prepared.append((group, pool.submit(prepare, ahead, group, steps)))
                if first:
                    yield _when_ready(*prepared.popleft())
            yield _when_ready(*prepared.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _begun(
    context: dg.AssetExecutionContext,
    scope: RunScope,
    batches: Sequence[str],
    steps: Sequence[str],
    tally: _Tally,
) -> list[Progress]:
    under_way = []
    for source_path in batches:
        with _tallied(context, tally, source_path), naming(steps[0]):
            under_way.append(Progress(scope.batch(source_path)))
    return under_way


def _when_ready(group: list[Progress], prepared: Future[None]) -> list[Progress]:
    prepared.result()
    return group


def _run_group(
    context: dg.AssetExecutionContext,
    scope: RunScope,
    under_way: Sequence[Progress],
    steps: Sequence[str],
    tally: _Tally,
) -> Iterator[Event]:
    """Each step for all batches that have come so far, together where that can be done."""
    for step in steps:
        take_together(scope, under_way, step)
        through = []
        for progress in under_way:
            source_path = progress.batch.source_path
            with _tallied(context, tally, source_path):
                done = run_step(scope, progress, step)
                tally.rejected_rows += done.rejected_rows
                tally.checked.setdefault(source_path, []).extend(done.checked)
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
        tally.checked.setdefault(source_path, []).extend(failed.checked)
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
    wanted = context.selected_asset_check_keys
    results = many_results(scope.key, checked)
    yield from (results[key] if key in results else not_run(key) for key in sorted(wanted))


def _fail(
    context: dg.AssetExecutionContext, failures: Mapping[str, Exception], batches: int
) -> NoReturn:
    """End the run: FAILED when a person can mend every cause, else CRASHED."""
    codes = [e.code for e in failures.values() if isinstance(e, StepFailed)]
    mendable = len(codes) == len(failures)
    if mendable:
        tag(context, {names.TAG_ERROR: codes[0], names.TAG_STATUS: Status.FAILED.value})
    rows = [_row(path, e) for path, e in failures.items()]
    records = [dg.TableRecord(row) for row in rows]
    columns = [dg.TableColumn(c) for c in ("source_path", "step", "code", "message")]
    first = rows[0]
    message = f"{len(failures)} of {batches} batches failed; {_said(first)}"
    error = {
        "step": first["step"] or None,
        "code": codes[0] if mendable else "CRASHED",
        "message": message,
        "hint": None,
        "batches": [
            {"source_path": row["source_path"], "code": row["code"], "message": _said(row)}
            for row in rows[:_MOST_TOLD]
        ],
    }
    raise dg.Failure(
        description=message,
        metadata={
            "lume/failed_batches": dg.MetadataValue.table(records, dg.TableSchema(columns)),
            metadata.ERROR: dg.MetadataValue.json(error),
        },
        allow_retries=False,
    ) from None


def _said(row: Mapping[str, str]) -> str:
    """What became of a batch; most errors name it themselves."""
    path, message = row["source_path"], row["message"]
    return message if path in message else f"{path}: {message}"


def _row(source_path: str, error: Exception) -> dict[str, str]:
    step, code, message = (
        (error.step, error.code, error.cause.message)
        if isinstance(error, StepFailed)
        else ("", type(error).__name__, repr(error))
    )
    return {"source_path": source_path, "step": step, "code": code, "message": message}
