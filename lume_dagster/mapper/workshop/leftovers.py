"""What a workshop has left behind: deployed sessions, and results and jobs that nobody works on.

A session that was not deployed is somebody's work, however old: it stays, with its job and results.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from lume_dagster.mapper.workshop.documents import (
    Document,
    JobDocument,
    ResultDocument,
    SessionDocument,
    Status,
    folder_of,
    listed,
)
from lume_dagster.mapper.workshop.place import Place


def leftovers(place: Place, before: datetime, *, everything: bool = False) -> Iterator[Path]:
    """The folders of what was last touched before a time; ``everything`` spares no open session."""

    def old(document: Document) -> bool:
        return document.updated_at < before

    sessions = listed(place, SessionDocument)
    gone = {s.id for s in sessions if old(s) and (everything or s.status is Status.DEPLOYED)}
    kept = [session for session in sessions if session.id not in gone]
    open_ones = {session.id for session in kept}
    results = listed(place, ResultDocument)
    passed = [result for result in results if old(result) and result.workshop not in open_ones]
    worked_on = {session.job for session in kept}
    worked_on |= {result.job for result in results if result not in passed}
    jobs = [job for job in listed(place, JobDocument) if old(job) and job.id not in worked_on]
    ended = [session for session in sessions if session.id in gone]
    yield from (folder_of(place, document) for document in (*ended, *passed, *jobs))
