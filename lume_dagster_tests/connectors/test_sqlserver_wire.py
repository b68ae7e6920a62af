"""The stand-in for SQL Server lets go of a client that is done."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading

import pytest

from lume_dagster_tests.servers.certificate import tls_context
from lume_dagster_tests.servers.sqlserver.wire import PRELOGIN, Wire


def packed(data: bytes) -> bytes:
    return struct.pack(">BBHHBB", PRELOGIN, 1, len(data) + 8, 0, 1, 0) + data


def shake_hands_and_leave(client: socket.socket) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls = context.wrap_bio(incoming, outgoing)
    with client.makefile("rb") as stream:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                client.sendall(packed(outgoing.read()))
                (length,) = struct.unpack(">2xH4x", stream.read(8))
                incoming.write(stream.read(length - 8))
                continue
            break
    if rest := outgoing.read():
        client.sendall(packed(rest))
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.unwrap()
    client.sendall(outgoing.read())


def test_a_client_that_says_goodbye_but_keeps_its_socket_is_gone():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    with client, accepted:
        leaving = threading.Thread(target=shake_hands_and_leave, args=(client,))
        leaving.start()
        wire = Wire(accepted)
        wire.start_tls(tls_context())
        with pytest.raises(EOFError, match="^$"):
            wire.receive()
        leaving.join()
