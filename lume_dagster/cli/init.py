"""`lume init`: a working project that a person can edit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from lume_dagster.cli.shell import Shell, examples, near, verb
from lume_dagster.errors import InvalidRequestError

#: Files of the starter that would mean something where they lie now, and their names in a project.
_RENAMED = {"definitions.py.txt": "definitions.py", "gitignore.txt": ".gitignore"}


@verb(epilog=examples("lume init shop"), of_project=False)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def init(shell: Shell, folder: Path) -> None:
    """Write a working project into DIR.

    It has a flow, its seed, sample data and a code location, and runs at once.
    """
    from lume_dagster.client.author import whoami
    from lume_dagster.flows.library import Library

    starter = dict(_starter())
    _refuse_to_overwrite(folder, starter)
    for path, content in starter.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    library = Library(folder / "flows")
    version = library.publish("contacts", author=whoami(), note="as lume init wrote it")
    shell.answer(
        {"project": str(folder.resolve()), "files": sorted(starter), "published": version.name},
        lambda: _tell(folder, sorted(starter)),
    )


def _tell(folder: Path, written: list[str]) -> None:
    click.echo(f"A project in {near(folder)}:")
    for path in written:
        click.echo(f"  {path}")
    click.echo("\nNext:")
    if folder.resolve() != Path.cwd():
        click.echo(f"  cd {near(folder)}")
    click.echo("  lume run contacts contacts.csv    map the sample data")
    click.echo("  lume rejects                      see which rows were rejected, and why")
    click.echo("  lume ui                           look at it in the Dagster UI")


def _starter() -> Iterator[tuple[str, bytes]]:
    """Every file of a new project with its content."""
    for path, entry in _walk(files("lume_dagster.cli") / "starter"):
        parent, _, name = path.rpartition("/")
        renamed = _RENAMED.get(name, name)
        yield (f"{parent}/{renamed}" if parent else renamed), entry.read_bytes()
    yield "flow.schema.json", _editor_schema()


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _refuse_to_overwrite(folder: Path, starter: dict[str, bytes]) -> None:
    taken = sorted(path for path in starter if (folder / path).exists())
    if taken:
        raise InvalidRequestError(
            f"{near(folder)} already has {', '.join(taken)}.",
            hint="name a folder that does not exist yet, or move those files away.",
        )


def _editor_schema() -> bytes:
    """The JSON Schema of flow files, by which an editor completes and checks them."""
    from lume_dagster.flows.model import Flow

    shipped = files("lume_dagster.flows") / "flow.schema.json"
    if shipped.is_file():
        return shipped.read_bytes()
    return json.dumps(Flow.model_json_schema(), indent=1).encode()
