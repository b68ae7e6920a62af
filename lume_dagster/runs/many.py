"""The phases of a run for many small batches at once, where engine and connectors can do that.

Nothing here decides anything about a batch. What cannot go together is left to the phases for one
batch, and so is a group that fails: alone, each comes to the same rows, or says what is wrong.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from lume_dagster.connectors.protocol import (
    Checkpoint,
    ManyTarget,
    Receipt,
    SourceObject,
    StoreSource,
)
from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.readers.files import Incoming, InputFile
from lume_dagster.engines.result import Transformed
from lume_dagster.engines.settings import MIB, SMALL_BYTES, SMALL_ROWS
from lume_dagster.errors import LumeError
from lume_dagster.flows.model import FlowVersion, SourceFormat
from lume_dagster.plan.plan import Plan
from lume_dagster.runs.phases import (
    FETCHES,
    Batch,
    Engine,
    MappedBatch,
    Outcome,
    conclude,
    delivery_of,
    fetched_of,
    whole_or_nothing,
)

T = TypeVar("T")

#: Batches that go together are at most so many, and at most so many bytes as they were delivered.
MOST_BATCHES = 250
MOST_BYTES = 64 * MIB


@runtime_checkable
class ManyEngine(Engine, Protocol):
    """An engine that takes many small batches in less time than one after the other."""

    def stage_many(
        self,
        incoming: Sequence[Incoming],
        format: SourceFormat,  # noqa: A002
    ) -> Sequence[StagedBatch | None]:
        """Each batch as it would be staged alone; None for one that must be."""
        ...

    def transform_many(
        self,
        version: FlowVersion,
        plan: Plan,
        batches: Sequence[StagedBatch],
        into: Sequence[Path],
    ) -> Sequence[Transformed]:
        """Each batch as it would be transformed alone; all are plain and have the same columns."""
        ...


# -- source -----------------------------------------------------------------------------------

_Listed = tuple[Batch, SourceObject]


def listed_together(source: StoreSource, batches: Iterable[Batch]) -> Iterator[list[_Listed]]:
    """Groups of batches that are one small file each and not staged yet."""
    with ThreadPoolExecutor(FETCHES, thread_name_prefix="list") as pool:
        found = list(pool.map(partial(_small_file, source), batches))
    yield from groups((each for each in found if each), lambda each: each[1].size)


def _small_file(source: StoreSource, batch: Batch) -> _Listed | None:
    queried = batch.upload is not None or batch.version.flow.source.query is not None
    if queried or StagedBatch.load(batch.staging) is not None:
        return None
    try:
        items = source.list_objects(batch.source_path)
    except LumeError:
        return None  # looked for alone, it says so
    return (batch, items[0]) if len(items) == 1 and items[0].size <= SMALL_BYTES else None


def sync_sources(
    source: StoreSource, group: Sequence[_Listed], engine: ManyEngine
) -> dict[str, StagedBatch]:
    """Bring a group into staging; what is not among the results must be brought there alone."""
    with _fetched(source, group) as files:
        incoming = [Incoming([file], batch.staging) for batch, file in files]
        if not incoming:
            return {}
        staged = engine.stage_many(incoming, group[0][0].version.flow.source.format)
        pairs = zip(files, staged, strict=True)
        return {batch.source_path: done for (batch, _), done in pairs if done is not None}


@contextmanager
def _fetched(
    source: StoreSource, group: Sequence[_Listed]
) -> Iterator[list[tuple[Batch, InputFile]]]:
    """The files of a group for as long as they are read; without those that cannot be had."""
    folders = [fetched_of(batch) for batch, _ in group]
    try:
        with ThreadPoolExecutor(FETCHES, thread_name_prefix="fetch") as pool:
            found = list(pool.map(partial(_fetch, source), group, folders))
        yield [(batch, file) for (batch, _), file in zip(group, found, strict=True) if file]
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _fetch(source: StoreSource, listed: _Listed, into: Path) -> InputFile | None:
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    item = listed[1]
    try:
        return InputFile(source.fetch(item, into), item.uri, item.version)
    except LumeError:
        return None  # fetched alone, it is tried again, and says what is wrong


# -- transform --------------------------------------------------------------------------------

_Staged = tuple[Batch, StagedBatch]


def staged_together(batches: Iterable[_Staged]) -> Iterator[list[_Staged]]:
    """Groups of small plain batches that one plan maps."""
    alike: dict[object, list[_Staged]] = {}
    for batch, staged in batches:
        if staged.is_plain and staged.records <= SMALL_ROWS and _size(staged) <= SMALL_BYTES:
            key = (batch.version.digest, staged.columns, staged.format)
            alike.setdefault(key, []).append((batch, staged))
    for group in alike.values():
        yield from groups(group, lambda each: _size(each[1]))


def _size(staged: StagedBatch) -> int:
    """Of a compressed file what it was expanded to counts, as far as that takes space."""
    return max(staged.bytes, sum(part.stat().st_size for part in staged.part_paths))


def transform(group: Sequence[_Staged], engine: ManyEngine) -> list[Outcome]:
    """What ``phases.transform`` makes of each batch, all at once."""
    started = time.monotonic()
    version, outputs = group[0][0].version, [batch.output for batch, _ in group]
    with whole_or_nothing(outputs):
        plan = engine.compile(version, group[0][1])
        done = engine.transform_many(version, plan, [staged for _, staged in group], outputs)
        seconds = (time.monotonic() - started) / len(group)
        return [
            conclude(batch, plan, transformed, seconds)
            for (batch, _), transformed in zip(group, done, strict=True)
        ]


# -- target -----------------------------------------------------------------------------------

_Mapped = tuple[Batch, MappedBatch]


def mapped_together(batches: Iterable[_Mapped]) -> Iterator[list[_Mapped]]:
    """Groups of batches whose files are small and of the same columns."""
    alike: dict[object, list[tuple[Batch, MappedBatch, int]]] = {}
    for batch, mapped in batches:
        size = sum(file.stat().st_size for file in mapped.folder.glob("*/part-*.parquet"))
        if size <= SMALL_BYTES:
            key = (mapped.columns, mapped.key)
            alike.setdefault(key, []).append((batch, mapped, size))
    for group in alike.values():
        for each in groups(group, lambda sized: sized[2]):
            yield [(batch, mapped) for batch, mapped, _ in each]


def sync_targets(
    target: ManyTarget,
    group: Sequence[_Mapped],
    checkpoint: Checkpoint = lambda _: None,
    *,
    check: bool = True,
) -> list[Receipt]:
    """Deliver a group: all of it becomes visible at once, or nothing does."""
    deliveries = [delivery_of(batch, mapped) for batch, mapped in group]
    if check:
        target.check(deliveries[0])
    return list(target.deliver_many(deliveries, checkpoint))


def groups(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in their order, cut where a group would be too large; none is alone."""
    group: list[T] = []
    held = 0
    for item in items:
        if group and (len(group) == MOST_BATCHES or held + size(item) > MOST_BYTES):
            yield from [group] if len(group) > 1 else []
            group, held = [], 0
        group.append(item)
        held += size(item)
    if len(group) > 1:
        yield group
