"""Runs of a project behind a server, over HTTP: this machine needs its address and a key only."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from lume_dagster.client.answers import (
    read_batch,
    read_details,
    read_page,
    read_summary,
    understood,
)
from lume_dagster.client.archive import beside, keep, unpack
from lume_dagster.client.calls import Call, Line
from lume_dagster.client.site import Files, Look, Order, Pace, Rejects, Repaired, Which
from lume_dagster.errors import InvalidRequestError, NotFoundError, NotNowError, TransientError
from lume_dagster.runs.record import RunDetails, RunSummary
from lume_dagster.runs.status import Status

if TYPE_CHECKING:
    import requests

    from lume_dagster.client.access import Access

T = TypeVar("T")
Query = list[tuple[str, str]]

_RUNS, _UPLOADS = "/v1/runs", "/v1/uploads"
_ID = re.compile(r"[A-Za-z0-9_-]+")
_PAGE = 500  # the most that a server lists at once
_LONGEST_LOOK = 25.0  # seconds; what stands between often cuts a silent line after 30 or 60
_FORMS = {".csv": "csv", ".jsonl": "json", ".json": "json"}


@dataclass(frozen=True, slots=True)
class Server:
    """The runs of the project that a server stands before."""

    line: Line

    @classmethod
    def at(cls, access: Access) -> Server:
        """Nothing is sent yet."""
        return cls(Line(access))

    def start(self, order: Order) -> RunSummary:
        """Send files first, then the order; sent twice, it is one run."""
        body = {
            "flow_version": order.flow_version,
            "source_path": order.source_path,
            "run_metadata": dict(order.run_metadata),
            "force_rerun": order.force_rerun,
            **self._sent_files(order),
        }
        return self._json(Call("POST", _RUNS, json=body, headers=_once()), read_summary)

    def upload(self, file: Path) -> str:
        """Sent as it lies on the disk, piece by piece."""
        from lume_dagster.runs.uploads import require_files

        require_files([file])
        call = Call("POST", _UPLOADS, query=[("name", file.name)], file=file, headers=_BYTES)
        return self._json(call, read_batch)

    def summary(self, run_id: str) -> RunSummary:
        """One request."""
        return self._json(Call("GET", _of(run_id)), read_summary)

    def details(self, run_id: str) -> RunDetails:
        """One request."""
        return self._json(Call("GET", _of(run_id)), read_details)

    def runs(self, which: Which) -> Sequence[RunSummary]:
        """Page by page; a run that moves to the next page meanwhile is listed once."""
        if which.status == ():
            return []
        found: dict[str, RunSummary] = {}
        size, number, pages = min(max(which.limit, 1), _PAGE), 0, 1
        while len(found) < which.limit and number < pages:
            number += 1
            query = [*_filter(which), ("page", str(number)), ("size", str(size))]
            page, pages = self._json(Call("GET", _RUNS, query=query), read_page)
            found |= {run.id: run for run in page}
        return list(found.values())[: which.limit]

    def looks(self, run_id: str, pace: Pace) -> Generator[Look, None, None]:
        """The server answers when the run has ended, or when it is time for the next look.

        What the log of the run warns of stays there.
        """
        look = Call("GET", _of(run_id), until=pace.deadline)
        while True:
            asked = time.monotonic()
            yield Look(self._json(look, read_summary))
            rest = look.patience - (time.monotonic() - asked)
            if rest > 0:  # it answered before it was time
                time.sleep(max(min(rest, pace.interval, pace.left), 0))
            longest = pace.interval if pace.watched else _LONGEST_LOOK
            patience = max(min(longest, _LONGEST_LOOK, pace.left), 0)
            look = replace(look, query=[("wait", f"{patience:.3f}")], patience=patience)

    def cancel(self, run_id: str) -> None:
        """A run that is found canceled after an answer was lost has heard what was asked."""
        call = Call("POST", f"{_of(run_id)}/cancel", repeatable=False)
        try:
            self._json(replace(call, tries=1), read_summary)
        except TransientError:
            self._cancel_again(call, run_id)

    def _cancel_again(self, call: Call, run_id: str) -> None:
        try:
            self._json(call, read_summary)
        except NotNowError:
            if self.summary(run_id).status is not Status.CANCELED:
                raise

    def resubmit(self, run: RunSummary, repaired: Repaired) -> RunSummary:
        """Send the file; sent twice, it is one run."""
        from lume_dagster.runs.uploads import require_files

        require_files([repaired.file])
        said = {
            "format": _form(repaired.file),
            "flow_version": repaired.flow_version,
            "source_path": repaired.source_path,
            "force_rerun": "true" if repaired.force_rerun else None,
            "run_metadata": json.dumps(repaired.run_metadata) if repaired.run_metadata else None,
        }
        call = Call(
            "POST",
            f"{_of(run.id)}/resubmit",
            query=_query(said),
            file=repaired.file,
            headers={**_once(), **_BYTES},
        )
        return self._json(call, read_summary)

    def save_rejects(self, run_id: str, file: Path, rejects: Rejects) -> Path:
        """The file is there when all of it has come."""
        from lume_dagster.runs.rejects import require_file_of_rejects

        require_file_of_rejects(file)
        said = {
            "format": _form(file),
            "code": rejects.code,
            "field": rejects.field,
            "source_path": rejects.source_path,
        }
        with beside(file) as new:
            call = Call("GET", f"{_of(run_id)}/rejects", query=_query(said))
            self.line.call(call, partial(keep, file=new))
        return file

    def download(self, run: RunSummary, folder: Path, files: Files) -> tuple[Path, ...]:
        """An archive, kept in the folder until it is unpacked there."""
        from lume_dagster.runs.output import require_format

        require_format(files.form)
        query = [] if files.documents else [("part", part) for part in files.parts]
        call = Call("GET", f"{_of(run.id)}/output", query=[*query, ("format", files.form)])
        return self.line.call(call, partial(_unpacked, into=folder))

    def output_folders(self, run: RunSummary) -> tuple[str, ...]:
        """They are on the server."""
        raise InvalidRequestError(
            f"The output of run {run.id} lies behind {self.line.url}, not on this machine.",
            hint="run.download_all(folder) fetches it.",
        )

    def _sent_files(self, order: Order) -> Mapping[str, Any]:
        """The names of local files on the server, once all of them are found to be there."""
        if order.input_files is None:
            return {}
        from lume_dagster.runs.uploads import require_files

        given = (*order.input_files, *order.seed_files)
        require_files([Path(file) for file in given if not _is_there(file)])
        return {
            "input_files": [self._sent(file) for file in order.input_files],
            "seed_files": [self._sent(file) for file in order.seed_files],
        }

    def _sent(self, file: str | Path) -> str:
        return str(file) if _is_there(file) else self.upload(Path(file))

    def _json(self, call: Call, read: Callable[[Any], T]) -> T:
        url = self.line.url
        return self.line.call(
            call, lambda answer: understood(url, lambda a: read(a.json()), answer)
        )


_BYTES = {"Content-Type": "application/octet-stream"}


def _once() -> dict[str, str]:
    """By this the server knows a request that comes again."""
    return {"Idempotency-Key": uuid.uuid4().hex}


def _of(run_id: str) -> str:
    if not _ID.fullmatch(str(run_id)):
        raise NotFoundError(
            f"{run_id!r} is not a run id.",
            hint="it looks like run_1b2c...; lume.runs() lists them.",
        )
    return f"{_RUNS}/{quote(run_id)}"


def _is_there(file: str | Path) -> bool:
    """Whether the server can have it by its name: an URI, or what was uploaded before."""
    from lume_dagster.runs.uploads import is_upload

    return "://" in str(file) or is_upload(str(file))


def _query(said: Mapping[str, str | None]) -> Query:
    return [(name, value) for name, value in said.items() if value is not None]


def _filter(which: Which) -> Query:
    said = {
        "flow": which.flow,
        "flow_version": which.flow_version,
        "source_path": which.source_path,
    }
    return [*_query(said), *(("status", str(status)) for status in which.status or ())]


def _form(file: Path) -> str:
    found = _FORMS.get(file.suffix.lower())
    if found is None:
        raise InvalidRequestError(
            f"{file} is no file of rejects: its name ends neither in .csv nor in .jsonl.",
            hint="give the file that save_rejects or download_rejects wrote, edited.",
        )
    return found


def _unpacked(answer: requests.Response, into: Path) -> tuple[Path, ...]:
    into.mkdir(parents=True, exist_ok=True)
    archive = into / f".{uuid.uuid4().hex}.zip"
    try:
        keep(answer, archive)
        return unpack(archive, into)
    finally:
        archive.unlink(missing_ok=True)
