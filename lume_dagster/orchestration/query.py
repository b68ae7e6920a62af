"""Read runs back from the Dagster instance as plain values."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from lume_dagster.errors import InvalidRequestError, NotFoundError, NotNowError
from lume_dagster.orchestration import metadata, names
from lume_dagster.orchestration.newest import folder_of
from lume_dagster.orchestration.processes import is_gone
from lume_dagster.runs.depot import Depot
from lume_dagster.runs.metrics import Metrics, total
from lume_dagster.runs.output import part_files
from lume_dagster.runs.record import RunDetails, RunSummary
from lume_dagster.runs.status import STEPS, RunFacts, Status, derive_status

_PAGE = 200
_PHASES = {"source": "sync_source", "transform": "transform", "target": "sync_target"}


def read_summary(instance: dg.DagsterInstance, run_id: str) -> RunSummary:
    """Where a run stands. A run whose process is gone is reported as failed first.

    Raises:
        NotFoundError: there is no such run.
    """
    return summarize(instance, _record(instance, run_id))


def read_details(
    instance: dg.DagsterInstance, run_id: str, depot: Depot | None = None
) -> RunDetails:
    """Where a run stands, its figures, and why it failed if it did.

    With a depot, the folders of its output are brought to this machine.
    """
    summary = read_summary(instance, run_id)
    events = _events(instance, names.dagster_id(run_id))
    figures = [m for m in events.rows if metadata.METRICS in m]
    metrics = [metadata.read_metrics(m) for m in figures]
    whole = metrics[0] if len(metrics) == 1 else total(metrics) if metrics else None
    return RunDetails(
        summary=summary,
        metrics=whole,
        metadata=_document(summary, whole, events),
        output=tuple(str(folder_of(m, metadata.OUTPUT, depot)) for m in figures),
        batches={
            str(m[metadata.SOURCE_PATH].value): str(folder_of(m, metadata.OUTPUT, depot))
            for m in figures
        },
    )


def batch_of(details: RunDetails, source_path: str | None) -> tuple[str, Path]:
    """The batch that is meant, and the folder of what the run left of it.

    Raises:
        InvalidRequestError: the run goes on, took many batches, or left no rejects of this one.
    """
    summary, batches = details.summary, details.batches
    if not summary.status.ended:
        raise NotNowError(
            f"Run {summary.id} is {summary.status}.",
            hint="wait for its end, or cancel it.",
            run_id=summary.id,
        )
    if source_path is None and len(batches) > 1:
        raise InvalidRequestError(
            f"Run {summary.id} took {len(batches)} batches.",
            hint=f"say whose rejects were repaired, such as source_path={next(iter(batches))!r}.",
        )
    batch = source_path or next(iter(batches), summary.source_path or "")
    folder = Path(batches.get(batch, ""))
    if batch not in batches or not part_files(folder, "rejects"):
        raise NotFoundError(
            f"Run {summary.id} has left no rejects of batch {batch!r}.",
            hint="name the run whose rejects these are; where its output was pruned, run the batch"
            " again with force_rerun.",
        )
    return batch, folder


def list_runs(
    instance: dg.DagsterInstance,
    *,
    flow: str | None = None,
    flow_version: str | None = None,
    source_path: str | Collection[str] | None = None,
    status: Iterable[Status] | None = None,
    limit: int = 50,
) -> list[RunSummary]:
    """Runs of flow versions, newest first; ``source_path`` are the names of a batch."""
    tags: dict[str, str | Sequence[str] | None] = {
        names.TAG_FLOW: flow,
        names.TAG_VERSION: flow_version,
        names.TAG_SOURCE_PATH: _names(source_path),
    }
    wanted = frozenset(status) if status is not None else frozenset(Status)
    query = dg.RunsFilter(tags={k: v for k, v in tags.items() if v is not None})
    found: list[RunSummary] = []
    cursor: str | None = None
    while len(found) < limit:
        page = instance.get_run_records(query, limit=_PAGE, cursor=cursor)
        ours = (summarize(instance, r) for r in page if _version(r.dagster_run) is not None)
        found += [s for s in ours if s.status in wanted]
        if len(page) < _PAGE:
            break
        cursor = page[-1].dagster_run.run_id
    return found[:limit]


def ended_among(instance: dg.DagsterInstance, run_ids: Collection[str]) -> frozenset[str]:
    """Of some runs those that have ended, by one question; one that was deleted has."""
    ids = {names.dagster_id(run_id): run_id for run_id in run_ids}
    records = instance.get_run_records(dg.RunsFilter(run_ids=list(ids)))
    going = (_with_the_dead_buried(instance, record).dagster_run for record in records)
    return frozenset(ids.values()) - {ids[r.run_id] for r in going if not r.is_finished}


def _names(given: str | Collection[str] | None) -> Sequence[str] | None:
    return [given] if isinstance(given, str) else None if given is None else sorted(given)


def _record(instance: dg.DagsterInstance, run_id: str) -> dg.RunRecord:
    record = instance.get_run_record_by_id(names.dagster_id(run_id))
    if record is None or _version(record.dagster_run) is None:
        raise NotFoundError(
            f"There is no run {run_id}.", hint="lume runs lists them; is this the right project?"
        )
    return record


def summarize(instance: dg.DagsterInstance, record: dg.RunRecord) -> RunSummary:
    """Where the run of a record stands."""
    record = _with_the_dead_buried(instance, record)
    run = record.dagster_run
    return RunSummary(
        id=names.public_id(run.run_id),
        status=derive_status(_facts(instance, run)),
        flow_version=_version(run),
        source_path=run.tags.get(names.TAG_SOURCE_PATH) or run.tags.get(names.PARTITION_TAG),
        created_at=record.create_timestamp.replace(tzinfo=record.create_timestamp.tzinfo or UTC),
        started_at=_time(record.start_time),
        finished_at=_time(record.end_time),
        run_metadata=json.loads(run.tags.get(names.TAG_METADATA) or "{}"),
        force_rerun=names.TAG_FORCED in run.tags,
        resubmits=run.tags.get(names.TAG_RESUBMITS),
        started_by=run.tags.get(names.TAG_STARTED_BY),
    )


def _with_the_dead_buried(instance: dg.DagsterInstance, record: dg.RunRecord) -> dg.RunRecord:
    """The record, after saying in it that the run's process is gone, if it is.

    The supervisor says so as a rule; this is for the case that it was killed too.
    """
    run = record.dagster_run
    if run.is_finished or not _is_dead(run):
        return record
    again = instance.get_run_record_by_id(run.run_id)  # it may have ended in the meantime
    if again is None or again.dagster_run.is_finished or not _is_dead(again.dagster_run):
        return again or record
    if again.dagster_run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(again.dagster_run)
    else:
        instance.report_run_failed(again.dagster_run, "The process of the run is gone.")
    return instance.get_run_record_by_id(run.run_id) or again


def _is_dead(run: dg.DagsterRun) -> bool:
    """Whether both the supervisor, who would report a death, and the worker are gone."""
    tags = (run.tags.get(t) for t in (names.TAG_SUPERVISOR, names.TAG_WORKER))
    told = [t for t in tags if t is not None]
    return bool(told) and all(is_gone(run.run_id, t) for t in told)


def _facts(instance: dg.DagsterInstance, run: dg.DagsterRun) -> RunFacts:
    selected = [k.path[-1] for k in run.asset_selection or () if names.version_of(k)]
    running = run.status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
    return RunFacts(
        dagster_status=run.status.value,
        selected=tuple(s for s in STEPS if s in selected) or STEPS,
        last_done=_last_done(instance, run.run_id) if running else None,
        rejected_rows=int(run.tags.get(names.TAG_REJECTS) or 0),
        error_code=run.tags.get(names.TAG_ERROR) or None,
    )


def _last_done(instance: dg.DagsterInstance, run_id: str) -> str | None:
    records = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=1, ascending=False
    ).records
    made = records[0].asset_materialization if records else None
    step = made.metadata.get(names.STEP) if made is not None else None
    return None if step is None else str(step.value)


def _version(run: dg.DagsterRun) -> str | None:
    tagged = run.tags.get(names.TAG_VERSION)
    if tagged:
        return tagged
    found = (names.version_of(k) for k in run.asset_selection or ())
    return next((v for v in found if v), None)


Values = Mapping[str, "dg.MetadataValue[Any]"]


@dataclass(frozen=True, slots=True)
class _Events:
    """What a run's events say: figures for each batch, what was delivered, and why it failed."""

    sources: Sequence[Values]
    rows: Sequence[Values]
    targets: Sequence[Values]
    error: Mapping[str, Any] | None


_KINDS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_OBSERVATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}


def _events(instance: dg.DagsterInstance, run_id: str) -> _Events:
    made: dict[str, list[Values]] = {step: [] for step in STEPS}
    refused: dict[object, Values] = {}  # batches whose rows were judged bad; their figures stand
    error: Mapping[str, Any] | None = None
    for entry in instance.all_logs(run_id, of_type=_KINDS):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            made_of = event.step_materialization_data.materialization
            if names.STEP in made_of.metadata:
                made[str(made_of.metadata[names.STEP].value)].append(made_of.metadata)
        elif event.event_type is dg.DagsterEventType.ASSET_OBSERVATION:
            seen = event.asset_observation_data.asset_observation.metadata
            refused |= {seen[metadata.SOURCE_PATH].value: seen} if metadata.METRICS in seen else {}
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            values = _failure_values(event)
            error = _error(event, values, made)
        elif error is None:
            error = _crash(event.message, made)
    by_batch = {m[metadata.SOURCE_PATH].value: m for m in (*made["transform"], *made["target"])}
    rows = list((refused | by_batch).values())
    return _Events(made["source"], rows, made["target"], error)


def _failure_values(event: dg.DagsterEvent) -> Values:
    said = event.step_failure_data.user_failure_data
    return said.metadata if said is not None else {}


def _error(
    event: dg.DagsterEvent, values: Values, made: Mapping[str, Sequence[Values]]
) -> Mapping[str, Any]:
    if metadata.ERROR in values:
        told: Any = values[metadata.ERROR].value
        return dict(told)
    fault = event.step_failure_data.error
    cause = (fault.cause or fault) if fault is not None else None
    return _crash(cause.message.strip() if cause is not None else event.message, made)


def _crash(message: str | None, made: Mapping[str, Sequence[Values]]) -> Mapping[str, Any]:
    """An error of ours, or a death; it happened in the first step that had made nothing."""
    step = next((s for s in STEPS if not made[s]), None)
    return {"step": step, "code": "CRASHED", "message": message, "hint": None}


def _document(summary: RunSummary, metrics: Metrics | None, events: _Events) -> Mapping[str, Any]:
    """The metadata of a run, as ``run.metadata`` shows it."""
    value: dict[str, Any] = {
        "run": {
            "run_id": summary.id,
            "flow_version": summary.flow_version,
            "source_path": summary.source_path,
            "status": summary.status.value,
            "run_metadata": dict(summary.run_metadata),
            "created_at": summary.created_at.isoformat(),
            "started_at": summary.started_at.isoformat() if summary.started_at else None,
            "finished_at": summary.finished_at.isoformat() if summary.finished_at else None,
            "force_rerun": summary.force_rerun,
            "resubmits": summary.resubmits,
            "started_by": summary.started_by,
        },
        "timings": _timings(events),
        "outputs": [_outputs(m) for m in events.targets],
    }
    if metrics is not None:
        figures = metrics.to_dict()
        value |= {k: figures[k] for k in ("row_counts", "error_rate", "validation_summary")}
    if events.error is not None and summary.status in (Status.FAILED, Status.CRASHED):
        value["error"] = events.error
    return value


def _timings(events: _Events) -> Mapping[str, float]:
    """Seconds by phase, over all batches of the run."""
    sums: dict[str, float] = {}
    for values in events.targets or [*events.sources, *events.rows]:
        for step, phase in _PHASES.items():
            seconds = values.get(f"lume/seconds_{step}")
            if seconds is not None:
                sums[phase] = round(sums.get(phase, 0.0) + float(str(seconds.value)), 3)
    return sums


def _outputs(values: Values) -> Mapping[str, Any]:
    return {
        "source_path": values[metadata.SOURCE_PATH].value,
        "folder": str(folder_of(values, metadata.OUTPUT, None)),
        "mapped": values["lume/mapped_location"].value,
        "rejects": values["lume/rejects_location"].value,
    }


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
