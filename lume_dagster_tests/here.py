"""`lume` and `python` in the process of the tests, as a person calls them who stands in a folder."""

from __future__ import annotations

import io
import os
import runpy
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
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
    """What ``python -c CODE`` or ``python FILE`` prints, ``-W ignore`` before it or not."""
    quiet = list(words[:2]) == ["-W", "ignore"]
    first, *rest = words[2:] if quiet else words
    printed = io.StringIO()
    with (
        chdir(folder),
        _modules_of_its_own(folder),
        _surrounded_by(environment),
        _warnings_as_usual() as warned,
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        sys.path.insert(0, str(folder))
        if first == "-c":
            exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
        else:
            runpy.run_path(str(folder / first), run_name="__main__")
    return printed.getvalue() + ("" if quiet else "".join(warned))


@contextmanager
def _warnings_as_usual() -> Iterator[list[str]]:
    """The warnings that an interpreter would print, when the block has ended."""
    told: list[str] = []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        yield told
    told += [warnings.formatwarning(w.message, w.category, w.filename, w.lineno) for w in seen]


@contextmanager
def _surrounded_by(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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
