"""A relay in front of an HTTP server that spoils some answers, as networks and proxies do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_PIECE = 1 << 16
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ALIVE = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)


@dataclass(frozen=True)
class Fault:
    """What becomes of one request: it begins with ``of``, and each fault strikes once.

    ``answer`` is given in the server's place, which does not hear of the request; empty, the
    connection is closed. With ``heard`` the server does all that was asked for, and only its answer
    is lost, after ``passed`` bytes of it.
    """

    of: bytes
    answer: bytes = b""
    heard: bool = False
    passed: int = 0


def refusal(status: int, *headers: str) -> bytes:
    """The answer of a proxy whose server is away."""
    lines = [f"HTTP/1.1 {status} So", "Content-Length: 0", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass
class FaultyRelay:
    """Where clients connect, what is still to go wrong, and the requests that came, faults and all."""

    port: int
    faults: list[Fault] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)  # their first lines
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, of: bytes) -> int:
        """How many requests have come that begin like this."""
        with self.lock:
            return sum(line.startswith(of) for line in self.requests)

    def fault_of(self, line: bytes) -> Fault | None:
        """What goes wrong with this request, if anything."""
        with self.lock:
            self.requests.append(line)
            found = next((f for f in self.faults if line.startswith(f.of)), None)
            if found is not None:
                self.faults.remove(found)
            return found


@contextmanager
def faulty_relay_to(port: int, faults: Sequence[Fault] = ()) -> Iterator[FaultyRelay]:
    """A relay to a server of this machine, on a port of its own; a connection is one request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = FaultyRelay(int(listener.getsockname()[1]), list(faults))
        threads: list[threading.Thread] = []
        accepting = threading.Thread(target=_accept, args=(listener, relay, port, threads))
        accepting.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def _accept(
    listener: socket.socket, relay: FaultyRelay, port: int, threads: list[threading.Thread]
) -> None:
    with suppress(OSError):  # the listener was shut down
        while True:
            near = listener.accept()[0]
            threads.append(threading.Thread(target=_serve, args=(near, relay, port)))
            threads[-1].start()


def _serve(near: socket.socket, relay: FaultyRelay, port: int) -> None:
    with near, suppress(OSError):  # either end may hang up
        head, body = _read_head(near)
        if not head:
            return
        fault = relay.fault_of(head.partition(b"\r\n")[0])
        if fault is not None and not fault.heard:
            _read_rest(near, head, body)
            near.sendall(fault.answer)
            return
        with socket.create_connection(("127.0.0.1", port)) as far:
            far.sendall(_ALIVE.sub(b"", head) + b"\r\nConnection: close" + _HEAD_END + body)
            for piece in _pieces(near, _length(head) - len(body)):
                far.sendall(piece)
            _pass_back(far, near, fault)


def _pass_back(far: socket.socket, near: socket.socket, fault: Fault | None) -> None:
    left = None if fault is None else fault.passed
    while data := far.recv(_PIECE):
        if left is None:
            near.sendall(data)
        elif left:
            near.sendall(data[:left])
            left -= len(data[:left])


def _read_head(near: socket.socket) -> tuple[bytes, bytes]:
    said = b""
    while _HEAD_END not in said:
        data = near.recv(_PIECE)
        if not data:
            return b"", b""
        said += data
    head, _, body = said.partition(_HEAD_END)
    return head, body


def _length(head: bytes) -> int:
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0


def _read_rest(near: socket.socket, head: bytes, body: bytes) -> None:
    for _ in _pieces(near, _length(head) - len(body)):
        pass


def _pieces(near: socket.socket, left: int) -> Iterator[bytes]:
    while left > 0 and (data := near.recv(min(left, _PIECE))):
        left -= len(data)
        yield data
