"""`lume rejects`: see what a run rejected and why, save it to be repaired, and send it in again."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.running import LAST, find, finish, pair
from lume_dagster.cli.shell import ListedByDefault, Shell, examples, near, verb
from lume_dagster.cli.telling import summary, tell_reject, tell_the_rest
from lume_dagster.errors import InvalidRequestError, counted

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun
    from lume_dagster.runs.record import RunDetails

_batch = click.option("--batch", metavar="SOURCE_PATH", help="Which batch, where RUN took several.")


@click.group(cls=ListedByDefault)
def rejects() -> None:
    """See what a run rejected and why, and send repaired rows in.

    `lume rejects RUN` is `lume rejects list RUN`.
    """


@verb(
    name="list", epilog=examples("lume rejects", "lume rejects --field email --save repaired.csv")
)
@click.argument("run_id", metavar="[RUN]", default=LAST)
@click.option("--limit", default=20, show_default=True, help="Show at most this many rows.")
@click.option("--code", help="Only rows with this error code.")
@click.option("--field", help="Only rows with an error in this field, or of this rule.")
@_batch
@click.option(
    "--save",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write them all to a .csv or .jsonl file, to be edited and resubmitted.",
)
def list_(  # noqa: PLR0913 - a parameter for each option
    shell: Shell,
    run_id: str,
    *,
    limit: int,
    code: str | None,
    field: str | None,
    batch: str | None,
    save: Path | None,
) -> None:
    """Show the rows that RUN rejected, and why.

    The last run, when none is named.
    """
    found = find(run_id)
    if save is not None:
        path = found.save_rejects(save, code=code, field=field, source_path=batch)
        then = f"lume rejects resubmit {quote(near(path))}"
        told = f"Saved {near(path)}. Edit it, then: {then}"
        shell.answer({"run": found.id, "file": str(path)}, lambda: click.echo(told))
        return
    rows = first_rejects(found, limit, code=code, field=field, batch=batch)
    if not rows:
        _refuse_lost(found)
    shell.answer(rows, lambda: _tell(found, rows, filtered=bool(code or field or batch)))


@verb(epilog=examples("lume rejects resubmit repaired.csv"))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--run",
    "run_id",
    metavar="RUN",
    help="Whose rejects they were.  [default: the run that FILE names in _lume_run_id]",
)
@_batch
@click.option(
    "--flow-version",
    metavar="vN",
    help="Map the batch with this version, or with `active`.  [default: the version of RUN]",
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end.")
@click.option("--timeout", default=3600.0, show_default=True, help="Seconds to wait at most.")
@click.option("--force-rerun", is_flag=True, help="Send in again what is in the target already.")
@click.option(
    "--metadata", type=pair, metavar="KEY=VALUE", multiple=True, help="A note to keep with the run."
)
def resubmit(  # noqa: PLR0913 - a parameter for each option
    shell: Shell,
    file: Path,
    *,
    run_id: str | None,
    batch: str | None,
    flow_version: str | None,
    wait: bool,
    timeout: float,
    force_rerun: bool,
    metadata: tuple[tuple[str, str], ...],
) -> None:
    """Send the repaired rejects in FILE in again.

    FILE is what `lume rejects RUN --save FILE` or `lume download` wrote, edited. Rows are known by
    their number in _lume_row and join their batch in the target; what is still bad stays rejected.
    """
    started = find(run_id or _named_in(file)).resubmit(
        file,
        flow_version=flow_version,
        source_path=batch,
        run_metadata=dict(metadata),
        force_rerun=force_rerun,
    )
    if not wait:
        shell.answer(
            summary(started), lambda: click.echo(f"Started {started.id}: lume status {started.id}")
        )
        return
    finish(shell, started, timeout=timeout)


rejects.add_command(list_)
rejects.add_command(resubmit)


def _named_in(file: Path) -> str:
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.project import find_project, load_project
    from lume_dagster.orchestration.repaired_file import run_named_in

    with open_instance(load_project(find_project()).workspace.data) as instance:
        return run_named_in(instance, file)


def first_rejects(
    run: LumeRun,
    limit: int,
    *,
    code: str | None = None,
    field: str | None = None,
    batch: str | None = None,
) -> list[dict[str, Any]]:
    """The first rejects of a run, each with its original values and its errors."""
    from lume_dagster.runs.output import part_files
    from lume_dagster.runs.rejects import read_rejects

    rows: list[dict[str, Any]] = []
    for source_path, folder in _details(run).batches.items():
        if batch in (None, source_path) and len(rows) < limit:
            files = part_files(Path(folder), "rejects")
            rows += read_rejects(files, code=code, field=field, limit=limit - len(rows))
    return rows


def output_folders(run: LumeRun) -> tuple[Path, ...]:
    """Where the files of a run lie: a folder for each batch that was mapped."""
    return tuple(Path(folder) for folder in _details(run).output)


def _details(run: LumeRun) -> RunDetails:
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.project import find_project, load_project
    from lume_dagster.orchestration.query import read_details

    workspace = load_project(find_project()).workspace
    with open_instance(workspace.data) as instance:
        return read_details(instance, run.id, workspace.depot)


def _tell(run: LumeRun, rows: list[dict[str, Any]], *, filtered: bool) -> None:
    if not rows:
        click.echo(_nothing(run, filtered=filtered))
    for reject in rows:
        tell_reject(reject)
    if filtered:
        click.echo(f"{counted(len(rows), 'such reject')} shown.")
    else:
        tell_the_rest(run, len(rows))


def _refuse_lost(run: LumeRun) -> None:
    """No rows to show is no proof that none were rejected."""
    rejected = run.metrics.row_counts.rejects if run.metrics is not None else 0
    gone = [folder for folder in output_folders(run) if not folder.is_dir()]
    if rejected and gone:
        raise InvalidRequestError(
            f"{run.id} rejected {counted(rejected, 'row')}, but {gone[0]} is gone.",
            hint="it was pruned or moved elsewhere; the target's table of rejects has them still.",
        )


def _nothing(run: LumeRun, *, filtered: bool) -> str:
    if not run.status.ended:
        return f"{run.id} is {run.status}; its rejects are there when it has ended."
    if run.metrics is None:
        return f"{run.id} is {run.status} and has mapped no row. Why: lume status {run.id}"
    return f"{run.id} rejected {'no such row' if filtered else 'nothing'}."
