"""Which batches the target holds already, as they now lie at the source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache

import dagster as dg

from lume_dagster.errors import BatchError, InvalidRequestError
from lume_dagster.orchestration import metadata
from lume_dagster.orchestration.arrival import Arrived
from lume_dagster.orchestration.newest import newest_records
from lume_dagster.orchestration.translator import Placed

#: Those of some batches that need no run.
Delivered = Callable[[Sequence[Arrived]], Collection[Arrived]]


def delivered_before(
    instance: dg.DagsterInstance, placed: Placed, name_of: Callable[[str], str]
) -> Delivered:
    """Tells which arrivals the target holds as they are now, by the names that Dagster has."""
    held = cache(lambda: instance.get_materialized_partitions(placed.key("target")))

    def before(found: Sequence[Arrived]) -> Collection[Arrived]:
        named: dict[str, Arrived] = {}
        for batch in found if held() else ():
            path = batch.source_path
            with suppress(BatchError, InvalidRequestError):  # said of those that are chosen
                named[path if path in held() else name_of(path)] = batch
        versions = {name: batch.version for name, batch in named.items() if name in held()}
        return [named[name] for name in _delivered(instance, placed, versions)]

    return before


def _delivered(
    instance: dg.DagsterInstance, placed: Placed, versions: Mapping[str, str]
) -> frozenset[str]:
    """Those of some batches of one file that a run has delivered since they last changed.

    Args:
        instance: Where runs have told what they did.
        placed: The flow version; what another has delivered does not count.
        versions: The version of the file that is there now (its ETag, or time and size), by batch.
    """
    names = list(versions)
    if not names:
        return frozenset()
    staged = newest_records(instance, placed.key("source"), names)
    loaded = newest_records(instance, placed.key("target"), names)
    return frozenset(
        name
        for name in staged.keys() & loaded.keys()
        if _version(staged[name]) == _bare(versions[name])
        and staged[name].storage_id < loaded[name].storage_id
    )


def _version(record: dg.EventLogRecord) -> str | None:
    made = record.asset_materialization
    told = made.metadata.get(metadata.FILE_VERSION) if made is not None else None
    return None if told is None else _bare(str(told.value))


def _bare(version: str) -> str:
    """Azure gives an ETag with quotes in one answer, and without in another."""
    return version.replace('"', "")
