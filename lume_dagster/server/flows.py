"""The flows that can be run: their published versions, never a draft."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from lume_dagster.errors import FlowError, NotFoundError
from lume_dagster.flows.library import Library
from lume_dagster.flows.lock_file import LockFile
from lume_dagster.flows.model import FlowVersion
from lume_dagster.server.answers import (
    Flow,
    FlowWithSchema,
    Version,
    json_answer,
    page_answer,
)
from lume_dagster.server.paging import USUAL, PageNumber, PageSize, Text
from lume_dagster.server.site import TheSite


def list_flows(
    site: TheSite, search: Text = None, page: PageNumber = 1, size: PageSize = USUAL
) -> Response:
    """The flows that have a published version, by name; `search` is a part of the name."""
    library = site.library
    wanted = (search or "").lower()
    locks = [library.lock(name) for name in library.flows() if wanted in name.lower()]
    found = [lock for lock in locks if lock.active is not None]
    chosen = found[(page - 1) * size : page * size]
    items = [Flow(**_values(lock, _active(library, lock))) for lock in chosen]
    return json_answer(page_answer(items, len(found), page, size))


def get_flow(site: TheSite, name: str) -> Response:
    """One flow, with the target schema of its active version."""
    if ":" in name:
        raise NotFoundError(
            f"There is no flow {name!r}.", hint="name the flow alone: its versions are in it."
        )
    version = site.library.resolve(f"{name}:active")
    schema = dict(version.flow.schema_)
    values = _values(site.library.lock(name), version)
    return json_answer(FlowWithSchema(**values, schema=schema))


def _active(library: Library, lock: LockFile) -> FlowVersion | None:
    """The active version; None where it is not what was published, as ``get_flow`` says."""
    try:
        return library.resolve(f"{lock.flow}:active")
    except FlowError:
        return None


def _values(lock: LockFile, active: FlowVersion | None) -> dict[str, Any]:
    return {
        "name": lock.flow,
        "description": None if active is None else active.flow.description,
        "active": f"{lock.flow}:v{lock.active}",
        "versions": [
            Version(
                name=f"{lock.flow}:v{entry.version}",
                published_at=entry.published_at,
                author=entry.author,
                note=entry.note,
                digest=entry.digest,
            )
            for entry in lock.versions
        ],
    }
