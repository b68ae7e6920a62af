"""Files that callers send, to be run as batches: each is kept under a hash of what it holds."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from lume_dagster.client.uploading import keep_file
from lume_dagster.errors import InvalidRequestError
from lume_dagster.runs.uploads import Given
from lume_dagster.server.answers import Upload, json_answer
from lume_dagster.server.receiving import receive
from lume_dagster.server.site import TheSite

_LONGEST = 255  # bytes
_NO_PART = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028\u2029]")


async def upload(
    site: TheSite,
    request: Request,
    name: Annotated[str, Query(description="What the file is called: `contacts.csv`.")],
) -> Response:
    """Keep the body as a file; the same content under the same name is the same upload."""
    require_name(name)
    uploads = site.project.workspace.layout.uploads
    uploads.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".", suffix=".new", dir=uploads))
    try:
        received = await receive(request, folder / "body", site.limits.max_upload)
        given = Given(folder / "body", name, received.digest)
        source_path = await run_in_threadpool(keep_file, site.project, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return json_answer(Upload(source_path=source_path, name=name, bytes=received.bytes), 201)


def require_name(name: str) -> None:
    """Refuse what is no plain name of a file.

    Raises:
        InvalidRequestError: a path, a hidden file, a control character, or a name that is too long.
    """
    fault = _fault(name)
    if fault is not None:
        raise InvalidRequestError(
            f"The name of an upload {fault}.", hint="name the file alone, such as contacts.csv."
        )


def _fault(name: str) -> str | None:
    if not name.strip():
        return "is empty"
    if _NO_PART.search(name):
        return "has a separator or a control character"
    if name.startswith("."):
        return "begins with a dot, as hidden files do"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST:
        return f"has more than {_LONGEST} bytes"
    return None
