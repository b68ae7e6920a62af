"""`lume download` and `lume rejects`: what a run left."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.running import LAST, find
from lume_dagster.cli.shell import Shell, count, near, text_of, verb

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun


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
    shell: Shell, run_id: str, folder: Path, *, output_format: str, only: str | None
) -> None:
    """Write what RUN left into DIR: mapped rows, rejects, metrics. `last` is the newest run."""
    found = find(run_id)
    getters = {
        None: found.download_all,
        "mapped": found.download_mapped,
        "rejects": found.download_rejects,
    }
    getters[only](folder, output_format=output_format)
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    shell.answer(
        {"run": found.id, "folder": str(folder.resolve()), "files": written},
        lambda: click.echo("\n".join(near(folder / path) for path in written)),
    )


@verb()
@click.argument("run_id", metavar="[RUN]", default=LAST)
@click.option("--limit", default=20, show_default=True, help="At most this many rows.")
def rejects(shell: Shell, run_id: str, limit: int) -> None:
    """Show the rows that RUN rejected and why; the last run when none is named."""
    found = find(run_id)
    rows = first_rejects(found, limit)
    shell.answer(rows, lambda: _tell(shell, found, rows))


def first_rejects(run: LumeRun, limit: int) -> list[dict[str, Any]]:
    """The first rejects of a run, each with its original values and its errors."""
    with tempfile.TemporaryDirectory(prefix="lume-rejects-") as folder:
        run.download_rejects(folder, output_format="json")
        return list(islice(_read(Path(folder)), limit))


def _read(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.rglob("*.json*")):
        with file.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)


def _tell(shell: Shell, run: LumeRun, rows: list[dict[str, Any]]) -> None:
    del shell
    if not rows:
        click.echo(f"{run.id} rejected nothing.")
    for reject in rows:
        tell_reject(reject)
    rest = rejected_rows(run) - len(rows)
    if rows and rest > 0:
        click.echo(f"... and {count(rest, 'more row')}: lume download {run.id} DIR --only rejects")


def rejected_rows(run: LumeRun) -> int:
    """How many rows a run rejected."""
    metrics: Mapping[str, Any] = run.metrics or {}
    return int(metrics.get("row_counts", {}).get("rejects", 0))


def tell_reject(reject: Mapping[str, Any]) -> None:
    """One rejected row: where it stood, why it was refused, and what it said."""
    file = str(reject["_lume_file"]).rpartition("/")[2]
    click.secho(f"row {reject['_lume_file_row']:,} of {file}", bold=True)
    for error in reject["errors"]:
        value = "" if error["value"] is None else f" {error['value']!r}"
        click.echo(f"  {error['field'] or 'the record'}{value} {error['message']} [{error['code']}]")
    values = ", ".join(f"{name} {text_of(value)}" for name, value in reject["original"].items())
    click.secho(f"  was: {values}", dim=True)
