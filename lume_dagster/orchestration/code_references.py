"""Where in a flow file each asset is written down, as Dagster links it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from lume_dagster.flows.model import FlowVersion

KEY = "dagster/code_references"

#: The key of the flow file that says most about each step.
_SAID_BY = {"source": "source", "transform": "mapping", "target": "target"}
_TOP = re.compile(rb"^[\"']?(\w+)[\"']?[ \t]*:", re.MULTILINE)


def step_reference(version: FlowVersion, step: str) -> Mapping[str, Any]:
    """Metadata that leads to the line of a version's flow file that makes a step."""
    from lume_dagster.flows.versions import FILE_NAME

    path = Path(version.folder) / FILE_NAME
    key = _SAID_BY.get(step, step)
    return file_reference(path, _lines(path).get(key, 1), f"{version.name} {key}")


def file_reference(path: Path, line: int, label: str) -> Mapping[str, Any]:
    """Metadata that leads to a line of a file."""
    with warnings.catch_warnings():  # features in beta, chosen knowingly
        warnings.filterwarnings("ignore", message=".*CodeReference.*")
        place = dg.LocalFileCodeReference(file_path=str(path), line_number=line, label=label)
        return {KEY: dg.CodeReferencesMetadataValue(code_references=[place])}


@lru_cache(maxsize=4096)
def _lines(path: Path) -> Mapping[str, int]:
    """The lines of a file's outermost keys. A published version's file never changes."""
    if not path.is_file():
        return {}
    content, found = path.read_bytes(), dict[str, int]()
    for match in _TOP.finditer(content):
        found.setdefault(match[1].decode(), content.count(b"\n", 0, match.start()) + 1)
    return found
