"""`lume run --dry-run N`: map the first N rows of a batch aside; the target is not touched."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import click

from lume_dagster.cli.shell import Shell, count, exactly
from lume_dagster.cli.telling import reason
from lume_dagster.errors import EngineError

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.engines.result import Transformed
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project
    from lume_dagster.plan.plan import Plan

ROW = "_lume_row"
Row = Mapping[str, Any]


@runtime_checkable
class Previewing(Protocol):
    """An engine that can map the first rows of a batch."""

    def preview(
        self, version: FlowVersion, plan: Plan, staged: StagedBatch, rows: int, into: Path
    ) -> Transformed:
        """Mapped rows and rejects of the first ``rows`` records, below ``into``."""
        ...


def try_out(shell: Shell, name: str, source_path: str, rows: int) -> None:
    """Show what the first ``rows`` records of the batch would become; a draft may be tried too."""
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.project import find_project, load_project

    project = load_project(find_project())
    version = Library(project.workspace.flows).resolve(name)
    with tempfile.TemporaryDirectory(prefix="lume-dry-run-") as folder:
        mapped, rejects = _outcome(project, version, source_path, rows, Path(folder))
    shell.answer(
        {"flow_version": version.name, "mapped": mapped, "rejects": rejects},
        lambda: _tell(shell, mapped, rejects),
    )


def _outcome(
    project: Project, version: FlowVersion, source_path: str, rows: int, folder: Path
) -> tuple[list[Row], list[Row]]:
    from lume_dagster.runs.phases import Batch, sync_source

    batch = Batch(version, source_path, "dry run", folder / "staging", folder / "output")
    source = project.connector(version.flow.source.connector)
    with project.workspace.engine() as engine:
        if not isinstance(engine, Previewing):
            raise EngineError(
                f"The engine {type(engine).__name__} cannot map a part of a batch.",
                hint="run the batch without --dry-run, or use the default engine.",
            )
        staged = sync_source(source, batch, engine)
        plan = engine.compile(version, staged)
        engine.preview(version, plan, staged, rows, batch.output)
    return (
        list(_rows(batch.output / "mapped")),
        [_readable(reject) for reject in _rows(batch.output / "rejects")],
    )


def _rows(folder: Path) -> Iterator[Row]:
    import pyarrow.parquet as pq

    for file in sorted(folder.glob("part-*.parquet")):
        yield from pq.read_table(file).to_pylist()


def _readable(reject: Row) -> Row:
    return {**reject, "original": json.loads(reject["original"])}


def _tell(shell: Shell, mapped: list[Row], rejects: list[Row]) -> None:
    told = {row[ROW]: (row[ROW], _fields(row), "") for row in mapped}
    for reject in rejects:
        reasons = "\n".join(map(reason, reject["errors"]))
        told[reject[ROW]] = (reject[ROW], _fields(reject["original"]), reasons)
    shell.table(("row", "becomes, or was", "rejected because"), [told[row] for row in sorted(told)])
    click.echo(
        f"{count(len(mapped), 'row')} would be mapped, {len(rejects):,} rejected."
        " Nothing was written to the target."
    )


def _fields(row: Row) -> str:
    return "\n".join(
        f"{name}: {exactly(value)}" for name, value in row.items() if not name.startswith("_lume_")
    )
