"""The tokens of a TDS response: errors, changes of the environment, ends of statements."""

from __future__ import annotations

import struct

from lume_dagster_tests.servers.sqlserver.faults import SqlError

DONE, DONE_PROC, DONE_IN_PROC = 0xFD, 0xFE, 0xFF
MORE, FAULT, COUNT, ATTENTION = 0x01, 0x02, 0x10, 0x20
SELECT, INSERT, BULK = 0xC1, 0xC3, 0xF0

#: SQL_Latin1_General_CP1_CI_AS, as it travels.
COLLATION = bytes([0x09, 0x04, 0xD0, 0x00, 0x34])
_NAME = "STAND-IN"
_VERSION = bytes([16, 0, 0x10, 0x00])
_TDS_74 = b"\x74\x00\x00\x04"


def short_text(text: str) -> bytes:
    """A text with its length in one byte."""
    data = text.encode("utf-16-le")
    return bytes([len(data) // 2]) + data


def long_text(text: str) -> bytes:
    """A text with its length in two bytes."""
    data = text.encode("utf-16-le")
    return struct.pack("<H", len(data) // 2) + data


def _sized(token: int, body: bytes) -> bytes:
    return bytes([token]) + struct.pack("<H", len(body)) + body


def done(status: int = 0, rows: int = 0, *, token: int = DONE, command: int = SELECT) -> bytes:
    """The end of a statement."""
    return struct.pack("<BHHQ", token, status, command, rows)


def error(fault: SqlError) -> bytes:
    """An error."""
    head = struct.pack("<iBB", fault.number, 1, fault.severity)
    text = long_text(fault.message) + short_text(_NAME) + short_text("")
    return _sized(0xAA, head + text + struct.pack("<i", 1))


def failed(fault: SqlError, *, token: int = DONE) -> bytes:
    """An error, and the end of everything that was asked."""
    return error(fault) + done(FAULT, token=token)


def changed(kind: int, new: bytes, old: bytes) -> bytes:
    """A change of the environment."""
    return _sized(0xE3, bytes([kind]) + new + old)


def text_changed(kind: int, new: str, old: str) -> bytes:
    """A change of the environment that is a text."""
    return changed(kind, short_text(new), short_text(old))


def transaction_changed(kind: int, new: bytes, old: bytes) -> bytes:
    """A transaction began (8), was committed (9) or rolled back (10)."""
    return changed(kind, bytes([len(new)]) + new, bytes([len(old)]) + old)


def welcome(database: str, packet_size: int, *, features: bool) -> bytes:
    """The answer to a login that is let in."""
    acknowledged = bytes([1]) + _TDS_74 + short_text("Microsoft SQL Server") + _VERSION
    return b"".join(
        [
            text_changed(1, database, "master"),
            changed(7, bytes([len(COLLATION)]) + COLLATION, b"\0"),
            text_changed(2, "us_english", ""),
            _sized(0xAD, acknowledged),
            text_changed(4, str(packet_size), "4096"),
            b"\xae\xff" if features else b"",
            done(),
        ]
    )


def returned(status: int = 0) -> bytes:
    """What a procedure returned."""
    return b"\x79" + struct.pack("<i", status)


def handle(number: int) -> bytes:
    """The number of a prepared statement, as a procedure's output."""
    head = b"\xac" + struct.pack("<H", 0) + short_text("") + b"\x01" + struct.pack("<IH", 0, 0)
    return head + b"\x26\x04\x04" + struct.pack("<i", number)
