"""`lume run --dry-run N`: map the first N rows of a batch aside; the target is not touched."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.shell import Shell, count, text_of
from lume_dagster.cli.telling import reason

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch, StagedFile
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
    from lume_dagster.runs.phases import Batch, sync_source, transform

    batch = Batch(version, source_path, "dry run", folder / "staging", folder / "output")
    source = project.connector(version.flow.source.connector)
    with project.workspace.engine() as engine:
        staged = first_rows(sync_source(source, batch, engine), rows, folder / "first")
        transform(batch, staged, engine)
    return (
        list(_rows(folder / "output" / "mapped")),
        [_readable(reject) for reject in _rows(folder / "output" / "rejects")],
    )


def first_rows(staged: StagedBatch, rows: int, into: Path) -> StagedBatch:
    """A staged batch of the first ``rows`` records of another, malformed ones included."""
    into.mkdir(parents=True)
    for part in staged.part_paths:
        _copy_rows(part, into / part.name, rows)
    malformed: list[int] = []
    if staged.malformed_path.exists():
        malformed = _copy_rows(staged.malformed_path, into / staged.malformed_path.name, rows)
    files = tuple(_cut(file, rows, malformed) for file in staged.files if file.first_row <= rows)
    cut = replace(staged, folder=into, files=files)
    cut.save()
    return cut


def _copy_rows(part: Path, to: Path, rows: int) -> list[int]:
    """Copy the records up to number ``rows``; their numbers."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    table = ds.dataset(part).to_table(filter=ds.field(ROW) <= rows)
    pq.write_table(table, to)
    return [int(number) for number in table.column(ROW).to_pylist()]


def _cut(file: StagedFile, rows: int, malformed: list[int]) -> StagedFile:
    records = min(file.records, rows - file.first_row + 1)
    inside = range(file.first_row, file.first_row + records)
    return replace(file, records=records, malformed=sum(row in inside for row in malformed))


def _rows(folder: Path) -> Iterator[Row]:
    import pyarrow.parquet as pq

    for file in sorted(folder.glob("part-*.parquet")):
        yield from pq.read_table(file).to_pylist()


def _readable(reject: Row) -> Row:
    return {**reject, "original": json.loads(reject["original"])}


def _tell(shell: Shell, mapped: list[Row], rejects: list[Row]) -> None:
    lines = [(row[ROW], _fields(row), "") for row in mapped]
    lines += [
        (row[ROW], _fields(row["original"]), "\n".join(map(reason, row["errors"])))
        for row in rejects
    ]
    shell.table(
        ("row", "becomes, or was", "rejected because"), sorted(lines, key=lambda line: line[0])
    )
    click.echo(
        f"{count(len(mapped), 'row')} would be mapped, {len(rejects):,} rejected."
        " Nothing was written to the target."
    )


def _fields(row: Row) -> str:
    return "\n".join(
        f"{name}: {text_of(value)}" for name, value in row.items() if not name.startswith("_lume_")
    )
