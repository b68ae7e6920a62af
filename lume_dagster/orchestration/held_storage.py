"""Hold open what Dagster's storage opens and closes for each event: SQLite's files, connections.

For each statement Dagster makes an engine of SQLAlchemy, which compiles it anew, and a connection,
which reads the schema anew: half of the time of a small run. The last connection to close a
database also folds its journal into it and removes the journal, which takes longer than writing
the event. Here the engine that Dagster made for a file is kept, and one connection of it is held.
In PostgreSQL a connection costs more than the event, too: there Dagster is asked to keep its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from lume_dagster.orchestration.written_ahead import written_ahead

#: How Dagster's webserver keeps its connections; here without a limit of their number or of the
#: time of a statement. After a minute one is replaced, as what lies between may drop idle ones.
POOL: Mapping[str, int] = {"statement_timeout": 0, "pool_recycle": 60, "max_overflow": -1}

_SHARED = "index"  # the database of all runs, beside which each run has its own
_MOST = 16  # files that are kept: a process that looks at many runs needs each for a moment

_Connect = Callable[..., AbstractContextManager[Any]]
_Key = tuple[Any, ...]  # what Dagster names a file by: its run, or nothing where there is one file


@contextmanager
def kept_open(instance: dg.DagsterInstance) -> Iterator[None]:
    """Hold the databases of an instance where they are files, and connections to a server."""
    instance.optimize_for_webserver(**POOL)
    with held_files(instance):
        yield


@contextmanager
def held_files(instance: dg.DagsterInstance) -> Iterator[None]:
    """Hold the databases of an instance where they are files; within another one, do nothing."""
    events: Any = instance.event_log_storage
    runs: Any = instance.run_storage
    if not _are_files(events, runs) or "run_connection" in vars(events):
        yield
        return
    of_events, of_runs = _Files(events.run_connection), _Files(runs.connect)
    replaced = (
        (events, "run_connection", of_events.transaction),
        (events, "index_connection", lambda: of_events.transaction(_SHARED)),
        (events, "has_table", _remembered(events.has_table)),
        (runs, "connect", of_runs.transaction),
    )
    for storage, name, method in replaced:
        setattr(storage, name, method)
    try:
        with written_ahead(Path(instance.root_directory)):
            yield
    finally:
        for storage, name, _ in replaced:
            delattr(storage, name)  # the class's own is there again
        of_events.close()
        of_runs.close()


def _are_files(events: Any, runs: Any) -> bool:
    """Whether these are Dagster's storages on SQLite, with the methods that are replaced."""
    wanted = [(events, n) for n in ("path_for_shard", "run_connection", "index_connection")]
    return all(hasattr(s, n) for s, n in [*wanted, (events, "has_table"), (runs, "connect")])


@dataclass(slots=True)
class _File:
    """A database and the one connection to it that is held."""

    engine: Any
    connection: Any = None
    taken: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class _Files:
    """The transactions of a storage, as Dagster makes them, on files that are held."""

    def __init__(self, connect: _Connect) -> None:
        self._connect = connect
        self._files: dict[_Key, _File] = {}

    @contextmanager
    def transaction(self, *key: Any) -> Iterator[Any]:
        """A transaction by the connection that is held, or by one more while that is taken."""
        file = self._files.get(key)
        if file is None:
            with self._connect(*key) as connection:  # makes the tables where there are none
                engine = connection.engine
                yield connection
            self._hold(key, engine)
        elif file.taken.acquire(blocking=False):
            try:
                yield from self._held(file)
            finally:
                file.taken.release()
        else:
            with file.engine.begin() as connection:
                yield connection

    def close(self) -> None:
        """Let all go."""
        while self._files:
            _, file = self._files.popitem()
            with file.taken:
                file.close()

    def _hold(self, key: _Key, engine: Any) -> None:
        if engine.dialect.name != "sqlite":
            return
        if len(self._files) >= _MOST:
            self._let_one_go()
        self._files.setdefault(key, _File(engine))

    def _let_one_go(self) -> None:
        for key, file in list(self._files.items()):
            if file.taken.acquire(blocking=False):
                self._files.pop(key, None)
                file.close()
                file.taken.release()
                return

    @staticmethod
    def _held(file: _File) -> Iterator[Any]:
        if file.connection is None:
            file.connection = file.engine.connect()
        try:
            with file.connection.begin():
                yield file.connection
        except BaseException:  # also an interrupt in the middle: the next transaction begins anew
            file.close()
            raise


def _remembered(has_table: Callable[[str], bool]) -> Callable[[str], bool]:
    """Whether there is a table; one that was there once stays."""
    found: set[str] = set()

    def look(name: str) -> bool:
        if name not in found and has_table(name):
            found.add(name)
        return name in found

    return look
