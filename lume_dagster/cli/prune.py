"""`lume prune`: remove what old runs left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.shell import Shell, examples, verb

if TYPE_CHECKING:
    from lume_dagster.orchestration.prune import Leftover

_AGE = re.compile(r"([0-9]{1,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_KINDS = {
    "run": ("run", "runs"),
    "output": ("output folder", "output folders"),
    "staging": ("staged batch", "staged batches"),
    "upload": ("interrupted upload or download", "interrupted uploads and downloads"),
    "repair": ("repair file", "repair files"),
    "workshop": ("workshop folder", "workshop folders"),
    "log": ("log", "logs"),
}


class Age(click.ParamType[timedelta]):
    """``30d``, ``12h`` or ``5m``."""

    name = "age"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The time that a text says."""
        if isinstance(value, timedelta):
            return value
        found = _AGE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no age; write 30d, 12h or 5m.", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@verb(epilog=examples("lume prune --older-than 90d --dry-run"))
@click.option("--older-than", type=Age(), default="30d", help="30d, 12h or 5m.", show_default=True)
@click.option("--everything", is_flag=True, help="Also the newest run of each batch.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def prune(shell: Shell, older_than: timedelta, everything: bool, dry_run: bool) -> None:
    """Remove what old runs left: records, staging, output, logs.

    The newest run of each batch is kept, so that the batch stays done and its rejects readable;
    with --everything it goes too, and the batch may be run again. Targets are not touched.

    Of the mapper's workshop go sessions that were deployed, and jobs and results that no open
    session needs; with --everything open sessions go too.
    """
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.project import find_project, load_project
    from lume_dagster.orchestration.prune import leftovers, of_the_workshop, remove

    workspace = load_project(find_project()).workspace
    with open_instance(workspace.data) as instance:
        before = datetime.now(UTC) - older_than
        depot = workspace.depot
        found = leftovers(instance, workspace.layout, before, everything=everything, depot=depot)
        found += of_the_workshop(workspace.flows, workspace.data, before, everything=everything)
        if not dry_run:
            remove(instance, found, depot)
    shell.answer([asdict(one) for one in found], lambda: _tell(found, dry_run=dry_run))


def _tell(found: Sequence[Leftover], *, dry_run: bool) -> None:
    if not found:
        click.echo("Nothing is that old.")
        return
    for kind, (one_of_it, many) in _KINDS.items():
        number = sum(one.kind == kind for one in found)
        if number:
            click.echo(f"{number:>8,}  {one_of_it if number == 1 else many}")
    size = sum(one.bytes for one in found) / 1e6
    click.echo(f"{size:,.1f} MB {'would be' if dry_run else 'are'} free.")
