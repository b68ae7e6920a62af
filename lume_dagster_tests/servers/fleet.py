"""The servers of a test session: all that its tests ask for start together, when they are collected.

A server's file says ``postgres = server("PostgreSQL", postgres_server)``: a fixture for the session.
Where it cannot run, its tests are not run and say why; with ``CI=true`` they fail. A server that
not every machine can have is ``optional``: its tests bear the marker ``optional_server`` and are
not run in CI either, which the summary says.

Where several processes run the tests (pytest-xdist), the tests of one server, those of the demo, and those
of one file go to one process: each server runs once, and starts when the first of its tests comes (see groups.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from lume_dagster_tests.servers.groups import arrange, close
from lume_dagster_tests.servers.process import ServerUnavailable

Start = Callable[[], AbstractContextManager[Any]]

NOT_RUN = "NOT RUN"

_STARTS: dict[str, Start] = {}
_MADE_ONCE = frozenset({"demo"})  # takes long, as a server does that starts


class Fleet:
    """The servers that were started, by the name of their fixture."""

    def __init__(self) -> None:
        # Its threads live as long as the servers: a process that asked to die with its parent
        # dies with the thread that started it.
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="server")
        self._starting: dict[str, Future[Any]] = {}
        self._running = ExitStack()

    def start(self, names: Iterable[str]) -> None:
        """Begin to start servers; returns at once."""
        for name in sorted(set(names) & _STARTS.keys() - self._starting.keys()):
            self._starting[name] = self._threads.submit(self._enter, _STARTS[name])

    def get(self, name: str) -> Any:
        """A server that answers."""
        self.start([name])
        return self._starting[name].result()

    def stop(self) -> None:
        """Stop all of them."""
        for started in self._starting.values():
            started.exception()
        self._running.close()
        self._threads.shutdown()

    def _enter(self, start: Start) -> Any:
        manager = start()
        server = manager.__enter__()
        self._running.push(manager)
        return server


FLEET = pytest.StashKey[Fleet]()


def server(name: str, system: str, start: Start, *, optional: bool = False) -> Any:
    """The session's fixture ``name``: a server of ``system``, one for all tests."""
    _STARTS[name] = start

    def fixture(request: pytest.FixtureRequest) -> Iterator[Any]:
        try:
            yield request.config.stash[FLEET].get(name)
        except ServerUnavailable as reason:
            if not optional and os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"{system} is needed in CI: {reason}", pytrace=False)
            pytest.skip(f"{NOT_RUN}: no {system} server: {reason}")

    fixture.__doc__ = f"A {system} server; where it cannot run the test is not run, in CI it fails."
    return pytest.fixture(scope="session", name=name)(fixture)


def pytest_configure(config: pytest.Config) -> None:
    """A session has a fleet."""
    config.stash[FLEET] = Fleet()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # after the shuffle
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Tests that share a server, else the demo, else a file, belong together."""
    yield
    arrange(config, items, [_group(item) for item in items])


def _group(item: pytest.Item) -> str:
    asked = set(_asked(item))
    shared = [*sorted(_STARTS.keys() & asked), *sorted(_MADE_ONCE & asked)]
    return shared[0] if shared else item.nodeid.partition("::")[0]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what the collected tests will ask for."""
    if session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    session.config.stash[FLEET].start(name for item in session.items for name in _asked(item))


def _asked(item: pytest.Item) -> Iterator[str]:
    """The fixtures of a test, and what its parameters name: servers that one suite runs on."""
    yield from getattr(item, "fixturenames", ())
    if hasattr(item, "callspec"):
        yield from (value for value in item.callspec.params.values() if isinstance(value, str))


def may_be_missing(item: pytest.Item, reason: object) -> bool:
    """Whether a test was not run because a server that is optional is not there."""
    return item.get_closest_marker("optional_server") is not None and NOT_RUN in str(reason)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    config.stash[FLEET].stop()
    close()
