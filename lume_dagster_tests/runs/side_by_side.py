"""Take the same files through a run's phases: each batch alone, and as many together as can be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lume_dagster.connectors import LocalFilesConnector
from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import LumeError
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.runs import many, phases
from lume_dagster.runs.phases import Batch, Outcome
from lume_dagster_tests.in_memory import connect


@dataclass(frozen=True)
class Came:
    """Everything that came out of one batch, as plain values."""

    columns: tuple[Any, ...] = ()
    files: tuple[Any, ...] = ()
    staged: tuple[Any, ...] = ()
    mapped: tuple[Any, ...] = ()
    rejects: tuple[Any, ...] = ()
    metrics: Mapping[str, Any] | None = None
    results: Mapping[str, Any] | None = None
    figures: tuple[Any, ...] = ()
    error: str | None = None


@dataclass
class Bench:
    """A folder of files, a flow version, and an engine."""

    folder: Path
    flow: Flow
    engine: DuckDBEngine
    together: int = 0  # batches that were transformed with others

    @classmethod
    def of(cls, folder: Path, flow: Flow, files: Mapping[str, bytes]) -> Bench:
        (folder / "in").mkdir()
        for name, content in files.items():
            (folder / "in" / name).write_bytes(content)
        (folder / "seed.csv").write_text("k,v\na,Anna\nb,Bert\n")
        settings = EngineSettings(scratch=folder / "scratch", memory_limit="500MB", threads=2)
        return cls(folder, flow, DuckDBEngine(settings))

    @property
    def source(self) -> LocalFilesConnector:
        return LocalFilesConnector(root=str(self.folder / "in"))

    def batch(self, name: str, way: str) -> Batch:
        version = FlowVersion(
            flow=self.flow, version=1, digest="d", folder=str(self.folder), published=True
        )
        staging, output = (self.folder / way / part / name for part in ("staging", "output"))
        return Batch(version, name, "run_1", staging, output)

    def each_alone(self, names: list[str]) -> list[Came]:
        return [self._alone(self.batch(name, "alone")) for name in names]

    def all_together(self, names: list[str]) -> list[Came]:
        """As a run over many batches does: in groups, and alone what is in none."""
        batches = [self.batch(name, "together") for name in names]
        staged: dict[str, StagedBatch] = {}
        for listed in many.listed_together(self.source, batches):
            staged |= many.sync_sources(self.source, listed, self.engine)
        for batch in batches:
            if batch.source_path not in staged:
                with suppress(LumeError):  # the batch says so when it is its turn
                    found = phases.sync_source(self.source, batch, self.engine)
                    staged[batch.source_path] = found
        outcomes: dict[str, Outcome] = {}
        waiting = [(b, staged[b.source_path]) for b in batches if b.source_path in staged]
        for group in many.staged_together(waiting):
            try:
                done = many.transform(group, self.engine)
            except LumeError:
                continue
            names_of = (batch.source_path for batch, _ in group)
            outcomes |= dict(zip(names_of, done, strict=True))
        self.together = len(outcomes)
        return [
            self._alone(b, staged.get(b.source_path), outcomes.get(b.source_path)) for b in batches
        ]

    def _alone(
        self, batch: Batch, staged: StagedBatch | None = None, outcome: Outcome | None = None
    ) -> Came:
        try:
            staged = staged or phases.sync_source(self.source, batch, self.engine)
            outcome = outcome or phases.transform(batch, staged, self.engine)
        except LumeError as error:
            return Came(error=str(error))
        return _came(staged, outcome)


def _came(staged: StagedBatch, outcome: Outcome) -> Came:
    output = outcome.mapped.folder
    made = outcome.transformed
    metrics = json.loads((output / "metrics.json").read_text())
    assert StagedBatch.load(staged.folder) == staged
    return Came(
        columns=(*staged.columns, *outcome.mapped.columns),
        files=(*staged.files, *staged.parts, staged.format),
        staged=_rows(f"{staged_view_sql(staged)} ORDER BY _lume_row"),
        mapped=_table(output / "mapped"),
        rejects=_table(output / "rejects"),
        metrics={**metrics, "runtime_seconds": None},
        results=json.loads((output / "validation_results.json").read_text()),
        figures=(
            *(made.input_rows, made.mapped_rows, made.rejected_rows),
            *(made.tallies, made.error_counts, made.measures),
            outcome.findings,
            outcome.checks,
            replace(outcome.mapped.metrics, runtime_seconds=0),
        ),
    )


def _table(folder: Path) -> tuple[Any, ...]:
    """Columns with their types, and the rows; a file need not hold them in order."""
    (part,) = folder.glob("part-*.parquet")
    assert {p.name for p in folder.iterdir()} == {"part-0000.parquet"}
    return _rows(f"SELECT * FROM read_parquet('{part}') ORDER BY _lume_row")


def _rows(query: str) -> tuple[Any, ...]:
    with connect() as con:
        return (*con.execute(f"DESCRIBE {query}").fetchall(), *con.execute(query).fetchall())
