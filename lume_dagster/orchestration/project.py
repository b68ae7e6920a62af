"""Find and load a project: a folder with a ``definitions.py``, or one of Dagster's ``dg``."""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
from pydantic import ValidationError

from lume_dagster.collector import without_collector
from lume_dagster.connectors.protocol import NamingSource
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.errors import InvalidRequestError, LumeError
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration.code_location import loading
from lume_dagster.orchestration.translator import Placed, placed_in
from lume_dagster.orchestration.webhooks.endpoint import Receivers
from lume_dagster.orchestration.workspace import Workspace

FILE = "definitions.py"
_DG_FILE = "pyproject.toml"
_ENV = "LUME_PROJECT"
_MODULE = "lume_project_definitions"


@dataclass(frozen=True, slots=True)
class Project:
    """A loaded project."""

    folder: Path
    definitions: dg.Definitions
    workspace: Workspace
    own: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # of components

    def placed(self, version: FlowVersion) -> Placed:
        """The assets of a version."""
        return placed_in(self.definitions, version)

    def connector(self, name: str) -> object:
        """The connector a flow names."""
        return (self.definitions.resources or {})[name]

    def source_of(self, version: FlowVersion) -> object:
        """The source connector of a version: its component's own, or the project's."""
        return self._connector_of(version, version.flow.source.connector)

    def require_variables(self, version: FlowVersion) -> None:
        """Look at the environment variables that the connectors of a version are read from.

        Raises:
            ConnectorError: one is not set.
        """
        for name in (version.flow.source.connector, version.flow.target.connector):
            connector = self._connector_of(version, name)
            if isinstance(connector, ConnectorResource):
                connector.require_variables()

    def _connector_of(self, version: FlowVersion, name: str) -> object:
        own = self.own.get(version.name, {})
        return own[name] if name in own else (self.definitions.resources or {}).get(name)


def all_names(project: Project, source_path: str) -> set[str]:
    """The names by which the sources of a project may know a batch, the given one among them."""
    found = {source_path}
    for connector in (project.definitions.resources or {}).values():
        if isinstance(connector, NamingSource):
            with suppress(LumeError):  # it is no name there, so no batch of it is meant
                found.add(connector.full_name(source_path))
    return found


def find_project(named: str | Path | None = None) -> Path:
    """The project's folder: as named, as ``LUME_PROJECT`` says, or upward from the working folder.

    Raises:
        InvalidRequestError: there is none.
    """
    given = named or os.environ.get(_ENV)
    if given:
        folder = Path(given).absolute()
        if _is_project(folder):
            return folder
        raise InvalidRequestError(
            f"{folder} is no project: it has no {FILE}.", hint="lume init makes one."
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _is_project(folder):
            return folder
    raise InvalidRequestError(
        f"There is no {FILE} in {here} or above it.",
        hint=f"go to your project, set {_ENV}, or make one with lume init.",
    )


def _is_project(folder: Path) -> bool:
    return (folder / FILE).is_file() or _is_dg_project(folder)


def _is_dg_project(folder: Path) -> bool:
    """Whether ``dg`` takes the folder for a project."""
    file = folder / _DG_FILE
    if not file.is_file():
        return False
    try:
        said = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
    return bool(said.get("tool", {}).get("dg", {}).get("directory_type") == "project")


@without_collector()
def load_project(folder: Path, versions: Sequence[str] = (), *, whole: bool = False) -> Project:
    """Load the project's definitions, with the assets of these versions only.

    With ``whole`` they are loaded as Dagster loads them: all assets, sensors and schedules.

    Raises:
        InvalidRequestError: there are no flows in its definitions.
    """
    with loading(folder, versions, whole=whole) as load:
        file = folder / FILE
        definitions = _definitions_in(file) if file.is_file() else _definitions_of_dg(folder)
    found = [*(definitions.resources or {}).values(), *load.workspaces]
    workspace = next((r for r in found if isinstance(r, Workspace)), None)
    if workspace is None:
        raise InvalidRequestError(
            f"The definitions in {folder} hold no flows.",
            hint="make them by lume_dagster.build_definitions, or add a LumeFlowComponent.",
        )
    told = [w for r in found if isinstance(r, Receivers) for w in r.webhooks]
    workspace = replace(workspace, webhooks=(*workspace.webhooks, *told))
    return Project(folder, definitions, workspace, load.connectors)


def _definitions_in(path: Path) -> dg.Definitions:
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise InvalidRequestError(f"{path} cannot be read as Python.")
    module = importlib.util.module_from_spec(spec)
    _importable(path.parent)
    try:
        spec.loader.exec_module(module)
    except LumeError:
        raise
    except Exception as error:
        raise _not_loaded(path, error) from error
    found = [v for v in vars(module).values() if isinstance(v, dg.Definitions)]
    if not found:
        raise InvalidRequestError(
            f"{path} defines no dagster.Definitions.", hint="defs = build_definitions(...)"
        )
    return found[0]


def _not_loaded(path: Path, error: Exception) -> InvalidRequestError:
    """What stopped a person's own Python, and in which of its lines."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    where = f":{lines[-1]}" if lines else ""
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, ValidationError):
        faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        said = f"{error.title} cannot be made like this: {'; '.join(faults)}"
    return InvalidRequestError(
        f"{path}{where} cannot be loaded: {said}",
        hint="mend it; --debug shows the traceback, and so does python definitions.py.",
    )


def _definitions_of_dg(folder: Path) -> dg.Definitions:
    _importable(folder / "src")
    try:
        return dg.load_from_defs_folder(path_within_project=folder)
    except Exception as error:  # noqa: BLE001 - raised again; what is wrong is at its root
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, LumeError):
            cause = cause.__cause__
        raise cause or error from None


def _importable(folder: Path) -> None:
    """As Dagster does: what lies in the folder can be imported."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
