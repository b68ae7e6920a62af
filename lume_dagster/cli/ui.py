"""`lume ui`: the Dagster UI on this project, with the runs that the shell and the client made."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import click

from lume_dagster.cli.shell import Shell, verb
from lume_dagster.errors import MissingExtraError


@verb()
@click.option("--port", default=3000, show_default=True, help="Where the UI listens.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address it listens on.")
def ui(shell: Shell, port: int, host: str) -> None:
    """Open the project in the Dagster UI; Ctrl+C ends it."""
    if importlib.util.find_spec("dagster_webserver") is None:
        raise MissingExtraError.for_extra("The Dagster UI", "ui")
    home, workspace = _prepare()
    address = f"http://{host}:{port}"
    shell.answer(
        {"url": address, "dagster_home": str(home)},
        lambda: click.echo(f"The Dagster UI: {address}"),
    )
    sys.stdout.flush()
    os.environ["DAGSTER_HOME"] = str(home)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", host]
    os.execv(sys.executable, [*command, "-p", str(port)])  # noqa: S606 - no shell, our own words
