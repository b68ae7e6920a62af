"""Find and load a project: a folder with a ``definitions.py`` that calls ``build_definitions``."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration.code_location import loading
from lume_dagster.orchestration.translator import Placed, placed_in
from lume_dagster.orchestration.workspace import Workspace

FILE = "definitions.py"
_ENV = "LUME_PROJECT"
_MODULE = "lume_project_definitions"


@dataclass(frozen=True, slots=True)
class Project:
    """A loaded project."""

    folder: Path
    definitions: dg.Definitions
    workspace: Workspace

    def placed(self, version: FlowVersion) -> Placed:
        """The assets of a version."""
        return placed_in(self.definitions, version)

    def connector(self, name: str) -> object:
        """The connector a flow names."""
        return (self.definitions.resources or {})[name]


def find_project(named: str | Path | None = None) -> Path:
    """The project's folder: as named, as ``LUME_PROJECT`` says, or upward from the working folder.

    Raises:
        InvalidRequestError: there is none.
    """
    given = named or os.environ.get(_ENV)
    if given:
        folder = Path(given).absolute()
        if (folder / FILE).is_file():
            return folder
        raise InvalidRequestError(
            f"{folder} is no project: it has no {FILE}.", hint="lume init makes one."
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise InvalidRequestError(
        f"There is no {FILE} in {here} or above it.",
        hint=f"go to your project, set {_ENV}, or make one with lume init.",
    )


def load_project(folder: Path, versions: Sequence[str] = ()) -> Project:
    """Run the project's ``definitions.py``, building the assets of these versions only.

    Raises:
        InvalidRequestError: the file defines no definitions made by ``build_definitions``.
    """
    with loading(folder, versions):
        definitions = _definitions_in(folder / FILE)
    found = (definitions.resources or {}).values()
    workspace = next((r for r in found if isinstance(r, Workspace)), None)
    if workspace is None:
        raise InvalidRequestError(
            f"The definitions in {folder / FILE} were not made by build_definitions.",
            hint="from lume_dagster import build_definitions; defs = build_definitions(...)",
        )
    return Project(folder, definitions, workspace)


def _definitions_in(path: Path) -> dg.Definitions:
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise InvalidRequestError(f"{path} cannot be read as Python.")
    module = importlib.util.module_from_spec(spec)
    # As ``dagster dev -f`` does: files beside definitions.py can be imported by it.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    found = [v for v in vars(module).values() if isinstance(v, dg.Definitions)]
    if not found:
        raise InvalidRequestError(
            f"{path} defines no dagster.Definitions.", hint="defs = build_definitions(...)"
        )
    return found[0]
