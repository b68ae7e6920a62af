"""`lume connect`: which connectors a project has, and whether they would work now."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.shell import InOrder, Shell, examples, verb
from lume_dagster.errors import LumeError

if TYPE_CHECKING:
    from lume_dagster.orchestration.connections import Connection


@click.group(cls=InOrder)
def connect() -> None:
    """List the connectors of the project, or try one out."""


@verb(name="list")
@click.option("--kinds", is_flag=True, help="The kinds that are installed, not the connectors.")
def list_(shell: Shell, *, kinds: bool) -> None:
    """List the connectors, what they can be, and the flows that use them."""
    from lume_dagster.connectors.registry import connector_kinds

    if kinds:
        there = [(kind, point.value) for kind, point in sorted(connector_kinds().items())]
        shell.answer(dict(there), lambda: shell.table(("kind", "class"), there))
    else:
        _list_connectors(shell)


def _list_connectors(shell: Shell) -> None:
    from lume_dagster.orchestration.connections import connections
    from lume_dagster.orchestration.project import find_project, load_project

    found = connections(load_project(find_project()))
    columns = ("name", "kind", "can be", "flows")
    shell.answer(
        [_summary(one) for one in found],
        lambda: shell.table(
            columns,
            [
                (o.name, o.kind, ", ".join(o.roles), ", ".join(f.flow for f in o.flows))
                for o in found
            ],
        ),
    )


def _summary(one: Connection) -> dict[str, object]:
    return {
        "name": one.name,
        "kind": one.kind,
        "class": type(one.connector).__name__,
        "roles": list(one.roles),
        "flows": [flow.flow for flow in one.flows],
    }


@verb(epilog=examples("lume connect test warehouse"))
@click.argument("name")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds to wait for the other system.",
)
def test(shell: Shell, name: str, seconds: float) -> None:
    """Try the connector NAME: reachability, credentials, rights.

    The tables that flows write to are asked for too. Nothing is written. Ends with the exit code of
    the error's class when something is missing.
    """
    from lume_dagster.orchestration.connections import connection, try_out
    from lume_dagster.orchestration.project import find_project, load_project

    one = connection(load_project(find_project()), name)
    said: list[str] = []
    try:
        for sentence in try_out(one, seconds):
            said.append(sentence)
            if not shell.json:
                click.echo(sentence)
    except LumeError as error:
        if not shell.json:
            raise
        _answer(shell, one, said, error)
        sys.exit(error.exit_code)
    _answer(shell, one, said, None)


def _answer(shell: Shell, one: Connection, said: list[str], error: LumeError | None) -> None:
    value = {
        "name": one.name,
        "kind": one.kind,
        "works": error is None,
        "said": said,
        "error": None if error is None else type(error).__name__,
        "message": None if error is None else error.message,
        "hint": None if error is None else error.hint,
    }
    shell.answer(value, lambda: click.secho(f"{one.name} works.", fg="green"))


connect.add_command(list_)
connect.add_command(test)
