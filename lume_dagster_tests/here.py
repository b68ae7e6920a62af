"""`lume` in the process of the tests and `python`, as a person calls them in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

from click.testing import CliRunner


def lume(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What the command prints, errors among it; it sees no variable but those of the environment.

    A process of its own would first spend two seconds on its imports.
    """
    from lume_dagster.cli import lume as command

    gone = dict.fromkeys(os.environ.keys() - environment.keys())
    with chdir(folder), _modules_of_its_own(folder):
        said = CliRunner().invoke(command, words, prog_name="lume", env={**gone, **environment})
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said.output


def python(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What the interpreter prints; in a process of its own, for what a page defines would stay."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@contextmanager
def _modules_of_its_own(folder: Path) -> Iterator[None]:
    """What was imported from below the folder is forgotten, and the search path as it was."""
    path, before = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in sys.modules.keys() - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder):
                del sys.modules[name]
