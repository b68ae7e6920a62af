"""The first two messages of a client: how it wants to speak, and who it is."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

ENCRYPTED, NOT_ENCRYPTED = 1, 2
_ENCRYPTION = 1
_END = 0xFF
_VERSION = bytes([16, 0, 0x10, 0x00, 0, 0])


@dataclass(frozen=True)
class Login:
    """Who wants in."""

    host: str
    user: str
    password: str = field(repr=False)
    program: str = ""
    database: str = ""
    packet_size: int = 4096
    features: bool = False  # whether it waits for a list of features


def wants_encryption(prelogin: bytes) -> bool:
    """Whether the client asks for all of the connection to be encrypted."""
    at = 0
    while prelogin[at] != _END:
        token, start, length = struct.unpack_from(">BHH", prelogin, at)
        if token == _ENCRYPTION and length:
            return prelogin[start] in {1, 3}
        at += 5
    return False


def prelogin_answer(*, encrypted: bool) -> bytes:
    """What the server is, and whether it will encrypt."""
    options = [_VERSION, bytes([ENCRYPTED if encrypted else NOT_ENCRYPTED]), b"\0", b"", b"\0"]
    head, body = b"", b""
    start = 5 * len(options) + 1
    for token, value in enumerate(options):
        head += struct.pack(">BHH", token, start + len(body), len(value))
        body += value
    return head + bytes([_END]) + body


def read_login(message: bytes) -> Login:
    """The login in a LOGIN7 message."""
    return Login(
        host=_text(message, 0),
        user=_text(message, 1),
        password=_plain(_field(message, 2)).decode("utf-16-le"),
        program=_text(message, 3),
        database=_text(message, 8),
        packet_size=min(max(struct.unpack_from("<I", message, 8)[0] or 4096, 512), 32767),
        features=bool(message[27] & 0x10),
    )


def _field(message: bytes, number: int) -> bytes:
    start, length = struct.unpack_from("<HH", message, 36 + 4 * number)
    return message[start : start + 2 * length]


def _text(message: bytes, number: int) -> str:
    return _field(message, number).decode("utf-16-le")


def _plain(scrambled: bytes) -> bytes:
    """Undo what clients do to passwords: XOR, then halves of each byte swapped."""
    mixed = (byte ^ 0xA5 for byte in scrambled)
    return bytes((byte >> 4 | byte << 4) & 0xFF for byte in mixed)
