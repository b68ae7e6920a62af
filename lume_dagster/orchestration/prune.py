"""Remove what old runs left: their records and events, staging, output and logs.

The newest run of a batch that is in its target is kept, however old: by it Dagster knows that the
batch is done, and its rejects can still be looked at.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import dagster as dg

from lume_dagster.orchestration import names
from lume_dagster.orchestration.newest import newest
from lume_dagster.runs.depot import Depot
from lume_dagster.runs.output import Layout

_ENDED = [dg.DagsterRunStatus[s] for s in ("SUCCESS", "FAILURE", "CANCELED")]
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that can go."""

    kind: str  # run, staging, output, upload, repair, workshop or log
    name: str  # a run id, a path, or a URI of the store
    bytes: int


def leftovers(
    instance: dg.DagsterInstance,
    layout: Layout,
    before: datetime,
    *,
    everything: bool = False,
    depot: Depot | None = None,
) -> list[Leftover]:
    """What runs that ended before a time have left; ``everything`` spares no batch's newest run."""
    ended = _ended(instance, before)
    spared = set() if everything else {r for r in ended if _is_newest(instance, r)}
    gone = set(ended) - spared
    files = [*_files(layout), *(_stored(depot) if depot else ())]
    owners = {leftover.run for leftover in files}
    known = {owner for owner in owners if owner in ended or _is_known(instance, owner)}
    old = before.timestamp()
    found = [Leftover("run", names.public_id(run_id), 0) for run_id in sorted(gone)]
    for one in files:
        orphan = one.run not in known and one.changed < old
        done = one.run in gone or (one.run in spared and one.kind == "staging")
        if orphan or done:
            found.append(Leftover(one.kind, one.name, one.bytes()))
    return found


def of_the_workshop(
    flows: Path, data: Path, before: datetime, *, everything: bool = False
) -> list[Leftover]:
    """The same of the mapper's workshop: what people attached, ran and edited before a time."""
    from lume_dagster.mapper.workshop.leftovers import leftovers as left
    from lume_dagster.mapper.workshop.place import Place

    place = Place(flows=flows, state=data, author="")
    found = left(place, before, everything=everything)
    return [Leftover("workshop", str(path), _size(path)) for path in found]


def remove(
    instance: dg.DagsterInstance, found: Sequence[Leftover], depot: Depot | None = None
) -> None:
    """Remove them; files first, so that a removal cut short leaves no file without a run."""
    for leftover in sorted(found, key=lambda one: one.kind == "run"):
        if leftover.kind == "run":
            instance.delete_run(names.dagster_id(leftover.name))
        elif depot is not None and "://" in leftover.name:
            depot.remove(depot.here(leftover.name))
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


@dataclass(frozen=True, slots=True)
class _Kept:
    """A folder or log, here or in the store, and the run that it is of."""

    run: str
    kind: str
    name: str
    changed: float
    bytes: Callable[[], int]


def _files(layout: Layout) -> Iterator[_Kept]:
    for path in layout.data.glob("output/*/v*/run_*"):
        yield _kept(path.name, "output", path)
    for path in layout.data.glob("staging/*/v*/*/*"):
        yield _kept(path.name.lstrip(".").partition(".")[0], "staging", path)
    for path in layout.data.glob("scratch/*.stored"):  # fetching it was cut short
        yield _kept("", "staging", path)
    for path in (*layout.data.glob("scratch/*.http"), *layout.uploads.glob(".*.new")):
        yield _kept("", "upload", path)  # receiving it, or handing it out, was cut short
    for path in layout.repairs.glob("*"):
        yield _kept("", "repair", path)  # staged with its batch long ago; no run needs it any more
    for path in layout.data.glob("logs/run_*.log"):
        yield _kept(path.stem, "log", path)


def _kept(name: str, kind: str, path: Path) -> _Kept:
    run = name.removeprefix(names.RUN_PREFIX)
    return _Kept(run, kind, str(path), path.stat().st_mtime, lambda: _size(path))


def _stored(depot: Depot) -> Iterator[_Kept]:
    for found in depot.of_runs():
        run, size = found.run.removeprefix(names.RUN_PREFIX), found.bytes
        yield _Kept(run, found.kind, found.uri, found.changed, partial(int, size))


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
