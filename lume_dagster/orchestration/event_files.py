"""Keep the files of Dagster's SQLite event storage open while a run writes many events.

Dagster opens and closes a connection for each event, twice. The last one to close a database folds
its journal into it and removes the journal, which takes longer than writing the event. While this
process holds a connection of its own, no other is the last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import dagster as dg

_SHARED = "index"  # the database of all runs, beside which each run has its own


@contextmanager
def kept_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the databases a run writes to; where events are kept elsewhere, there is none."""
    place = getattr(instance.event_log_storage, "path_for_shard", None)
    files = [Path(place(name)) for name in (_SHARED, run_id)] if place is not None else []
    with ExitStack() as held:
        for file in files:
            if file.exists():
                connection = sqlite3.connect(file, check_same_thread=False)
                held.enter_context(closing(connection))
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield
