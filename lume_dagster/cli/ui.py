"""`lume ui`: the Dagster UI on this project, with the runs that the shell and the client made."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys

import click

from lume_dagster.cli.shell import Shell, verb
from lume_dagster.errors import InvalidRequestError, MissingExtraError


@verb()
@click.option("--port", default=3000, show_default=True, help="Where the UI listens.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address it listens on.")
def ui(shell: Shell, port: int, host: str) -> None:
    """Open the project in the Dagster UI; Ctrl+C ends it."""
    from lume_dagster.orchestration.instance import dagster_home
    from lume_dagster.orchestration.project import FILE, find_project, load_project

    if importlib.util.find_spec("dagster_webserver") is None:
        raise MissingExtraError.for_extra("The Dagster UI", "ui")
    project = load_project(find_project())
    home = dagster_home(project.workspace.data)
    _require_free(host, port)
    address = f"http://{host}:{port}"
    shell.answer(
        {"url": address, "dagster_home": str(home)},
        lambda: click.echo(f"The Dagster UI is coming up at {address} (Ctrl+C ends it)."),
    )
    sys.stdout.flush()
    os.environ["DAGSTER_HOME"] = str(home)
    os.chdir(project.folder)
    where = (
        ["-w", "workspace.yaml"] if (project.folder / "workspace.yaml").exists() else ["-f", FILE]
    )
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    command = [sys.executable, *quiet, "-m", "dagster", "dev", *where, "-h", host, "-p", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 - no shell between, and our own words


def _require_free(host: str, port: int) -> None:
    """Refuse an address that the UI cannot have.

    Dagster finds out when its daemons run, and leaves them running beside those of the other UI.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InvalidRequestError(
                f"The UI cannot listen on port {port} of {host}: {why.lower().rstrip('.')}.",
                hint="end what listens there, or take another port: lume ui --port PORT",
            ) from None
