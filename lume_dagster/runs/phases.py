"""The three phases of a run as plain functions: sync the source, transform, sync the target."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lume_dagster.connectors.protocol import (
    Checkpoint,
    Column,
    DatabaseSource,
    Delivery,
    Receipt,
    SourceObject,
    StoreSource,
    Target,
)
from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.result import Transformed
from lume_dagster.errors import FlowError
from lume_dagster.flows.model import FlowVersion, SourceFormat
from lume_dagster.plan.plan import MappedColumn, Plan
from lume_dagster.plan.used_columns import used_columns
from lume_dagster.runs.checks import CheckResult, run_checks
from lume_dagster.runs.metrics import Metrics, RowCounts, measure
from lume_dagster.runs.output import METRICS, VALIDATION, part_files, write_document
from lume_dagster.runs.uploads import Upload
from lume_dagster.runs.validation import Finding, judge, to_document

if TYPE_CHECKING:
    import pyarrow as pa

FETCHES = 8  # at a time


class Engine(Protocol):
    """What the phases ask of an engine."""

    def stage_files(
        self,
        files: Sequence[InputFile],
        format: SourceFormat,  # noqa: A002
        into: Path,
    ) -> StagedBatch:
        """Files as a staged batch in the folder ``into``, which is there whole or not at all."""
        ...

    def stage_stream(self, reader: pa.RecordBatchReader, uri: str, into: Path) -> StagedBatch:
        """A stream of Arrow batches as a staged batch."""
        ...

    def compile(self, version: FlowVersion, staged: StagedBatch) -> Plan:
        """The plan of the version for the columns of the batch."""
        ...

    def transform(
        self, version: FlowVersion, plan: Plan, staged: StagedBatch, into: Path
    ) -> Transformed:
        """Mapped rows and rejects, in ``into/mapped`` and ``into/rejects``."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch on its way: what runs on it, and the folders it passes through."""

    version: FlowVersion
    source_path: str
    run_id: str  # as people see it
    staging: Path
    output: Path
    upload: Upload | None = None


@dataclass(frozen=True, slots=True)
class MappedBatch:
    """A transformed batch as it lies on disk, ready for the target."""

    folder: Path
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    metrics: Metrics

    @property
    def rows(self) -> RowCounts:
        """Input, mapped and rejected rows."""
        return self.metrics.row_counts


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a transform found out about a batch."""

    mapped: MappedBatch
    plan: Plan
    transformed: Transformed
    findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]


@runtime_checkable
class StagesFirst(Protocol):
    """An engine that can stage the first records of files without reading the rest."""

    def stage_first(
        self,
        files: Sequence[InputFile],
        format: SourceFormat,  # noqa: A002
        into: Path,
        rows: int,
        enough: Callable[[tuple[str, ...]], bool],
    ) -> StagedBatch:
        """At least the first ``rows`` records; ``enough`` judges columns that may not be all."""
        ...


def sync_source(
    source: object, batch: Batch, engine: Engine, first: int | None = None
) -> StagedBatch:
    """Bring the batch into staging, unless an earlier attempt of the same run has done so.

    Of files, ``first`` asks for so many records at least, and no more than need be read for them.

    Raises:
        FlowError: the connector is of a kind that cannot serve this flow.
        BatchError, ConnectorError, EngineError: from the rooms below.
    """
    staged = StagedBatch.load(batch.staging)
    if staged is not None:
        return staged
    batch.staging.parent.mkdir(parents=True, exist_ok=True)
    if batch.upload is None and batch.version.flow.source.query is not None:
        return _stage_query(source, batch, engine)
    fetched = fetched_of(batch)
    try:
        with whole_or_nothing([fetched]):
            files = _fetch(source, batch, fetched)
            form = batch.version.flow.source.format
            if first is not None and isinstance(engine, StagesFirst):
                enough = partial(_has_all, batch.version)
                return engine.stage_first(files, form, batch.staging, first, enough)
            return engine.stage_files(files, form, batch.staging)
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def _has_all(version: FlowVersion, columns: tuple[str, ...]) -> bool:
    """Whether each column that the flow uses is there by the very name it is used by."""
    return set(used_columns(version.flow)) <= set(columns)


def fetched_of(batch: Batch) -> Path:
    """Where the files of a batch lie while they are staged, if they were not here before."""
    return batch.staging.with_name(f".{batch.staging.name}.fetched")


def transform(batch: Batch, staged: StagedBatch, engine: Engine) -> Outcome:
    """Map the staged batch and write mapped rows, rejects and both documents to its output.

    What is found is written before it is judged: see ``verdict.refuse``.
    """
    started = time.monotonic()
    with whole_or_nothing([batch.output]):
        plan = engine.compile(batch.version, staged)
        transformed = engine.transform(batch.version, plan, staged, batch.output)
        return conclude(batch, plan, transformed, time.monotonic() - started)


def conclude(batch: Batch, plan: Plan, transformed: Transformed, seconds: float) -> Outcome:
    """Hold what came out to the flow's checks, and write metrics and results beside it."""
    rows = RowCounts(transformed.input_rows, transformed.mapped_rows, transformed.rejected_rows)
    checks = run_checks(batch.version.flow.checks, rows, dict(transformed.measures))
    findings = judge(transformed.tallies, checks, rows)
    metrics = measure(
        run_id=batch.run_id,
        flow_version=batch.version.name,
        rows=rows,
        error_counts=transformed.error_counts,
        tests=(len(findings), sum(f.status == "fail" for f in findings)),
        seconds=seconds,
    )
    write_document(batch.output / METRICS, metrics.to_dict())
    document = to_document(batch.run_id, batch.version.name, findings)
    write_document(batch.output / VALIDATION, document)
    mapped = MappedBatch(batch.output, columns_of(plan.columns), plan.key, metrics)
    return Outcome(mapped, plan, transformed, findings, checks)


def sync_target(
    target: Target,
    batch: Batch,
    mapped: MappedBatch,
    checkpoint: Checkpoint = lambda _: None,
    *,
    check: bool = True,
    only: Sequence[Path] | None = None,
) -> Receipt:
    """Deliver mapped rows and rejects: both become visible at once, or neither does.

    ``check`` asks the target first whether it can take them; once is enough for many batches.
    ``only`` are files with some of the mapped rows, in place of all.
    """
    delivery = delivery_of(batch, mapped)
    if only is not None:
        delivery = replace(delivery, mapped=tuple(only))
    if check:
        target.check(delivery)
    return target.deliver(delivery, checkpoint)


def delivery_of(batch: Batch, mapped: MappedBatch) -> Delivery:
    """The batch as targets take it."""
    flow = batch.version.flow
    return Delivery(
        table=flow.target.table,
        columns=mapped.columns,
        key=mapped.key,
        mode=flow.target.write,
        mapped=part_files(mapped.folder, "mapped"),
        rejects=part_files(mapped.folder, "rejects"),
        flow=flow.flow,
        version=batch.version.version,
        source_path=batch.source_path,
        run_id=batch.run_id,
        format=flow.target.format,
    )


def record_runtime(mapped: MappedBatch, seconds: float) -> MappedBatch:
    """Put the time of all phases into ``metrics.json`` when the batch is through."""
    metrics = replace(mapped.metrics, runtime_seconds=round(seconds, 3))
    write_document(mapped.folder / METRICS, metrics.to_dict())
    return replace(mapped, metrics=metrics)


@contextmanager
def whole_or_nothing(folders: Sequence[Path]) -> Iterator[None]:
    """Empty folders to fill, which are removed again when filling them is cut short."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    try:
        yield
    except BaseException:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _stage_query(source: object, batch: Batch, engine: Engine) -> StagedBatch:
    wanted = batch.version.flow.source
    if not isinstance(source, DatabaseSource) or wanted.query is None:
        raise FlowError(
            f"Flow {batch.version.name} has a query, but its source connector"
            f" {wanted.connector!r} reads files.",
            hint="remove source.query, or name a database connector.",
        )
    with source.read(wanted.query, batch.source_path) as reader:
        return engine.stage_stream(reader, batch.source_path, batch.staging)


def _fetch(source: object, batch: Batch, into: Path) -> list[InputFile]:
    """The files of the batch, on this machine."""
    if batch.upload is None:
        store = _store(source, batch)
        return _fetch_all(store, store.list_objects(batch.source_path), into)
    given = batch.upload.files
    away = [SourceObject(f.uri, f.size, f.version) for f in given if not f.stored]
    fetched = iter(_fetch_all(_store(source, batch), away, into) if away else ())
    return [
        InputFile(batch.upload.folder / f.stored, f.uri, f.version) if f.stored else next(fetched)
        for f in given
    ]


def _fetch_all(store: StoreSource, items: Sequence[SourceObject], into: Path) -> list[InputFile]:
    """Several at a time: a small object takes longer to ask for than to send."""
    with ThreadPoolExecutor(FETCHES, thread_name_prefix="fetch") as pool:
        paths = [pool.submit(store.fetch, item, into) for item in items]
        try:
            return [
                InputFile(path.result(), item.uri, item.version)
                for path, item in zip(paths, items, strict=True)
            ]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _store(source: object, batch: Batch) -> StoreSource:
    if isinstance(source, StoreSource):
        return source
    raise FlowError(
        f"The source connector {batch.version.flow.source.connector!r} of flow"
        f" {batch.version.name} is a database, and the flow has no query.",
        hint="add source.query, in which :source_path stands for the batch.",
    )


def columns_of(columns: Sequence[MappedColumn]) -> tuple[Column, ...]:
    """The columns of mapped rows as targets know them."""
    return tuple(Column(c.name, c.type, c.nullable, c.description) for c in columns)
