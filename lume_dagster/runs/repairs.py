"""Repaired rejects on their way back: where a file of them is kept, and how it joins its batch.

Layout of ``<data>/repairs/<hash>``: the file as it was given, staged like any other.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.errors import BatchError, EngineError, InvalidRequestError
from lume_dagster.flows.model import SourceFormat
from lume_dagster.runs.output import part_files
from lume_dagster.runs.phases import Batch, Engine, MappedBatch

_LETTERS = 32  # of the hash


@runtime_checkable
class RepairingEngine(Engine, Protocol):
    """An engine that can put repaired rows in place of staged ones."""

    def examine_repairs(
        self, given: StagedBatch, rejects: Sequence[Path], base: StagedBatch | None = None
    ) -> tuple[int, ...]:
        """The numbers of the rows in a file of repairs; InvalidRequestError for no reject."""
        ...

    def apply_repairs(
        self, base: StagedBatch, given: StagedBatch, number: int, into: Path
    ) -> StagedBatch:
        """The batch with repaired rows in place of its own."""
        ...

    def keep_repaired(
        self, mapped: Sequence[Path], staged: StagedBatch, since: int, into: Path
    ) -> Path:
        """Of mapped rows those that later repairs have written."""
        ...

    def differing_row(self, staged: StagedBatch, rejects: Sequence[Path]) -> int | None:
        """The first reject that does not say what its row in the batch says."""
        ...


@dataclass(frozen=True, slots=True)
class Repair:
    """How a run takes a batch up again with repaired rows, instead of reading its source.

    Attributes:
        run_id: The run whose rejects were repaired, as people see it.
        digest: The name of the file of repairs.
        read: The run that read the source; row numbers mean what they meant there.
        base: Where the batch was staged last, with earlier repairs.
        output: What that run left of the batch; its rejects are in it.
        number: How many repairs of the batch there are with this one.
        delivered: The last of them that the target holds; None when it holds nothing of the batch.
        before: The names of the earlier ones.
    """

    run_id: str
    digest: str
    read: str
    base: str
    output: str
    number: int
    delivered: int | None = None
    before: tuple[str, ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        """The names of all repairs of the batch."""
        return (*self.before, self.digest)

    def folders(self, repairs: Path) -> tuple[Path, ...]:
        """What it needs here: the file of repairs, and the batch as it was staged last."""
        return (repairs / self.digest, *((Path(self.base),) if self.base else ()))

    def dump(self) -> str:
        """As a tag of the run holds it."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str | None) -> Repair | None:
        """Read back what ``dump`` gave."""
        if not text:
            return None
        value = json.loads(text)
        return cls(**{**value, "before": tuple(value["before"])})


def require_repairing(engine: Engine) -> RepairingEngine:
    """The engine, which must be able to repair."""
    if isinstance(engine, RepairingEngine):
        return engine
    raise EngineError(
        f"The engine {type(engine).__name__} cannot repair rows.",
        hint="repair them at their source and run the batch again, or use the default engine.",
    )


def digest_of(file: Path) -> str:
    """What a file of repairs is called here; InvalidRequestError where there is none."""
    if not file.is_file():
        raise InvalidRequestError(f"There is no file {file}.", hint="look at its name.")
    with file.open("rb") as content:
        hashed = hashlib.file_digest(content, "sha256")
    hashed.update(file.suffix.encode())
    return hashed.hexdigest()[:_LETTERS]


def store_repair(
    repairs: Path,
    file: Path,
    digest: str,
    outputs: Sequence[Path],
    base: StagedBatch | None,
    engine: RepairingEngine,
) -> None:
    """Keep a file of repairs of the rejects in these folders, for the batch as it is staged.

    Raises:
        InvalidRequestError: it is not about these rejects.
        BatchError: it cannot be read.
    """
    given = StagedBatch.load(repairs / digest)
    if given is None:
        repairs.mkdir(parents=True, exist_ok=True)
        named = [InputFile(file.absolute(), file.name, digest)]
        given = engine.stage_files(named, SourceFormat(), repairs / digest)
    rejects = [path for folder in outputs for path in part_files(folder, "rejects")]
    if not engine.examine_repairs(given, rejects, base):
        raise InvalidRequestError(f"{file.name} holds no row.", hint="there is nothing to repair.")


def sync_repaired(
    batch: Batch,
    repair: Repair,
    repairs: Path,
    engine: RepairingEngine,
    read: Callable[[Batch], StagedBatch],
) -> StagedBatch:
    """Stage the batch as it was, with the repaired rows; ``read`` reads its source once more.

    Raises:
        BatchError: the batch is no longer staged, and its source says something else now.
    """
    staged = StagedBatch.load(batch.staging)
    if staged is not None:
        return staged
    given = StagedBatch.load(repairs / repair.digest)
    if given is None:
        raise BatchError(
            f"The repairs {repair.digest} are not in {repairs}.", hint="resubmit the file."
        )
    batch.staging.parent.mkdir(parents=True, exist_ok=True)
    base = StagedBatch.load(Path(repair.base)) if repair.base else None
    if base is not None:
        return engine.apply_repairs(base, given, repair.number, batch.staging)
    again = replace(batch, staging=batch.staging.with_name(f".{batch.staging.name}.base"))
    try:
        base = _read_again(again, repair, engine, read)
        return engine.apply_repairs(base, given, repair.number, batch.staging)
    finally:
        shutil.rmtree(again.staging, ignore_errors=True)


def _read_again(
    batch: Batch, repair: Repair, engine: RepairingEngine, read: Callable[[Batch], StagedBatch]
) -> StagedBatch:
    """The batch from its source, when its staged copy was pruned; held to what was rejected."""
    hint = f"run it again with force_rerun, and repair the rejects of that run, not {repair.run_id}"
    if repair.number > 1:
        raise BatchError(
            f"Batch {batch.source_path} is no longer staged, and with it went earlier repairs.",
            hint=f"{hint}.",
        )
    base = read(batch)
    row = engine.differing_row(base, part_files(Path(repair.output), "rejects"))
    if row is not None:
        raise BatchError(
            f"Batch {batch.source_path} is no longer staged, and its source has changed: row {row}"
            " is not what was rejected.",
            hint=f"{hint}.",
        )
    return base


def only_repaired(
    mapped: MappedBatch, staged: StagedBatch, since: int, engine: RepairingEngine
) -> tuple[Path, ...]:
    """What a merge is handed: rows that were repaired since; later batches may own the others."""
    kept = mapped.folder / "repaired" / "part-0000.parquet"
    return (engine.keep_repaired(part_files(mapped.folder, "mapped"), staged, since, kept),)


def rows_in(files: Sequence[Path]) -> int:
    """How many rows Parquet files hold."""
    import pyarrow.parquet as pq

    return sum(int(pq.read_metadata(file).num_rows) for file in files)
