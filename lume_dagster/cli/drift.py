"""`lume drift`: what changed in a batch, and the line that lets the flow map it again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.shell import Shell, near, verb

if TYPE_CHECKING:
    from dagster import AssetKey

    from lume_dagster.flows.library import Library
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.mapper.drift import Drift
    from lume_dagster.orchestration.project import Project


@verb()
@click.argument("flow", metavar="FLOW[:vN]")
@click.argument("source_path")
@click.option(
    "--write",
    is_flag=True,
    help="Put the new names into the draft of FLOW, for you to look at and publish.",
)
def drift(shell: Shell, flow: str, source_path: str, *, write: bool) -> None:
    """Say how the columns of a batch differ from what FLOW needs.

    Columns that seem to be renamed are proposed as source.also_called; nothing is changed
    without --write, and no version ever is.
    """
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.project import find_project, load_project

    project = load_project(find_project())
    library = Library(project.workspace.flows)
    version = library.resolve(flow)
    found = _found(project, version, source_path)
    written = _write(library, version.flow.flow, found) if write else None
    value = {
        "flow_version": version.name,
        **asdict(found),
        "written": None if written is None else str(written),
    }
    shell.answer(value, lambda: _tell(version, source_path, found, written))


def _found(project: Project, version: FlowVersion, source_path: str) -> Drift:
    from lume_dagster.orchestration.drift import Beside, drift_of
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.sampling import batch_of, staged_aside

    where, workspace = batch_of(project, version.flow.source, source_path), project.workspace
    with staged_aside(where) as (staged, settings), open_instance(workspace.data) as instance:
        beside = Beside(_source_asset(project, version), instance, settings)
        return drift_of(version.flow, staged, beside)


def _source_asset(project: Project, version: FlowVersion) -> AssetKey | None:
    """What earlier batches of the version were staged by; a draft has had none."""
    from lume_dagster.orchestration.project import load_project

    if not version.published:
        return None
    return load_project(project.folder, [version.name]).placed(version).key("source")


def _write(library: Library, name: str, found: Drift) -> Path:
    from lume_dagster.flows.rewriting import rewrite
    from lume_dagster.flows.versions import FILE_NAME
    from lume_dagster.mapper.drift import with_new_names

    path = library.folder / name / FILE_NAME
    draft = library.resolve(f"{name}:draft").flow
    changed = rewrite(path.read_text("utf-8"), with_new_names(draft, found.renamed))
    path.write_text(changed, encoding="utf-8")
    return path


def _tell(version: FlowVersion, source_path: str, found: Drift, written: Path | None) -> None:
    for sentence in found.sentences():
        click.echo(sentence)
    name = version.flow.flow
    if written is not None:
        click.echo(f"{near(written)} says so now. Look at it, then: lume publish {name}")
    elif found.renamed:
        click.echo(f"If that is so: lume drift {name} {source_path} --write")
    elif not found.missing and not found.new:
        click.echo(f"{source_path} has the columns that {version.name} knows.")
