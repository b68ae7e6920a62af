"""`lume run`, `status`, `runs` and `cancel`: starting runs and watching them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.progress import wait as wait_for
from lume_dagster.cli.shell import INTERRUPTED, Shell, examples, verb
from lume_dagster.cli.telling import summary, tell_error, tell_run, tell_runs
from lume_dagster.errors import InvalidRequestError, RunError, RunFailedError

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun

LAST = "last"


def pair(text: str) -> tuple[str, str]:
    """`key=value` on the command line, split at the first equals sign."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text!r} is not of the form key=value.")
    return key, value


@verb(
    epilog=examples(
        "lume run contacts contacts.csv",
        "lume run contacts 'contacts-2024-*.csv'",
        "lume run contacts:draft contacts.csv --dry-run 10",
    )
)
@click.argument("flow", metavar="FLOW[:vN]")
@click.argument("source_path")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for the end, or only start it."
)
@click.option("--timeout", default=3600.0, show_default=True, help="Seconds to wait at most.")
@click.option("--force-rerun", is_flag=True, help="Run a batch again that is done already.")
@click.option(
    "--metadata", type=pair, metavar="KEY=VALUE", multiple=True, help="A note to keep with the run."
)
@click.option(
    "--dry-run", type=click.IntRange(min=1), metavar="N", help="Show N rows; write nothing."
)
def run(  # noqa: PLR0913 - a parameter for each option
    shell: Shell,
    flow: str,
    source_path: str,
    *,
    wait: bool,
    timeout: float,
    force_rerun: bool,
    metadata: tuple[tuple[str, str], ...],
    dry_run: int | None,
) -> None:
    """Map the batch SOURCE_PATH with a version of FLOW.

    FLOW alone means its active version. SOURCE_PATH is a file, a folder or a glob as the source
    connector knows it, or for a database the id of a batch.
    """
    from lume_dagster import client
    from lume_dagster.cli.dry_run import try_out

    if dry_run is not None:
        try_out(shell, flow, source_path, dry_run)
        return
    started = client.run(
        flow,
        source_path=source_path,
        run_metadata=dict(metadata) or None,
        force_rerun=force_rerun,
        project=here(),
    )
    name = started.source_path or source_path
    if name != source_path and "://" not in name:
        click.echo(f"{source_path} is known as the batch {name}.", err=True)
    if not wait:
        shell.answer(
            summary(started), lambda: click.echo(f"Started {started.id}: lume status {started.id}")
        )
        return
    finish(shell, started, timeout=timeout)


def finish(shell: Shell, started: LumeRun, *, timeout: float) -> None:
    """Wait for a run and say how it ended; its error, if it ended in one, follows."""
    try:
        wait_for(started, shell, timeout=timeout)
    except RunFailedError:
        shell.answer(summary(started), lambda: tell_run(started))
        raise
    except KeyboardInterrupt:
        click.echo(f"\n{started.id} goes on. End it with: lume cancel {started.id}", err=True)
        sys.exit(INTERRUPTED)
    shell.answer(summary(started), lambda: tell_run(started))
    if str(started.status) == "CANCELED":
        raise RunError(f"Run {started.id} was canceled.", run=started)


@verb()
@click.argument("run_id", metavar="[RUN]", default=LAST)
def status(shell: Shell, run_id: str) -> None:
    """Say how RUN stands.

    The last run, when none is named.
    """
    found = find(run_id)

    def tell() -> None:
        tell_run(found)
        tell_error(found)

    shell.answer(summary(found), tell)


@verb()
@click.option("--flow", metavar="FLOW[:vN]", help="Only runs of this flow or version.")
@click.option("--limit", default=20, show_default=True, help="At most this many, newest first.")
def runs(shell: Shell, flow: str | None, limit: int) -> None:
    """List runs, newest first."""
    from lume_dagster import client

    which = {"flow_version": flow} if flow and ":" in flow else {"flow": flow}
    found = client.runs(**which, limit=limit, project=here())
    shell.answer([summary(one) for one in found], lambda: tell_runs(shell, found))


@verb(epilog=examples("lume cancel last"))
@click.argument("run_id", metavar="RUN")
def cancel(shell: Shell, run_id: str) -> None:
    """End RUN before it is through.

    Its batch stays out of the target.
    """
    found = find(run_id)
    found.cancel()
    found.refresh()

    def tell() -> None:
        if found.status.ended:
            click.echo(f"{found.id} is {found.status}.")
        else:  # it ends where it can do so safely: between two statements
            click.echo(f"{found.id} is told to end, while {found.status}: lume status {found.id}")

    shell.answer(summary(found), tell)


def here() -> Path:
    """The project that verbs work on, whichever server ``LUME_API_URL`` names for scripts."""
    from lume_dagster.orchestration.project import find_project

    return find_project()


def find(run_id: str) -> LumeRun:
    """A run by its id; ``last`` is the newest one.

    Raises:
        InvalidRequestError: there is no such run.
    """
    from lume_dagster import client

    if run_id != LAST:
        return client.run_status(run_id, project=here())
    newest = client.runs(limit=1, project=here())
    if not newest:
        raise InvalidRequestError(
            "This project has no run yet.", hint="start one: lume run FLOW SOURCE_PATH"
        )
    return newest[0]
