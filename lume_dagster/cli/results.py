"""`lume download` and `lume rejects`: what a run left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from lume_dagster.cli.running import LAST, find
from lume_dagster.cli.shell import Shell, near, verb
from lume_dagster.cli.telling import tell_reject, tell_the_rest

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun

_ROWS_AT_ONCE = 100


@verb()
@click.argument("run_id", metavar="RUN")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="CSV, or JSON Lines.",
)
@click.option(
    "--only", type=click.Choice(["mapped", "rejects"]), help="One part instead of everything."
)
def download(
    shell: Shell,
    run_id: str,
    folder: Path,
    *,
    output_format: Literal["csv", "json"],
    only: str | None,
) -> None:
    """Write what RUN left into DIR.

    Mapped rows, rejects, metrics and validation results; `last` is the newest run.
    """
    found = find(run_id)
    getters = {
        None: found.download_all,
        "mapped": found.download_mapped,
        "rejects": found.download_rejects,
    }
    written = [str(path) for path in getters[only](folder, output_format)]
    shell.answer(
        {"run": found.id, "files": written},
        lambda: click.echo("\n".join(near(path) for path in written)),
    )


@verb()
@click.argument("run_id", metavar="[RUN]", default=LAST)
@click.option("--limit", default=20, show_default=True, help="At most this many rows.")
def rejects(shell: Shell, run_id: str, limit: int) -> None:
    """Show the rows that RUN rejected, and why.

    The last run, when none is named.
    """
    found = find(run_id)
    rows = first_rejects(found, limit)
    shell.answer(rows, lambda: _tell(found, rows))


def first_rejects(run: LumeRun, limit: int) -> list[dict[str, Any]]:
    """The first rejects of a run, each with its original values and its errors."""
    return list(islice(_rejects_in(output_folders(run)), limit))


def output_folders(run: LumeRun) -> tuple[Path, ...]:
    """Where the files of a run lie: a folder for each batch that was mapped."""
    return tuple(Path(folder) for folder in run.output_folders())


def _rejects_in(folders: Iterable[Path]) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for folder in folders:
        for part in sorted((folder / "rejects").glob("part-*.parquet")):
            with pq.ParquetFile(part) as file:
                for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                    yield from map(_readable, batch.to_pylist())


def _readable(reject: dict[str, Any]) -> dict[str, Any]:
    return {**reject, "original": json.loads(reject["original"])}


def _tell(run: LumeRun, rows: list[dict[str, Any]]) -> None:
    if not rows:
        click.echo(f"{run.id} rejected nothing.")
    for reject in rows:
        tell_reject(reject)
    tell_the_rest(run, len(rows))
