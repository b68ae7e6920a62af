"""What the log of a run warns of while it goes on, such as a file that it waits for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import dagster as dg

from lume_dagster.orchestration import names

_AT_ONCE = 500


def new_warnings(instance: dg.DagsterInstance, run_id: str) -> Iterator[Sequence[str]]:
    """At each step the warnings since the step before; it never ends."""
    cursor: str | None = None
    while True:
        found = instance.get_records_for_run(
            names.dagster_id(run_id), cursor=cursor, limit=_AT_ONCE
        )
        cursor = found.cursor
        entries = (record.event_log_entry for record in found.records)
        yield [
            entry.user_message
            for entry in entries
            if entry.level == logging.WARNING and not entry.is_dagster_event
        ]
