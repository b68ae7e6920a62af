"""`lume download`: what a run left, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from lume_dagster.cli.running import find
from lume_dagster.cli.shell import Shell, examples, near, verb


@verb(epilog=examples("lume download last contacts-out", "lume download last . --only rejects"))
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
