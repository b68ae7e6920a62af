"""An engine and connectors that do a little, can be stopped anywhere, and tell what they did."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from lume_dagster.connectors.protocol import (
    Checkpoint,
    Delivery,
    ManyTarget,
    Receipt,
    SourceObject,
    Target,
)
from lume_dagster.engines.batch import StagedBatch, StagedColumn, StagedFile
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.result import Sample, Tally, Transformed
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import BatchError, ConnectorError, TransientError
from lume_dagster.flows.model import FlowVersion, SourceFormat
from lume_dagster.plan.plan import MappedColumn, Plan, RowTest
from lume_dagster_tests.in_memory import connect
from lume_dagster_tests.waiting import wait_until

_ERRORS = {"transient": TransientError, "connector": ConnectorError, "batch": BatchError}


@dataclass(frozen=True)
class Stage:
    """A folder in which a test arranges what shall happen, and reads what did."""

    folder: Path

    def say(self, what: str) -> None:
        """Write down that something happened."""
        with (self.folder / "said").open("a") as file:
            file.write(f"{what}\n")

    @property
    def said(self) -> list[str]:
        """What has happened, in order."""
        path = self.folder / "said"
        return path.read_text().splitlines() if path.exists() else []

    def arrange(self, where: str, what: str) -> None:
        """Let ``kill``, ``hold``, ``pause``, ``bug`` or an error happen once, when a run comes there."""
        (self.folder / where).write_text(what)

    def pass_by(self, where: str) -> None:
        """Come to a place where a test may have arranged something."""
        self.say(where)
        path = self.folder / where
        if not path.exists():
            return
        what = path.read_text()
        path.unlink()
        _HAPPENINGS.get(what, _raise(what))(self)

    def wait_for(self, what: str) -> None:
        """Wait until something has happened."""
        wait_until(lambda: what in self.said, lambda: self.said)

    def wait_until_taken(self, where: str) -> None:
        """Wait until a run has come to where something was arranged."""
        wait_until(lambda: not (self.folder / where).exists(), lambda: self.said)


def _hold(stage: Stage) -> None:
    stage.say("held")
    while True:
        threading.Event().wait(0.05)


def _pause(stage: Stage) -> None:
    stage.say("paused")
    while not (stage.folder / "go on").exists():
        threading.Event().wait(0.02)


def _kill_all(_: Stage) -> None:
    """As a machine that goes down: whoever watches over this process, and then itself."""
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _bug(_: Stage) -> None:
    raise RuntimeError("a fault of ours")


def _raise(what: str) -> Callable[[Stage], None]:
    def act(_: Stage) -> None:
        raise _ERRORS[what](f"It is {what}.", hint="mend it.")

    return act


_HAPPENINGS: dict[str, Callable[[Stage], None]] = {
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "kill all": _kill_all,
    "hold": _hold,
    "pause": _pause,
    "bug": _bug,
}


@dataclass(frozen=True)
class FolderStore:
    """Files in a folder, by name; a glob names several."""

    stage: Stage
    files: Path
    kind: ClassVar[str] = "folder"

    def list_objects(self, source_path: str) -> Sequence[SourceObject]:
        self.stage.pass_by("source")
        found = sorted(self.files.glob(source_path.removeprefix("folder://")))
        if not found:
            raise BatchError(f"There is no file {source_path}.", hint="look at its name.")
        return [SourceObject(p.name, p.stat().st_size, _version(p)) for p in found]

    def fetch(self, item: SourceObject, into: Path) -> Path:
        return self.files / item.uri


def _version(path: Path) -> str:
    """Two deliveries within a tick of the file system's clock differ by their size alone."""
    return f"{path.stat().st_mtime_ns}-{path.stat().st_size}"


@dataclass(frozen=True)
class OneFileTarget:
    """All batches of all tables in one JSON file, replaced by rename."""

    stage: Stage
    path: Path
    kind: ClassVar[str] = "onefile"

    def rows(self) -> list[dict[str, Any]]:
        """Mapped rows of every batch."""
        held = json.loads(self.path.read_text()) if self.path.exists() else {}
        return [row for batch in held.values() for row in batch["mapped"]]

    def check(self, delivery: Delivery) -> None:
        self.stage.pass_by("check")

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        mapped = [r for p in delivery.mapped for r in pq.read_table(p).to_pylist()]
        rejects = [r for p in delivery.rejects for r in pq.read_table(p).to_pylist()]
        held = json.loads(self.path.read_text()) if self.path.exists() else {}
        held[f"{delivery.flow} {delivery.source_path}"] = {"mapped": mapped, "rejects": rejects}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(held))
        self.stage.pass_by("deliver")
        new.replace(self.path)
        self.stage.pass_by("delivered")
        return Receipt(len(mapped), len(rejects), delivery.table, f"{delivery.table}_rejects")


class SmallEngine:
    """Takes CSV with columns id and amount; an amount that is no integer makes a reject."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def stage_files(
        self,
        files: Sequence[InputFile],
        format: SourceFormat,  # noqa: A002
        into: Path,
    ) -> StagedBatch:
        options = pc.ConvertOptions(column_types={"id": pa.string(), "amount": pa.string()})
        tables = [pc.read_csv(f.path, convert_options=options) for f in files]
        self.stage.pass_by("stage")
        starts = [1 + sum(t.num_rows for t in tables[:n]) for n in range(len(tables))]
        staged_files = tuple(
            StagedFile(f.uri, f.version, f.path.stat().st_size, start, t.num_rows, 0, {})
            for f, t, start in zip(files, tables, starts, strict=True)
        )
        into.mkdir(parents=True)
        table = pa.concat_tables(tables)
        rows = pa.array(range(1, table.num_rows + 1), pa.int64())
        table = pa.table({"c0": table["id"], "c1": table["amount"], "_lume_row": rows})
        pq.write_table(table, into / "part-0000.parquet")
        columns = (StagedColumn("id", "c0", "VARCHAR"), StagedColumn("amount", "c1", "VARCHAR"))
        staged = StagedBatch(into, columns, staged_files, ("part-0000.parquet",), "csv")
        staged.save()
        return staged

    def stage_stream(self, reader: pa.RecordBatchReader, uri: str, into: Path) -> StagedBatch:
        raise NotImplementedError

    def compile(self, version: FlowVersion, staged: StagedBatch) -> Plan:
        columns = (
            MappedColumn("id", "string", False, "The key.", ("id",), ()),
            MappedColumn("amount", "integer", True, None, ("amount",), ()),
        )
        return Plan(columns, ("id",), (), (_TEST, _rule(version)), "", "", None, None, None, ())

    def transform(
        self, version: FlowVersion, plan: Plan, staged: StagedBatch, into: Path
    ) -> Transformed:
        self.stage.pass_by("transform")
        (into / "mapped").mkdir()
        (into / "rejects").mkdir()
        mapped, rejects = into / "mapped/part-0000.parquet", into / "rejects/part-0000.parquet"
        with connect() as con:
            parts = [str(p) for p in staged.part_paths]
            con.execute(f"CREATE TEMP VIEW staged AS FROM read_parquet({parts})")
            con.sql(_MAPPED).write_parquet(str(mapped))
            con.sql(_REJECTS).write_parquet(str(rejects))
            bad = con.sql(f"SELECT _lume_row, c1 FROM staged WHERE {_BAD} LIMIT 3").fetchall()
            large = con.sql("SELECT count(*) FROM staged WHERE TRY_CAST(c1 AS INT) > 99").fetchall()
            repeated = con.sql("SELECT count(c0) - count(DISTINCT c0) FROM staged").fetchall()
        rejected = pq.read_metadata(rejects).num_rows
        samples = tuple(Sample(row, value) for row, value in bad)
        return Transformed(
            mapped=(mapped,),
            rejects=(rejects,),
            input_rows=staged.records,
            mapped_rows=staged.records - rejected,
            rejected_rows=rejected,
            tallies=(Tally(_TEST, rejected, samples), Tally(_rule(version), large[0][0])),
            error_counts=(("INVALID_INTEGER", rejected),) if rejected else (),
            measures=(("unique:id", repeated[0][0]),),
            bytes=mapped.stat().st_size + rejects.stat().st_size,
        )


_BAD = "c1 IS NOT NULL AND TRY_CAST(c1 AS BIGINT) IS NULL"
_MAPPED = (
    "SELECT _lume_row, c0 AS id, CAST(c1 AS BIGINT) AS amount FROM staged"
    f" WHERE NOT ({_BAD}) ORDER BY _lume_row"
)
_REJECTS = (
    "SELECT _lume_row, 'f' AS _lume_file, _lume_row AS _lume_file_row,"
    " CAST(json_object('id', c0, 'amount', c1) AS VARCHAR) AS original,"
    " [{'field': 'amount', 'code': 'INVALID_INTEGER', 'message': 'no integer', 'value': c1}]"
    f" AS errors FROM staged WHERE {_BAD} ORDER BY _lume_row"
)
_TEST = RowTest(
    "amount.type:INVALID_INTEGER",
    "conversion",
    "amount",
    "INVALID_INTEGER",
    "reject",
    "amount is no integer",
    "#/properties/amount/type",
)


def _rule(version: FlowVersion) -> RowTest:
    severity = version.flow.rules[0].on_fail
    return RowTest("rule:small", "rule", "small", "RULE_FAILED", severity, "amount is large")


@dataclass(frozen=True)
class Watched:
    """A real target whose checkpoints are places where a test may have arranged something."""

    stage: Stage
    inner: Target
    kind: ClassVar[str] = "watched"

    def check(self, delivery: Delivery) -> None:
        self.inner.check(delivery)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        return self.inner.deliver(delivery, self.stage.pass_by)


@dataclass(frozen=True)
class WatchedMany(Watched):
    """The same for a target that takes many batches at once."""

    def deliver_many(
        self, deliveries: Sequence[Delivery], checkpoint: Checkpoint = lambda _: None
    ) -> Sequence[Receipt]:
        assert isinstance(self.inner, ManyTarget)
        self.stage.say(f"{len(deliveries)} at once")
        return self.inner.deliver_many(deliveries, self.stage.pass_by)


@dataclass
class WatchedEngine(DuckDBEngine):
    """The real engine; a test may have arranged something for batches that go together."""

    stage: Stage
    settings: EngineSettings

    def __post_init__(self) -> None:
        super().__init__(self.settings)

    def transform_many(
        self,
        version: FlowVersion,
        plan: Plan,
        batches: Sequence[StagedBatch],
        into: Sequence[Path],
    ) -> list[Transformed]:
        self.stage.pass_by(f"transform {len(batches)}")
        return super().transform_many(version, plan, batches, into)


@contextmanager
def open_small_engine(stage: Stage) -> Iterator[SmallEngine]:
    """The engine for a run."""
    yield SmallEngine(stage)
