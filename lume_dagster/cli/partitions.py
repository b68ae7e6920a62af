"""`lume partitions`: the batches that Dagster knows of a flow version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.shell import ListedByDefault, Shell, examples, verb
from lume_dagster.errors import counted

if TYPE_CHECKING:
    import dagster as dg

    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.project import Project


@click.group(cls=ListedByDefault)
def partitions() -> None:
    """List or add the batches that Dagster knows of a flow version.

    `lume partitions FLOW` is `lume partitions list FLOW`.
    """


@verb(name="list")
@click.argument("flow", metavar="FLOW[:vN]")
def list_(shell: Shell, flow: str) -> None:
    """List the batches of FLOW."""
    with _partitions(flow) as (instance, name, *_):
        known = sorted(instance.get_dynamic_partitions(name))
    shell.answer(known, lambda: click.echo("\n".join(known) if known else f"{flow} has none yet."))


@verb(epilog=examples("lume partitions add contacts may.csv june.csv"))
@click.argument("flow", metavar="FLOW[:vN]")
@click.argument("source_paths", metavar="SOURCE_PATH...", nargs=-1, required=True)
def add(shell: Shell, flow: str, source_paths: tuple[str, ...]) -> None:
    """Add batches to FLOW without running them.

    They can then be run in the Dagster UI, alone or as a backfill.
    """
    from lume_dagster.orchestration.launch import names_of_batches
    from lume_dagster.orchestration.partitions import add_partitions

    with _partitions(flow) as (instance, name, project, version):
        names = names_of_batches(project, instance, version)
        wanted = [names.of(path) for path in source_paths]
        known = set(instance.get_dynamic_partitions(name))
        added = [path for path in dict.fromkeys(wanted) if path not in known]
        add_partitions(instance, name, added)
    shell.answer(added, lambda: click.echo(f"{counted(len(added), 'partition')} added to {flow}."))


@contextmanager
def _partitions(flow: str) -> Iterator[tuple[dg.DagsterInstance, str, Project, FlowVersion]]:
    """The instance, the name of the partitions of a flow version in it, and that version."""
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.names import partitions_name
    from lume_dagster.orchestration.project import find_project, load_project

    folder = find_project()
    workspace = load_project(folder).workspace
    version = Library(workspace.flows).resolve_published(flow)
    project = load_project(folder, [version.name])
    with open_instance(workspace.data) as instance:
        yield instance, partitions_name(workspace.prefix, version), project, version


partitions.add_command(list_)
partitions.add_command(add)
