"""A page of the runs of flow versions, newest first, and how many there are in all.

Which runs are meant is asked of Dagster as ids, by tags and statuses; only those of the page are
read. A run that a person makes in Dagster's UI gets its tags, and its place, when it begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from lume_dagster.orchestration import names
from lume_dagster.orchestration.query import summarize
from lume_dagster.runs.record import RunSummary
from lume_dagster.runs.status import RUNNING, Status

_BEFORE: Mapping[Status, tuple[str, ...]] = {
    Status.CREATED: ("NOT_STARTED",),
    Status.QUEUED: ("QUEUED", "MANAGED", "STARTING"),
    Status.CANCELED: ("CANCELED",),
}
_AT_WORK = ("STARTED", "CANCELING")
#: Dagster's status of a run that has ended -> ours without a tag, and ours with it.
_ENDS: Mapping[str, tuple[Status, Status]] = {
    "SUCCESS": (Status.SUCCEEDED, Status.PARTIAL_FAILED),
    "FAILURE": (Status.CRASHED, Status.FAILED),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are meant; None for all."""

    flow: str | None = None
    flow_version: str | None = None
    source_paths: Collection[str] | None = None  # the names of one batch
    statuses: Collection[Status] | None = None


def page_of_runs(
    instance: dg.DagsterInstance, wanted: Wanted, *, page: int, size: int
) -> tuple[list[RunSummary], int]:
    """The runs of a page, counted from 1, and how many there are in all."""
    tags = _tags(instance, wanted)
    if any(not values for values in tags.values()):
        return [], 0
    ids = instance.get_run_ids(dg.RunsFilter(tags=tags))
    if wanted.statuses is not None:
        kept = _in_statuses(instance, frozenset(wanted.statuses))
        ids = [run_id for run_id in ids if run_id in kept]
    return _summaries(instance, ids[(page - 1) * size : page * size]), len(ids)


def _tags(instance: dg.DagsterInstance, wanted: Wanted) -> Mapping[str, Sequence[str]]:
    said = {
        names.TAG_FLOW: None if wanted.flow is None else [wanted.flow],
        names.TAG_VERSION: None if wanted.flow_version is None else [wanted.flow_version],
        names.TAG_SOURCE_PATH: None if wanted.source_paths is None else sorted(wanted.source_paths),
    }
    found = {name: values for name, values in said.items() if values is not None}
    if found:
        return found
    every = dict(instance.get_run_tags(tag_keys=[names.TAG_FLOW]))  # others' runs have none
    return {names.TAG_FLOW: sorted(every.get(names.TAG_FLOW, ()))}


def _in_statuses(instance: dg.DagsterInstance, statuses: frozenset[Status]) -> frozenset[str]:
    """The ids of all runs in these statuses, as derive_status decides them.

    Dagster is asked without the other tags: two at once take it a hundred times as long.
    """

    def ask(kinds: Iterable[str], tags: Mapping[str, str]) -> Sequence[str]:
        of_dagster = [dg.DagsterRunStatus(kind) for kind in kinds]
        return instance.get_run_ids(dg.RunsFilter(tags=tags, statuses=of_dagster))

    found: set[str] = set()
    for status, kinds in _BEFORE.items():
        found |= set(ask(kinds, {})) if status in statuses else set()
    for kind, (plain, tagged) in _ENDS.items():
        if plain in statuses or tagged in statuses:
            with_tag = set(ask([kind], {names.TAG_STATUS: tagged.value}))
            found |= with_tag if tagged in statuses else set()
            found |= set(ask([kind], {})) - with_tag if plain in statuses else set()
    if statuses & RUNNING:
        summaries = _summaries(instance, ask(_AT_WORK, {}))
        found |= {names.dagster_id(s.id) for s in summaries if s.status in statuses}
    return frozenset(found)


def _summaries(instance: dg.DagsterInstance, ids: Sequence[str]) -> list[RunSummary]:
    """The runs of these ids, in their order; one that was deleted meanwhile is left out."""
    if not ids:
        return []
    records = instance.get_run_records(dg.RunsFilter(run_ids=list(ids)))
    by_id = {record.dagster_run.run_id: record for record in records}
    return [summarize(instance, by_id[run_id]) for run_id in ids if run_id in by_id]
