"""`lume drift`: what changed in a batch, and the lines that let the flow map it again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.shell import Shell, examples, near, verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster import AssetKey

    from lume_dagster.flows.library import Library
    from lume_dagster.flows.model import Flow, FlowVersion
    from lume_dagster.mapper.drift import Drift
    from lume_dagster.orchestration.drift import ShapeDrift
    from lume_dagster.orchestration.project import Project


@verb(epilog=examples("lume drift contacts new.csv", "lume drift contacts new.csv --write"))
@click.argument("flow", metavar="FLOW[:vN]")
@click.argument("source_path")
@click.option(
    "--write",
    is_flag=True,
    help="Put the new names and expressions into the draft of FLOW, for you to look at.",
)
@click.option(
    "--accept",
    is_flag=True,
    help="The values of this batch look as they should: compare later ones with them.",
)
@click.option(
    "--keep-values",
    is_flag=True,
    help="With --accept: keep the values of columns with few of them, so that new ones are told.",
)
@click.option("--all", "everything", is_flag=True, help="Name every column, not ten of each kind.")
def drift(  # noqa: PLR0913 - a parameter for each option
    shell: Shell,
    flow: str,
    source_path: str,
    *,
    write: bool,
    accept: bool,
    keep_values: bool,
    everything: bool,
) -> None:
    """Say what changed in a batch: its columns, and their values.

    Its columns are held beside what FLOW needs, its values beside how they looked before. Columns
    that seem to be renamed are proposed as source.also_called; where values are written otherwise,
    an expression that reads them. Nothing is changed without --write, and no version ever is. How
    values looked is kept by `lume map`, and by --accept.
    """
    from lume_dagster.errors import InvalidRequestError
    from lume_dagster.flows.library import Library
    from lume_dagster.mapper.drift import MOST_TOLD
    from lume_dagster.orchestration.project import find_project, load_project

    if keep_values and not accept:
        message = "--keep-values says what --accept keeps."
        raise InvalidRequestError(message, hint="give both, or neither.")
    project = load_project(find_project())
    library = Library(project.workspace.flows)
    version = library.resolve(flow)
    found, kept = _found(project, version, source_path, accept=accept, keep_values=keep_values)
    written = _write(library, version.flow.flow, found) if write else None
    value = {
        "flow_version": version.name,
        **asdict(found.columns),
        "shapes": asdict(found.shapes),
        "written": None if written is None else str(written),
        "kept": None if kept is None else str(kept),
    }
    most = None if everything else MOST_TOLD
    shell.answer(value, lambda: _tell(version, source_path, found, written, kept, most=most))


@dataclass(frozen=True, slots=True)
class _Found:
    """What is different: the columns, and how their values are written."""

    columns: Drift
    shapes: ShapeDrift
    header: tuple[str, int] | None  # the file and the line where its header seems to stand

    @property
    def skip_lines(self) -> int:
        """Lines above what seems to be the header; what is read as columns says nothing then."""
        return self.header[1] - 1 if self.header is not None and self.columns.missing else 0

    def sentences(self, most: int | None) -> Iterator[str]:
        """All of it, the worst first."""
        if self.header is not None and self.skip_lines:
            name, line = self.header[0].rsplit("/", 1)[-1], self.header[1]
            remedy = f"skip_lines: {self.skip_lines} under source.format takes it for that"
            yield f"Line {line} of {name} reads like its header: {remedy}."
            return
        yield from self.columns.sentences(most)
        yield from self.shapes.sentences()


def _found(
    project: Project, version: FlowVersion, source_path: str, *, accept: bool, keep_values: bool
) -> tuple[_Found, Path | None]:
    from lume_dagster.mapper.sample import take_sample
    from lume_dagster.mapper.shapes.kept import keep_shapes_of
    from lume_dagster.orchestration.drift import Beside, drift_of, shape_drift_of
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.sampling import batch_of, staged_aside

    where, workspace = batch_of(project, version.flow.source, source_path), project.workspace
    with staged_aside(where) as (staged, settings), open_instance(workspace.data) as instance:
        source = _source_asset(project, version)
        beside = Beside(source, instance, settings, workspace.flows)
        flow = version.flow
        columns, shapes = drift_of(flow, staged, beside), shape_drift_of(flow, staged, beside)
        found = _Found(columns, shapes, staged.header_elsewhere)
        if not accept:
            return found, None
        sample = take_sample(settings, staged)
        folder = workspace.flows / flow.flow
        return found, keep_shapes_of(folder, flow, sample, keep_values=keep_values or None)


def _source_asset(project: Project, version: FlowVersion) -> AssetKey | None:
    """What earlier batches of the version were staged by; a draft has had none."""
    from lume_dagster.orchestration.project import load_project

    if not version.published:
        return None
    return load_project(project.folder, [version.name]).placed(version).key("source")


def _write(library: Library, name: str, found: _Found) -> Path:
    from lume_dagster.flows.rewriting import rewrite
    from lume_dagster.flows.versions import FILE_NAME

    path = library.folder / name / FILE_NAME
    draft = library.resolve(f"{name}:draft").flow
    changed = rewrite(path.read_text("utf-8"), _changed(draft, found))
    path.write_text(changed, encoding="utf-8")
    return path


def _changed(draft: Flow, found: _Found) -> Flow:
    from lume_dagster.mapper.drift import with_new_names
    from lume_dagster.mapper.shapes.remedies import with_remedies

    if found.skip_lines:
        written = draft.source.format.model_copy(update={"skip_lines": found.skip_lines})
        source = draft.source.model_copy(update={"format": written})
        return draft.model_copy(update={"source": source})
    changed = with_remedies(draft, found.shapes.remedies) if found.shapes.remedies else draft
    if found.columns.renamed or not found.shapes.remedies:
        changed = with_new_names(changed, found.columns.renamed)
    return changed


def _tell(
    version: FlowVersion,
    source_path: str,
    found: _Found,
    written: Path | None,
    kept: Path | None,
    *,
    most: int | None,
) -> None:
    for sentence in found.sentences(most):
        click.echo(sentence)
    name, columns = version.flow.flow, found.columns
    if found.skip_lines:
        _say_next(name, source_path, written, proposed=True)
        return
    if most is not None and columns.is_cut(most):
        click.echo(f"All of them: lume drift {name} {source_path} --all")
    if not columns.missing and not columns.new:
        click.echo(f"{source_path} has the columns that {version.name} knows.")
    if found.shapes.known and not found.shapes.changes:
        click.echo("Their values are written as they were.")
    if kept is not None:
        click.echo(f"How the values look is kept in {near(kept)}.")
    proposed = bool(columns.renamed or found.shapes.remedies)
    _say_next(name, source_path, written, proposed=proposed)


def _say_next(name: str, source_path: str, written: Path | None, *, proposed: bool) -> None:
    if written is not None:
        click.echo(f"{near(written)} says so now. Look at it, then: lume publish {name}")
    elif proposed:
        click.echo(f"If that is so: lume drift {name} {source_path} --write")
