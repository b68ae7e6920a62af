"""`lume run --dry-run N`: map the first N rows of a batch aside; the target is not touched."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.shell import Shell, exactly
from lume_dagster.cli.telling import reason
from lume_dagster.errors import counted

if TYPE_CHECKING:
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project

ROW = "_lume_row"
Row = Mapping[str, Any]


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
    from lume_dagster.orchestration.trying import batch_aside, map_aside, stage_aside

    batch = batch_aside(version, source_path, folder)
    with project.workspace.engine() as engine:
        staged = stage_aside(project, engine, batch, first=rows)
        map_aside(engine, version, staged, batch.output, rows)
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
        f"{counted(len(mapped), 'row')} would be mapped, {len(rejects):,} rejected."
        " Nothing was written to the target."
    )


def _fields(row: Row) -> str:
    return "\n".join(
        f"{name}: {exactly(value)}" for name, value in row.items() if not name.startswith("_lume_")
    )
