"""TDS packets over a socket, plain or through TLS that is negotiated inside of them."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass

BATCH, RPC, RESPONSE, ATTENTION, BULK, TRANSACTION, LOGIN, PRELOGIN = 1, 3, 4, 6, 7, 14, 16, 18
_LAST, _IGNORE = 0x01, 0x02
_READ = 1 << 18


class AbandonedError(Exception):
    """The client sent a part of a message and then took it back."""


@dataclass
class Message:
    """A message of the client: its kind, and its content as it arrives."""

    kind: int
    parts: Iterator[bytes]

    def whole(self) -> bytes:
        """The content, all of it."""
        return b"".join(self.parts)


class Wire:
    """One client's connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.packet_size = 4096
        self._socket = connection
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def receive(self) -> Message:
        """The next message.

        Raises:
            EOFError: the client is gone.
        """
        kind, last, body = self._packet()
        return Message(kind, self._parts(body, last=last))

    def send(self, data: bytes, kind: int = RESPONSE) -> None:
        """A message, in one piece."""
        self._write(data, kind, last=True)

    def send_part(self, data: bytes) -> bytes:
        """As many whole packets of a longer message as there are; returns what is left."""
        whole = len(data) - len(data) % (self.packet_size - 8)
        if whole:
            self._write(data[:whole], RESPONSE, last=False)
        return data[whole:]

    def wants_attention(self) -> bool:
        """Whether the client has spoken while it is being answered: it can only want us to stop."""
        return bool(self._buffer) or bool(select.select([self._socket], [], [], 0)[0])

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands, inside packets of the kind that asked for it."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send_pending()
                self._incoming.write(self.receive().whole())
                continue
            self._send_pending()
            self._tls = tls
            return

    def close(self) -> None:
        """End the connection, also while another thread waits for it."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the client was first
            return

    def _send_pending(self) -> None:
        pending = self._outgoing.read()
        if pending:
            self.send(pending, PRELOGIN)

    def _parts(self, body: bytes, *, last: int) -> Iterator[bytes]:
        yield body
        while not last & _LAST:
            _, last, body = self._packet()
            if last & _IGNORE:
                raise AbandonedError
            yield body

    def _packet(self) -> tuple[int, int, bytes]:
        kind, status, length = struct.unpack(">BBH", self._take(8)[:4])
        return kind, status, self._take(length - 8)

    def _write(self, data: bytes, kind: int, *, last: bool) -> None:
        room, out = self.packet_size - 8, bytearray()
        starts = range(0, max(len(data), 1), room)
        for number, start in enumerate(starts, 1):
            body = data[start : start + room]
            status = _LAST if last and start == starts[-1] else 0
            out += struct.pack(">BBHHBB", kind, status, len(body) + 8, 0, number & 255, 0) + body
        if self._tls is None:
            self._socket.sendall(out)
            return
        self._tls.write(out)
        self._socket.sendall(self._outgoing.read())

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self) -> None:
        if self._tls is not None:
            try:
                plain = self._tls.read(_READ)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                raise EOFError from None
            else:
                if not plain:  # the client has said that it is done
                    raise EOFError
                self._buffer += plain
                return
        received = self._socket.recv(_READ)
        if not received:
            raise EOFError
        if self._tls is None:
            self._buffer += received
        else:
            self._incoming.write(received)
