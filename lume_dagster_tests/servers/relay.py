"""A relay in front of a server that counts how often its clients speak and wait for an answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread

from lume_dagster_tests.waiting import PATIENCE

_PIECE = 1 << 16


class Relay:
    """A port that leads to a server, and the round trips that are made through it.

    A round trip begins when a client speaks for the first time or after its server has spoken; or,
    where it is known by how it begins (``question``), whenever a client says that.
    """

    def __init__(
        self, listener: socket.socket, server: tuple[str, int], question: bytes | None = None
    ) -> None:
        self._question = question
        self.port = int(listener.getsockname()[1])
        self._listener, self._server = listener, server
        self._lock, self._trips = Lock(), 0
        self._threads: list[Thread] = []
        self._sockets: list[socket.socket] = []

    def taken(self) -> int:
        """The round trips since this was asked last."""
        with self._lock:
            taken, self._trips = self._trips, 0
        return taken

    def wait_until_closed(self) -> None:
        """Wait until every client has hung up: a goodbye is not answered, so nobody waits for it."""
        for thread in self._threads:
            thread.join(PATIENCE)
            if thread.is_alive():
                raise AssertionError("a connection is still open")

    def serve(self) -> None:
        """Pass on what comes, until the listener is closed."""
        with suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(self._server)
                self._sockets += [near, far]
                answered = [True]
                for work in ((near, far, answered, "client"), (far, near, answered, "server")):
                    self._threads.append(Thread(target=self._copy, args=work, daemon=True))
                    self._threads[-1].start()

    def close(self) -> None:
        """End all connections, and wait until nobody uses them any more."""
        for one in (self._listener, *self._sockets):
            with suppress(OSError):  # it has ended by itself
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _copy(
        self, source: socket.socket, sink: socket.socket, answered: list[bool], who: str
    ) -> None:
        before = b""
        with suppress(OSError):
            while data := source.recv(_PIECE):
                with self._lock:
                    if who == "client":
                        self._trips += self._questions(before + data, answered[0])
                    answered[0] = who == "server"
                before = data[1 - len(self._question) :] if self._question else b""
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _questions(self, said: bytes, answered: bool) -> int:  # noqa: FBT001 - of one caller
        return int(answered) if self._question is None else said.count(self._question)


@contextmanager
def relay_to(host: str, port: int, question: bytes | None = None) -> Iterator[Relay]:
    """A relay to a server, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Relay(listener, (host, port), question)
        server = Thread(target=made.serve, daemon=True)
        server.start()
        try:
            yield made
        finally:
            made.close()
            server.join()
