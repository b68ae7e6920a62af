"""Map data one does not control into a schema one does, as Dagster assets."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun, list_runs, run, run_status
    from lume_dagster.errors import (
        InvalidRequestError,
        LumeError,
        RunFailedError,
        RunTimeoutError,
    )
    from lume_dagster.flows.library import Library
    from lume_dagster.flows.model import Flow, FlowVersion
    from lume_dagster.orchestration.definitions import build_definitions
    from lume_dagster.orchestration.io_manager import MappedFiles

__version__ = "0.1.0"

__all__ = [
    "Flow",
    "FlowVersion",
    "InvalidRequestError",
    "Library",
    "LumeError",
    "LumeRun",
    "MappedFiles",
    "RunFailedError",
    "RunTimeoutError",
    "build_definitions",
    "list_runs",
    "run",
    "run_status",
]

#: Where each name lives. It is imported when it is first used: Dagster imports this package in
#: every process of every step.
_HOME = {
    "Flow": "lume_dagster.flows.model",
    "FlowVersion": "lume_dagster.flows.model",
    "InvalidRequestError": "lume_dagster.errors",
    "Library": "lume_dagster.flows.library",
    "LumeError": "lume_dagster.errors",
    "LumeRun": "lume_dagster.client",
    "MappedFiles": "lume_dagster.orchestration.io_manager",
    "RunFailedError": "lume_dagster.errors",
    "RunTimeoutError": "lume_dagster.errors",
    "build_definitions": "lume_dagster.orchestration.definitions",
    "list_runs": "lume_dagster.client",
    "run": "lume_dagster.client",
    "run_status": "lume_dagster.client",
}


def __getattr__(name: str) -> object:
    """Import a public name from where it lives."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted([*__all__, "__version__"])
