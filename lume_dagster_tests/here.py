"""`lume` in the process of the tests and `python`, as a person calls them in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner

from lume_dagster_tests.left_behind import own_imports


def lume(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What the command prints, errors among it; it sees no variable but those of the environment.

    A process of its own would first spend two seconds on its imports.
    """
    from lume_dagster.cli import lume as command

    gone = dict.fromkeys(os.environ.keys() - environment.keys())
    with chdir(folder), own_imports(str(folder)):
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
