"""Remove what old runs left: their records and events, staging, output and logs.

The newest run of a batch that is in its target is kept, however old: by it Dagster knows that the
batch is done, and its rejects can still be looked at.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg

from lume_dagster.orchestration import names
from lume_dagster.orchestration.newest import newest
from lume_dagster.runs.output import Layout

_ENDED = [dg.DagsterRunStatus[s] for s in ("SUCCESS", "FAILURE", "CANCELED")]
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that can go."""

    kind: str  # run, staging, output, repair or log
    name: str  # a run id or a path
    bytes: int


def leftovers(
    instance: dg.DagsterInstance, layout: Layout, before: datetime, *, everything: bool = False
) -> list[Leftover]:
    """What runs that ended before a time have left; ``everything`` spares no batch's newest run."""
    ended = _ended(instance, before)
    spared = set() if everything else {r for r in ended if _is_newest(instance, r)}
    gone = set(ended) - spared
    files = list(_files(layout))
    owners = {owner for owner, _, _ in files}
    known = {owner for owner in owners if owner in ended or _is_known(instance, owner)}
    old = before.timestamp()
    found = [Leftover("run", names.public_id(run_id), 0) for run_id in sorted(gone)]
    for owner, kind, path in files:
        orphan = owner not in known and path.stat().st_mtime < old
        done = owner in gone or (owner in spared and kind == "staging")
        if orphan or done:
            found.append(Leftover(kind, str(path), _size(path)))
    return found


def remove(instance: dg.DagsterInstance, found: Sequence[Leftover]) -> None:
    """Remove them; files first, so that a removal cut short leaves no file without a run."""
    for leftover in sorted(found, key=lambda one: one.kind == "run"):
        if leftover.kind == "run":
            instance.delete_run(names.dagster_id(leftover.name))
        elif leftover.kind == "log":
            Path(leftover.name).unlink(missing_ok=True)
        else:
            shutil.rmtree(leftover.name)


def _ended(instance: dg.DagsterInstance, before: datetime) -> set[str]:
    """Dagster's ids of the runs of flow versions that ended before a time."""
    found: set[str] = set()
    cursor: str | None = None
    query = dg.RunsFilter(statuses=_ENDED, created_before=before)
    while True:
        page = instance.get_run_records(query, limit=_PAGE, cursor=cursor)
        found |= {
            record.dagster_run.run_id
            for record in page
            if names.TAG_VERSION in record.dagster_run.tags
            and (record.end_time or 0.0) < before.timestamp()
        }
        if len(page) < _PAGE:
            return found
        cursor = page[-1].dagster_run.run_id


def _is_newest(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the run is the newest to have made an asset of one of its batches."""
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=_PAGE, cursor=cursor
        )
        for record in page.records:
            made = record.asset_materialization
            if made is None or made.partition is None or names.STEP not in made.metadata:
                continue
            latest = newest(instance, made.asset_key, made.partition)
            if latest is not None and latest.metadata == made.metadata:
                return True
        if not page.has_more:
            return False
        cursor = page.cursor


def _is_known(instance: dg.DagsterInstance, run_id: str) -> bool:
    return instance.has_run(run_id)


def _files(layout: Layout) -> Iterator[tuple[str, str, Path]]:
    """The run that each folder and log is of, its kind, and its path."""
    for path in layout.data.glob("output/*/v*/run_*"):
        yield path.name.removeprefix(names.RUN_PREFIX), "output", path
    for path in layout.data.glob("staging/*/v*/*/*"):
        yield path.name.lstrip(".").partition(".")[0], "staging", path
    for path in layout.repairs.glob("*"):
        yield "", "repair", path  # staged with its batch long ago; no run needs it any more
    for path in layout.data.glob("logs/run_*.log"):
        yield path.stem.removeprefix(names.RUN_PREFIX), "log", path


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
