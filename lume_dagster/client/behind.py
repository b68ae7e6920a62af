"""The mapper behind the client: its modules, each imported when something of it is first used.

Dagster looks at every public name of the package in every process of every step, to find the
components among them; none of these processes has a use for the mapper.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lume_dagster.flows import flow_file
    from lume_dagster.mapper import nodes, proposal, review
    from lume_dagster.mapper.workshop import (
        documents,
        edits,
        intake,
        jobs,
        lookups,
        mapper,
        pipelines,
        place,
        results,
        sessions,
    )

__all__ = [
    "documents",
    "edits",
    "flow_file",
    "intake",
    "jobs",
    "lookups",
    "mapper",
    "nodes",
    "pipelines",
    "place",
    "proposal",
    "results",
    "review",
    "sessions",
]

_WORKSHOP = "lume_dagster.mapper.workshop"
_ELSEWHERE = {
    "flow_file": "lume_dagster.flows",
    "nodes": "lume_dagster.mapper",
    "proposal": "lume_dagster.mapper",
    "review": "lume_dagster.mapper",
}


def __getattr__(name: str) -> Any:
    """A module of the mapper."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{_ELSEWHERE.get(name, _WORKSHOP)}.{name}")
