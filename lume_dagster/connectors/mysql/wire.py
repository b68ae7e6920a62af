"""What PyMySQL has no call for: statements prepared by the server, and LOAD DATA from memory.

A prepared statement takes its values apart from its text and answers in the binary form, which is
exact and quick to turn into columns. LOAD DATA LOCAL asks the client for a file: here it is handed
what a function yields, and no file is ever opened. PyMySQL keeps the connection, its encryption
and its timeouts; the few of its inner names that are used stand in this module only.
"""

# ruff: noqa: SLF001 - as the text above says

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lume_dagster.errors import ConnectorError

_PREPARE, _EXECUTE, _QUERY = 0x16, 0x17, 0x03
_VAR_STRING = b"\xfd\x00"
_MOST_IN_PACKET = 0xFFFFFF
_BLOCK, _PIECE = 2 << 20, 256 << 10
_END = 0xFE
_LENGTH = struct.Struct("<I")
_LOST = (2013, "Lost connection to MySQL server during query")


@dataclass(frozen=True, slots=True)
class Written:
    """What the server says of a statement that wrote rows."""

    rows: int
    warnings: int


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that hold whole rows, and where each row begins and ends in them."""

    data: bytes
    begins: Sequence[int]
    ends: Sequence[int]


def wait_for_answers(connection: Any, seconds: int) -> None:
    """How long the server may be silent from now on."""
    connection._read_timeout = seconds


def execute_prepared(connection: Any, query: str, values: Sequence[str]) -> list[Any]:
    """Let the server prepare a query, bind the values, and run it; returns its fields.

    Raises:
        ConnectorError: the statement yields no rows, or has placeholders of its own.
    """
    from pymysql.protocol import FieldDescriptorPacket

    statement, columns = _prepare(connection, query, len(values))
    if not columns:
        raise ConnectorError(
            "The source query yields no rows.", hint="write a SELECT; a source only reads"
        )
    connection._execute_command(_EXECUTE, _execution(statement, values))
    count = connection._read_packet().read_length_encoded_integer()
    fields = [connection._read_packet(FieldDescriptorPacket) for _ in range(count)]
    connection._read_packet()  # the mark after the definitions
    return fields


def run_prepared(connection: Any, text: str, values: Sequence[str]) -> Written:
    """Let the server prepare a statement that writes, bind the values, and run it."""
    statement, _ = _prepare(connection, text, len(values))
    connection._execute_command(_EXECUTE, _execution(statement, values))
    return _written(connection._read_packet())


def _prepare(connection: Any, text: str, values: int) -> tuple[int, int]:
    """The server's number of a prepared statement, and how many columns it yields."""
    connection._execute_command(_PREPARE, text)
    answer = connection._read_packet().get_all_data()
    statement, columns, parameters = struct.unpack_from("<IHH", answer, 1)
    for count in (parameters, columns):
        _skip_definitions(connection, count)
    if parameters != values:
        raise ConnectorError(
            f"The query has {parameters - values} question marks that nothing is bound to.",
            hint="only :source_path has a value; write a question mark in quotes",
        )
    return statement, columns


def _skip_definitions(connection: Any, count: int) -> None:
    for _ in range(count + 1 if count else 0):
        connection._read_packet()


def _execution(statement: int, values: Sequence[str]) -> bytes:
    """The packet that binds texts to a statement and runs it, without a cursor on the server."""
    head = struct.pack("<IBI", statement, 0, 1)
    if not values:
        return head
    nulls = bytes((len(values) + 7) // 8)
    texts = [value.encode() for value in values]
    bound = b"".join(_length(len(text)) + text for text in texts)
    return head + nulls + b"\x01" + _VAR_STRING * len(values) + bound


def _length(number: int) -> bytes:
    """A length as the protocol writes it."""
    if number < 251:  # noqa: PLR2004
        return struct.pack("<B", number)
    if number < 1 << 16:
        return b"\xfc" + struct.pack("<H", number)
    return b"\xfe" + struct.pack("<Q", number)


def row_blocks(connection: Any) -> Iterator[Block]:
    """The rows of a running query as they come, about two megabytes at a time.

    Only the lengths of the packets are looked at here; the rows are not.
    """
    buffer, filled, at = bytearray(_BLOCK), 0, 0
    begins: list[int] = []
    ends: list[int] = []
    while True:
        at = _walk(buffer, at, filled, begins, ends)
        other = _whole_packet(buffer, at, filled)
        if begins and (other or at > len(buffer) // 2):
            yield Block(bytes(buffer[:at]), begins, ends)
            begins, ends = [], []
        if other:
            packet, end = other
            if packet[0]:
                _refuse_error(connection, packet)
                return
            yield Block(packet, [0], [len(packet)])
            at = end
            continue
        if at and not begins:
            buffer[: filled - at] = buffer[at:filled]
            filled, at = filled - at, 0
        if filled == len(buffer):
            buffer.extend(bytes(len(buffer)))
        filled += _receive(connection, buffer, filled)


def _receive(connection: Any, buffer: bytearray, filled: int) -> int:
    """Read what is there; at least a byte."""
    from pymysql.err import OperationalError

    try:
        came = connection._rfile.read1(min(len(buffer) - filled, _PIECE))
    except OSError as error:
        raise OperationalError(_LOST[0], f"{_LOST[1]} ({error})") from None
    if not came:
        raise OperationalError(*_LOST)
    buffer[filled : filled + len(came)] = came
    return len(came)


def _walk(buffer: bytearray, at: int, filled: int, begins: list[int], ends: list[int]) -> int:
    """Note where the whole rows lie from ``at`` on; returns where something else begins."""
    unpack = _LENGTH.unpack_from
    while at + 4 < filled:
        size = unpack(buffer, at)[0] & _MOST_IN_PACKET
        end = at + 4 + size
        if end > filled or buffer[at + 4] or size == _MOST_IN_PACKET:
            break
        begins.append(at + 4)
        ends.append(end)
        at = end
    return at


def _whole_packet(buffer: bytearray, at: int, filled: int) -> tuple[bytes, int] | None:
    """The packet at ``at``, joined of its parts where it is long, and its end; None: not yet.

    This is asked each time that a piece of it has come, so nothing is copied before all has.
    """
    spans = []
    while at + 4 <= filled:
        size = _LENGTH.unpack_from(buffer, at)[0] & _MOST_IN_PACKET
        end = at + 4 + size
        if end > filled:
            return None
        spans.append(slice(at + 4, end))
        at = end
        if size < _MOST_IN_PACKET:
            return b"".join(buffer[span] for span in spans), at
    return None


def _refuse_error(connection: Any, packet: bytes) -> None:
    """Raise the server's error; the mark after the last row is none."""
    from pymysql.protocol import MysqlPacket

    if packet[0] != _END:
        MysqlPacket(packet, connection.encoding).raise_for_error()


def load_local(connection: Any, statement: str, data: Iterable[memoryview]) -> Written:
    """Run LOAD DATA LOCAL and hand it ``data``, whatever file it asks for.

    When ``data`` raises, the connection is closed: the server forgets what it was sent.
    """
    connection._execute_command(_QUERY, statement)
    answer = connection._read_packet()
    if not answer.is_load_local_packet():
        return _written(answer)
    try:
        for piece in data:
            for start in range(0, len(piece), _PIECE):
                connection.write_packet(bytes(piece[start : start + _PIECE]))
    except BaseException:
        connection._force_close()
        raise
    connection.write_packet(b"")
    return _written(connection._read_packet())


def run_written(connection: Any, statement: bytes) -> Written:
    """Run a statement that was put together as bytes."""
    connection._execute_command(_QUERY, statement)
    return _written(connection._read_packet())


def _written(answer: Any) -> Written:
    from pymysql.protocol import OKPacketWrapper

    said = OKPacketWrapper(answer)
    return Written(int(said.affected_rows), int(said.warning_count))
