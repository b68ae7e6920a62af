"""`lume validate`, `publish`, `activate`, `rollback`, `diff`, `versions`: flows, frozen or not."""

from __future__ import annotations

import sys
import warnings
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.shell import Shell, examples, near, verb
from lume_dagster.errors import FlowError, InvalidRequestError, counted

if TYPE_CHECKING:
    from lume_dagster.errors import Problem
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.comparing import VersionComparison

_author = click.option(
    "--author", help="Who does it, for the audit trail.  [default: git's user.name, or your login]"
)
_note = click.option("--note", default="", help="Why, for the audit trail.")


@verb()
@click.argument("flows", metavar="[FLOW]...", nargs=-1)
def validate(shell: Shell, flows: tuple[str, ...]) -> None:
    """Find every error of every flow at once.

    Each with file, line, field and what to do; published versions are looked at too. Where
    there is none, the project is loaded as Dagster does it, with its sensors and schedules.
    """
    from lume_dagster.cli.validating import examine
    from lume_dagster.orchestration.project import find_project, load_project

    folder = find_project()
    found = examine(load_project(folder), flows)
    if not found.problems and not flows:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of flows without a version, which drafts may be
            load_project(folder, whole=True)
    census = f"{counted(found.drafts, 'draft')} and {counted(found.versions, 'published version')}"
    value = {
        "drafts": found.drafts,
        "versions": found.versions,
        "problems": [{**asdict(p), "field": p.field} for p in found.problems],
    }
    if found.problems:
        shell.answer(value, lambda: None)
        raise FlowError.of([_nearby(problem) for problem in found.problems])
    shell.answer(value, lambda: click.echo(f"{census}: nothing wrong."))


def _nearby(problem: Problem) -> Problem:
    return problem if problem.file is None else replace(problem, file=near(problem.file))


@verb(epilog=examples('lume publish contacts --note "since is optional"'))
@click.argument("flow")
@_note
@_author
@click.option("--force", is_flag=True, help="Publish even what the newest version says already.")
@click.option("--activate", is_flag=True, help="Let FLOW stand for the new version at once.")
def publish(
    shell: Shell, flow: str, *, note: str, author: str | None, force: bool, activate: bool
) -> None:
    """Freeze the draft of FLOW as its next version.

    Nothing changes a version any more. The first version of a flow becomes the active one; later
    ones do so by `lume activate`.
    """
    from lume_dagster.cli.validating import examine
    from lume_dagster.orchestration.project import find_project, load_project

    project = load_project(find_project())
    problems = [_nearby(p) for p in examine(project, (flow,)).problems]
    if problems:
        raise FlowError.of(problems)
    library, by = _library(), _by(author)
    version = library.publish(flow, author=by, note=note, force=force)
    if activate:
        library.activate(version.name, author=by, note=note)
    is_active = library.active(flow) == version.version
    shell.answer(
        {"published": version.name, "digest": version.digest, "active": is_active},
        lambda: _tell_published(version.name, flow, is_active=is_active),
    )


def _tell_published(name: str, flow: str, *, is_active: bool) -> None:
    click.echo(f"Published {name}.")
    if is_active:
        click.echo(f"{flow} stands for it now.")
    else:
        click.echo(f"Let {flow} stand for it: lume activate {name}")


@verb(epilog=examples("lume activate contacts:v2"))
@click.argument("version", metavar="FLOW:vN")
@_note
@_author
def activate(shell: Shell, version: str, *, note: str, author: str | None) -> None:
    """Let FLOW alone stand for FLOW:vN.

    This is also the way back to an older version.
    """
    _move_to(shell, _library(), version, note, author)


@verb(epilog=examples("lume rollback contacts"))
@click.argument("flow")
@_note
@_author
def rollback(shell: Shell, flow: str, *, note: str, author: str | None) -> None:
    """Let FLOW stand for the version again that it stood for before.

    Once more goes one further back; `lume activate` goes to any version.
    """
    library = _library()
    earlier = library.lock(flow).earlier
    if earlier is None:
        raise InvalidRequestError(
            f"{flow} has stood for no other version before.",
            hint=f"lume versions {flow} shows what there is, and lume activate moves to it.",
        )
    _move_to(shell, library, f"{flow}:v{earlier}", note, author)


def _move_to(shell: Shell, library: Library, version: str, note: str, author: str | None) -> None:
    flow = version.partition(":")[0]
    made = len(library.lock(flow).activations)
    move = library.activate(version, author=_by(author), note=note)
    moved = len(library.lock(flow).activations) > made
    told = f"; before: v{move.before}" if moved else ", as it did"
    shell.answer(move.model_dump(), lambda: click.echo(f"{flow} stands for v{move.after}{told}."))


@verb(
    epilog=examples(
        "lume diff contacts:v1 contacts:v2",
        "lume diff contacts:v1 contacts:draft --on contacts.csv",
    )
)
@click.argument("before", metavar="FLOW:vN")
@click.argument("after", metavar="FLOW:vM")
@click.option(
    "--on", "source_path", metavar="SOURCE_PATH", help="Map this batch with both; compare the rows."
)
@click.option(
    "--rows", type=click.IntRange(min=1), metavar="N", help="With --on: only its first N rows."
)
@click.option(
    "--exit-code", is_flag=True, help="With --on: end with 1 when a row comes out otherwise."
)
def diff(
    shell: Shell,
    before: str,
    after: str,
    *,
    source_path: str | None,
    rows: int | None,
    exit_code: bool,
) -> None:
    """Show how two versions differ: their fields, and rows of a batch.

    FLOW:draft is the draft. Nothing is written to the target.
    """
    from lume_dagster.cli.comparing import compare_on
    from lume_dagster.flows.diff import render_diff

    if source_path is None and (rows is not None or exit_code):
        raise InvalidRequestError(
            "--rows and --exit-code compare rows, and no batch is named.",
            hint="name one with --on.",
        )
    changes = _library().diff(before, after)
    value = [{"path": c.path, "before": _said(c.before), "after": _said(c.after)} for c in changes]
    if source_path is None:
        shell.answer(value, lambda: click.echo(render_diff(changes, before, after)))
        return
    told = render_diff(changes, before, after)
    found = compare_on(before, after, source_path, rows)
    shell.answer({"fields": value, **asdict(found)}, lambda: _tell_both(shell, told, found))
    if exit_code and found.changed_rows:
        sys.exit(1)


def _tell_both(shell: Shell, told: str, found: VersionComparison) -> None:
    from lume_dagster.cli.comparing import tell_comparison

    click.echo(told)
    click.echo()
    tell_comparison(shell, found)


def _said(value: Any) -> Any:
    from lume_dagster.flows.diff import ABSENT

    return None if value is ABSENT else value


@verb()
@click.argument("flow", required=False)
def versions(shell: Shell, flow: str | None) -> None:
    """List published versions: who, when, why.

    Those of FLOW, or of every flow when none is named.
    """
    library = _library()
    rows = [
        {
            "version": f"{name}:v{entry.version}",
            "active": entry.version == lock.active,
            "published_at": entry.published_at,
            "author": entry.author,
            "note": entry.note,
            "digest": entry.digest,
        }
        for name in ([flow] if flow else library.flows())
        for lock in [library.lock(name)]
        for entry in lock.versions
    ]
    shell.answer(rows, lambda: _tell_versions(shell, rows))


def _tell_versions(shell: Shell, rows: list[dict[str, Any]]) -> None:
    if not rows:
        click.echo("Nothing is published yet: lume publish FLOW")
        return
    shell.table(
        ("version", "", "published", "by", "note"),
        [
            (
                row["version"],
                "active" if row["active"] else "",
                row["published_at"],
                row["author"],
                row["note"],
            )
            for row in rows
        ],
    )


def _library() -> Library:
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.project import find_project, load_project

    return Library(load_project(find_project()).workspace.flows)


def _by(author: str | None) -> str:
    """Who does it: as said, or as git and the system know."""
    from lume_dagster.client.author import whoami

    return author or whoami()
