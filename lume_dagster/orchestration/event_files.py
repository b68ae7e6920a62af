"""Keep Dagster's event storage open while a run writes its events.

Dagster opens and closes a connection for each event, twice. The last one to close a database folds
its journal into it and removes the journal, which takes longer than writing the event. While this
process holds a connection of its own, no other is the last. In PostgreSQL a connection costs
more than the event, too: there Dagster is asked to keep its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import dagster as dg

#: How Dagster's webserver keeps its connections; here without a limit of their number or of the
#: time of a statement. After a minute one is replaced, as what lies between may drop idle ones.
POOL: Mapping[str, int] = {"statement_timeout": 0, "pool_recycle": 60, "max_overflow": -1}

_SHARED = "index"  # the database of all runs, beside which each run has its own


@contextmanager
def kept_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the databases a run writes to where they are files, and connections to a server."""
    instance.optimize_for_webserver(**POOL)
    place = getattr(instance.event_log_storage, "path_for_shard", None)
    files = [Path(place(name)) for name in (_SHARED, run_id)] if place is not None else []
    with ExitStack() as held:
        for file in files:
            if file.exists():
                connection = sqlite3.connect(file, check_same_thread=False)
                held.enter_context(closing(connection))
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield
