"""Start a run, or take repaired rejects in: once for an Idempotency-Key, not too many at once.

The key that a caller gave is kept with the run, as a hidden tag: whoever sends it again is told of
that run. One run is started at a time, so two requests with one key cannot both find none; what
takes long, such as reading a file of rejects, is done before.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import dagster as dg
from fastapi import Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from lume_dagster.client.given import checked_metadata, require_one_batch
from lume_dagster.client.uploading import find_upload, store_files
from lume_dagster.errors import BusyError, InvalidRequestError, NotNowError
from lume_dagster.orchestration import launch, names
from lume_dagster.orchestration.project import Project
from lume_dagster.orchestration.query import read_summary, summarize
from lume_dagster.orchestration.resubmit import Wish, request_for, versions_of
from lume_dagster.runs.record import RunSummary
from lume_dagster.runs.uploads import is_upload
from lume_dagster.server.answers import json_answer, run_answer
from lume_dagster.server.bodies import StartBody, parse_metadata, parse_start, read_body
from lume_dagster.server.paging import Text
from lume_dagster.server.problems import Refused
from lume_dagster.server.receiving import receive
from lume_dagster.server.runs import require_id
from lume_dagster.server.site import Site, TheCaller, TheSite

_Ready = Callable[[], RunSummary]  # starts what is prepared
_ENDINGS = {"csv": ".csv", "json": ".jsonl"}
_KEY = re.compile(r"[ -~]{1,255}")
_ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
_UNDER_WAY = [status for status in dg.DagsterRunStatus if status.value not in _ENDED]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Of your choice, for each run: sent again, it gives the run it has started.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks for what, under which key; what is asked for is told apart by a digest."""

    caller: str
    key: str | None
    what: str

    @property
    def tags(self) -> Mapping[str, str]:
        """What is kept of it with the run."""
        kept = {names.TAG_STARTED_BY: self.caller}
        if self.key is None:
            return kept
        return {**kept, names.TAG_IDEMPOTENCY: self.tag, names.TAG_REQUEST: self.what}

    @property
    def tag(self) -> str:
        """The key as a tag; each caller has keys of their own."""
        return _digest(self.caller, self.key)


async def start_run(
    site: TheSite, caller: TheCaller, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Start a run of a published version on a batch; it goes on by itself."""
    body = parse_start(await read_body(request))
    _require_given(body)
    asked = _asked(caller, idempotency_key, "start", body.model_dump())
    return await _once(site, asked, partial(_start, site, body, asked))


async def resubmit_run(  # noqa: PLR0913, PLR0917 - a parameter for each of the address
    site: TheSite,
    caller: TheCaller,
    request: Request,
    run_id: str,
    output_format: Annotated[
        Literal["csv", "json"], Query(alias="format", description="Of the body.")
    ] = "csv",
    flow_version: Text = None,
    source_path: Text = None,
    run_metadata: Annotated[str | None, Query(description="A JSON object.")] = None,
    force_rerun: bool = False,  # noqa: FBT001, FBT002 - FastAPI hands it over by name
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send repaired rejects of a run in again: the body is the file, edited."""
    require_id(run_id)
    told = checked_metadata(parse_metadata(run_metadata))
    folder = await run_in_threadpool(site.new_folder)
    try:
        file = folder / f"rejects{_ENDINGS[output_format]}"
        received = await receive(request, file, site.limits.max_upload)
        wish = Wish(file, flow_version, source_path, told, force_rerun)
        said = [run_id, output_format, flow_version, source_path, told, force_rerun]
        asked = _asked(caller, idempotency_key, "resubmit", [*said, received.digest])
        return await _once(site, asked, partial(_resubmit, site, run_id, wish, asked))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _once(site: Site, asked: _Asked, prepare: Callable[[], _Ready]) -> Response:
    """The run that is started; or the one that was, under the same key."""
    begun = await run_in_threadpool(_begun, site, asked)
    try:
        if begun is None:
            ready = await run_in_threadpool(prepare)
            async with site.starts:
                begun = await run_in_threadpool(_begun, site, asked)
                if begun is None:
                    await run_in_threadpool(_require_room, site)
                    return _answer(await run_in_threadpool(ready), 202)
    except NotNowError:  # another request under this key was quicker, here or on another server
        begun = await run_in_threadpool(_begun, site, asked)
        if begun is None:
            raise
    return _answer(begun, 200)


def _answer(summary: RunSummary, status: int) -> Response:
    where = {"Location": f"/v1/runs/{summary.id}"}
    return json_answer(run_answer(summary), status, where)


def _begun(site: Site, asked: _Asked) -> RunSummary | None:
    """The run that was started under this key.

    Raises:
        Refused: something else was asked for under it.
    """
    if asked.key is None:
        return None
    found = site.instance.get_run_records(
        dg.RunsFilter(tags={names.TAG_IDEMPOTENCY: asked.tag}), limit=1
    )
    if not found:
        return None
    if found[0].dagster_run.tags.get(names.TAG_REQUEST) == asked.what:
        return summarize(site.instance, found[0])
    used = InvalidRequestError(
        "This Idempotency-Key has started another run,"
        f" {names.public_id(found[0].dagster_run.run_id)}.",
        hint="take another key for each run; the same one only to send the same request again.",
    )
    raise Refused(422, used)


def _require_room(site: Site) -> None:
    """Refuse one more run where as many are under way as may be; dead ones do not count."""
    most = site.limits.max_runs
    query = dg.RunsFilter(tags={names.TAG_STARTED_BY: list(site.callers)}, statuses=_UNDER_WAY)
    if site.instance.get_runs_count(query) < most:
        return
    going = [summarize(site.instance, one) for one in site.instance.get_run_records(query)]
    under_way = sum(not one.status.ended for one in going)
    if under_way >= most:
        raise BusyError(
            f"{under_way} runs that this server started are under way, and {most} may be.",
            hint="try again when one has ended.",
        )


def _start(site: Site, body: StartBody, asked: _Asked) -> _Ready:
    told = checked_metadata(body.run_metadata)
    version = site.library.resolve_published(body.flow_version)
    project = site.loaded([version.name])
    source_path = body.source_path
    if body.input_files is not None:
        source_path = store_files(project, version, body.input_files, body.seed_files)
    elif is_upload(str(source_path)):
        find_upload(project, str(source_path))
    wanted = launch.Request(
        version,
        str(source_path),
        told,
        body.force_rerun,
        tags=asked.tags,
    )
    return partial(_started, site, project, wanted)


def _resubmit(site: Site, run_id: str, wish: Wish, asked: _Asked) -> _Ready:
    run = read_summary(site.instance, run_id)
    wanted = Wish(
        wish.file, wish.flow_version, wish.source_path, wish.run_metadata, wish.again, asked.tags
    )
    versions = versions_of(site.library, run, wanted)
    project = site.loaded(sorted({version.name for version in versions}))
    request = request_for(project, site.instance, run, wanted, versions)
    return partial(_started, site, project, request)


def _started(site: Site, project: Project, wanted: launch.Request) -> RunSummary:
    run_id = launch.start(project, site.instance, wanted)
    return read_summary(site.instance, names.public_id(run_id))


def _require_given(body: StartBody) -> None:
    """Refuse what names no batch, or two, or a file of the server's own."""
    require_one_batch(body.source_path, body.input_files, body.seed_files)
    for file in body.input_files or ():
        if not is_upload(file) and "://" not in file:
            _refuse_path("input_files", file)
    for file in body.seed_files:
        if not is_upload(file):
            _refuse_path("seed_files", file)


def _refuse_path(name: str, file: str) -> None:
    raise InvalidRequestError(
        f"{name}: {file!r} is no upload.",
        hint="send the file to POST /v1/uploads, and give the source_path of the answer.",
    )


def _asked(caller: str, key: str | None, route: str, what: object) -> _Asked:
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidRequestError(
            "The Idempotency-Key is empty, too long, or not plain ASCII.",
            hint="at most 255 characters, such as a UUID.",
        )
    return _Asked(caller, key, _digest(route, what))


def _digest(*values: Any) -> str:
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
