"""A run in words: how it ended, what it counted, why rows were rejected, where the rows lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.shell import Shell, exactly, in_the_shell, near
from lume_dagster.errors import counted

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun

_LINE = "_lume_line"  # of a record that has no columns: its text
_BATCHES_TOLD = 10  # of those that failed in one run
_COLOURS = {"SUCCEEDED": "green", "PARTIAL_FAILED": "yellow", "FAILED": "red", "CRASHED": "red"}


def summary(run: LumeRun) -> dict[str, object]:
    """A run as a script reads it."""
    metrics = run.metrics
    return {
        "id": run.id,
        "status": str(run.status),
        "flow_version": run.flow_version,
        "source_path": run.source_path,
        "created_at": run.created_at.isoformat(),
        "metrics": None if metrics is None else metrics.to_dict(),
        "metadata": run.metadata,
    }


def tell_run(run: LumeRun) -> None:
    """Everything a person wants to know of one run."""
    status = str(run.status)
    click.secho(status, fg=_COLOURS.get(status), bold=True, nl=False)
    click.echo(f"  {run.flow_version} on {_batch(run)}{_duration(run)}")
    click.echo(f"  {run.id}")
    tell_counts(run)


def _batch(run: LumeRun) -> str:
    return run.source_path or "several batches"


def tell_error(run: LumeRun) -> None:
    """Why the run failed, and what to do about it."""
    error: Mapping[str, Any] = run.metadata.get("error") or {}
    if message := error.get("message"):
        click.secho("Error: ", fg="red", bold=True, nl=False)
        click.echo(message)
    batches = error.get("batches", ())
    for batch in batches[1:_BATCHES_TOLD]:  # the first is in the message
        click.echo(f"  {batch['message']}")
    if len(batches) > _BATCHES_TOLD:
        click.echo("  ...; all of them are in lume/failed_batches of the run in the Dagster UI")
    if hint := error.get("hint"):
        click.secho("Hint: ", bold=True, nl=False)
        click.echo(in_the_shell(hint))


def tell_counts(run: LumeRun) -> None:
    """Rows in and out, where they went, and the codes of the rejects."""
    metrics = run.metrics
    if metrics is None:
        return
    rows = metrics.row_counts
    delivered = run.metadata["outputs"] if str(run.status) != "FAILED" else ()  # else not all was
    place: Mapping[str, Any] = next(iter(delivered), {})
    _line(rows.input, "rows read")
    _line(rows.mapped, "mapped", _place(place.get("mapped")))
    _line(rows.rejects, "rejected", _place(place.get("rejects")))
    for error in metrics.validation_summary.top_errors:
        click.secho(f"  {error.count:>21,}  {error.error_code}", dim=True)


def _line(rows: int, what: str, where: str = "") -> None:
    click.echo(f"  {rows:>11,} {what:<9} {where and f'in {where}'}".rstrip())


def _place(location: str | None) -> str:
    return near(location) if location else ""


def _duration(run: LumeRun) -> str:
    seconds = sum(run.metadata["timings"].values())
    return f", {seconds:.1f} s" if seconds else ""


def tell_runs(shell: Shell, found: Iterable[LumeRun]) -> None:
    """One line for each run; where those do not fit a person's screen, three: ids stay whole."""
    rows = [
        (run.id, str(run.status), run.flow_version or "", _batch(run), _when(run)) for run in found
    ]
    if not rows:
        click.echo("No run yet.")
        return
    columns = ("run", "status", "flow", "batch", "created")
    if not shell.fits(columns, rows):
        for run_id, status, flow, batch, when in rows:
            click.secho(status, fg=_COLOURS.get(status), bold=True, nl=False)
            click.echo(f"  {flow}  {when}\n  {run_id}\n  {batch}")
    else:
        shell.table(columns, rows)


def _when(run: LumeRun) -> str:
    return run.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def tell_reject(reject: Mapping[str, Any]) -> None:
    """One rejected row: where it stood, why it was refused, and what it said."""
    file = str(reject["_lume_file"]).rpartition("/")[2]
    click.secho(f"row {reject['_lume_file_row']:,} of {file}", bold=True)
    for error in reject["errors"]:
        click.echo(f"  {reason(error)}")
    values = (
        exactly(value) if name == _LINE else f"{name} {exactly(value)}"
        for name, value in reject["original"].items()
    )
    click.secho(f"  was: {', '.join(values)}", dim=True)


def reason(error: Mapping[str, Any]) -> str:
    """``destination 'SJU' is not in the seed airports [LOOKUP_NOT_FOUND]``."""
    value = "" if error["value"] is None else f" {error['value']!r}"
    about = f"{error['field']}{value} " if error["field"] else ""  # a record speaks for itself
    return f"{about}{error['message']} [{error['code']}]"


def tell_the_rest(run: LumeRun, shown: int) -> None:
    """How many rejects were not shown, and how to have them all."""
    metrics = run.metrics
    rest = metrics.row_counts.rejects - shown if metrics else 0
    if rest > 0:
        click.echo(f"and {counted(rest, 'more reject')}: lume download {run.id} DIR --only rejects")
