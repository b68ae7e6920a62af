"""What Dagster last heard of a batch: its latest materializations, for one batch or for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from lume_dagster.orchestration import metadata
from lume_dagster.orchestration.workspace import folder_now

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.flows.model import Flow
    from lume_dagster.runs.depot import Depot
    from lume_dagster.runs.phases import MappedBatch

_PAGES = 4


def newest(
    instance: dg.DagsterInstance, key: dg.AssetKey, source_path: str | None
) -> dg.AssetMaterialization | None:
    """The latest materialization of an asset for one batch, or for whichever was the last."""
    record = newest_record(instance, key, source_path)
    return record.asset_materialization if record else None


def newest_record(
    instance: dg.DagsterInstance, key: dg.AssetKey, source_path: str | None
) -> dg.EventLogRecord | None:
    """The same with its run and its time."""
    partitions = None if source_path is None else [source_path]
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=partitions)
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0] if records else None


def newest_of_many(
    instance: dg.DagsterInstance, key: dg.AssetKey, source_paths: Sequence[str]
) -> Mapping[str, dg.AssetMaterialization]:
    """The same for many batches in a few queries; one that was made long ago may be missing."""
    records = newest_records(instance, key, source_paths)
    made = {path: record.asset_materialization for path, record in records.items()}
    return {path: found for path, found in made.items() if found is not None}


def newest_records(
    instance: dg.DagsterInstance, key: dg.AssetKey, source_paths: Sequence[str]
) -> Mapping[str, dg.EventLogRecord]:
    """The same with their runs and times."""
    found: dict[str, dg.EventLogRecord] = {}
    cursor: str | None = None
    for _ in range(_PAGES):
        missing = [path for path in source_paths if path not in found]
        wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=missing)
        page = instance.fetch_materializations(wanted, limit=len(source_paths), cursor=cursor)
        for record in page.records:
            made = record.asset_materialization
            if made is not None and made.partition is not None:
                found.setdefault(made.partition, record)
        cursor = page.cursor
        if not page.has_more or len(found) == len(source_paths):
            break
    return found


def staged_in(
    found: dg.AssetMaterialization | None, depot: Depot | None = None
) -> StagedBatch | None:
    """The staged batch that a source's materialization speaks of, where it is still there."""
    from lume_dagster.engines.batch import StagedBatch

    if found is None or metadata.STAGING not in found.metadata:
        return None
    return StagedBatch.load(folder_of(found.metadata, metadata.STAGING, depot))


def mapped_in(
    found: dg.AssetMaterialization | None, flow: Flow, depot: Depot | None = None
) -> MappedBatch | None:
    """The mapped batch that a transform's materialization speaks of, where it is still there."""
    if found is None:
        return None
    folder = folder_of(found.metadata, metadata.OUTPUT, depot)
    return metadata.read_mapped(found.metadata, flow, folder)


def folder_of(values: Mapping[str, dg.MetadataValue[Any]], name: str, depot: Depot | None) -> Path:
    """The folder that metadata names, on this machine; from the store where it is not here."""
    stored = values.get(metadata.STORED)
    return folder_here(str(values[name].value), str(stored.value) if stored else None, depot)


def folder_here(path: str, stored: str | None, depot: Depot | None) -> Path:
    """The same, for a path and a URI of the store."""
    if depot is None or stored is None:
        return folder_now(Path(path))
    folder = depot.here(stored)
    depot.fetch(folder)
    return folder
