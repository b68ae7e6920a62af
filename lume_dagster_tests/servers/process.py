"""A server's process: a port of its own, a wait until it answers, a stop by its own pid."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lume_dagster_tests.waiting import wait_until

ROOT = Path(__file__).parents[2]

#: What `.ci/servers` installs: environments and programs that only the tests need.
INSTALLED = ROOT / ".servers"

_STOPPING = 60.0

#: Below those that systems give to connections that go out, which could take one before its server.
_PORTS = range(20_000, 32_000)


class ServerUnavailable(Exception):  # noqa: N818 - a reason, not a fault
    """Why a server cannot run on this machine."""


def installed(path: str) -> Path:
    """A program that `.ci/servers` installed.

    Raises:
        ServerUnavailable: it is not there.
    """
    program = INSTALLED / path
    if not program.exists():
        raise ServerUnavailable(f".servers/{path} is not installed; make servers installs it")
    return program


def free_port() -> int:
    """A port of the loopback interface that nobody uses, and no other process of tests gets.

    It is this process's as long as it lives: the lock on a file says so to the others.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        if _take(port):
            return port
    raise ServerUnavailable(f"no port from {_PORTS[0]} to {_PORTS[-1]} is free")


def _take(port: int) -> bool:
    folder = Path(tempfile.gettempdir(), f"lume-test-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    held = os.open(folder / str(port), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(held)
        return False
    return True


def answers(port: int) -> bool:
    """Whether somebody listens on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def running(
    command: Sequence[object],
    log: Path,
    ready: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | str = "/",
    stops: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGKILL),
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is ``ready``; stopped by its pid, gently first.

    Raises:
        ServerUnavailable: it ended; with the end of its log.
        AssertionError: it stands still, and is not ready.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, log, ready)
        yield process
    finally:
        _stop(process, stops)


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    def said() -> str:
        return log.read_text("utf-8", "replace").strip()

    wait_until(lambda: process.poll() is not None or ready(), said)
    if process.poll() is not None:
        raise ServerUnavailable(f"it did not start: {said()[-500:]}")


def _stop(process: subprocess.Popen[bytes], stops: Sequence[signal.Signals]) -> None:
    for stop in stops:
        if process.poll() is not None:
            return
        process.send_signal(stop)
        try:
            process.wait(timeout=_STOPPING)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
