"""Runs as they stand: a page of them, one of them, one that is waited for, one that is stopped."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Query, Response
from starlette.concurrency import run_in_threadpool

from lume_dagster.errors import NotFoundError
from lume_dagster.orchestration import names
from lume_dagster.orchestration.cancel import cancel_run
from lume_dagster.orchestration.project import all_names
from lume_dagster.orchestration.query import read_details, read_summary
from lume_dagster.orchestration.run_pages import Wanted, page_of_runs
from lume_dagster.runs.status import status_named
from lume_dagster.server.answers import details_answer, json_answer, page_answer, run_answer
from lume_dagster.server.paging import USUAL, PageNumber, PageSize, Text
from lume_dagster.server.site import Site, TheSite
from lume_dagster.server.waiting import LONGEST

_ID = re.compile(rf"{names.RUN_PREFIX}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")

Statuses = Annotated[list[str], Query(alias="status", max_length=20)]
Seconds = Annotated[
    float, Query(ge=0, le=LONGEST, description="Answer when it has ended, or after this long.")
]


def list_runs(  # noqa: PLR0913 - a parameter for each of the address
    site: TheSite,
    *,
    flow: Text = None,
    flow_version: Text = None,
    source_path: Text = None,
    statuses: Statuses = [],  # noqa: B006 - FastAPI copies it
    page: PageNumber = 1,
    size: PageSize = USUAL,
) -> Response:
    """Runs, newest first: of a flow, a version, a batch, or in one of several statuses."""
    wanted = Wanted(
        flow=flow,
        flow_version=flow_version,
        source_paths=None if source_path is None else all_names(site.project, source_path),
        statuses=frozenset(map(status_named, statuses)) or None,
    )
    found, total = page_of_runs(site.instance, wanted, page=page, size=size)
    return json_answer(page_answer([run_answer(one) for one in found], total, page, size))


async def get_run(site: TheSite, run_id: str, wait: Seconds = 0) -> Response:
    """A run with its figures; with `wait`, when it has ended."""
    require_id(run_id)
    if wait:
        summary = await run_in_threadpool(read_summary, site.instance, run_id)
        if not summary.status.ended:
            await site.waiting.wait(run_id, wait)
    return await run_in_threadpool(_details, site, run_id)


def _details(site: Site, run_id: str) -> Response:
    details = read_details(site.instance, run_id)
    return json_answer(details_answer(details, site.told(details)))


def cancel(site: TheSite, run_id: str) -> Response:
    """Ask a run to stop: it ends CANCELED, and nothing is half-written."""
    cancel_run(site.instance, require_id(run_id))
    return json_answer(run_answer(read_summary(site.instance, run_id)), 202)


def require_id(run_id: str) -> str:
    """What can be the id of a run.

    Raises:
        NotFoundError: it cannot.
    """
    if _ID.fullmatch(run_id):
        return run_id
    raise NotFoundError(
        f"{run_id!r} is not a run id.", hint="it looks like run_1b2c...; GET /v1/runs lists them."
    )
