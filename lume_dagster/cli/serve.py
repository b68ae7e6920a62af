"""`lume serve`: the HTTP API of this project, for callers who have a key and nothing else."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import click

from lume_dagster.cli.shell import Shell, examples, verb
from lume_dagster.errors import MissingExtraError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@verb(epilog=examples("LUME_API_KEYS=partner=KEY lume serve --port 3030"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address it listens on.")
@click.option("--port", default=3030, show_default=True, help="Where it listens.")
@click.option("--tls-certificate", metavar="FILE", type=_FILE, help="With its chain, as PEM.")
@click.option("--tls-key", metavar="FILE", type=_FILE, help="The certificate's key, as PEM.")
@click.option(
    "--max-upload",
    default=5_000_000_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Bytes of one file at most.",
)
@click.option(
    "--max-runs",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="Runs of this server under way at once.",
)
def serve(  # noqa: PLR0913 - a parameter for each option
    shell: Shell,
    *,
    host: str,
    port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    max_upload: int,
    max_runs: int,
) -> None:
    """Serve the project over HTTP until Ctrl+C.

    Callers are known by keys, which LUME_API_KEYS holds as NAME=KEY, separated by commas.
    """
    for package in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError.for_extra("The HTTP API", "server")
    from lume_dagster.orchestration.project import find_project
    from lume_dagster.server.keys import VARIABLE, read_keys
    from lume_dagster.server.serving import Place, serve
    from lume_dagster.server.site import Limits

    keys = read_keys(os.environ.get(VARIABLE))
    os.environ.pop(VARIABLE, None)  # runs are processes of their own, and need no key
    place = Place(host, port, tls_certificate, tls_key)

    def tell(url: str) -> None:
        told = {"url": url, "keys": list(keys.names)}
        shell.answer(told, lambda: click.echo(f"Serving at {url} (Ctrl+C ends it)."))
        sys.stdout.flush()
        if not place.is_local and tls_certificate is None:
            warning = "Keys cross the network unencrypted: use --tls-certificate, or a proxy."
            click.echo(f"Warning: {warning}", err=True)

    serve(find_project(), keys, place, Limits(max_runs, max_upload), tell)
