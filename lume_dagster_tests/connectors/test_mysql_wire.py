"""Rows longer than a packet of MySQL's are put together in time that grows as they do."""

from __future__ import annotations

import io
import struct
import time
from types import SimpleNamespace

import pytest

from lume_dagster.connectors.mysql.wire import row_blocks

PACKET = 0xFFFFFF
END = b"\x05\0\0\0\xfe\0\0\0\0"


def sent(row):
    """A row as the server sends it, and the mark after the last one, in pieces of 64 KB."""
    parts = [row[start : start + PACKET] for start in range(0, len(row) + 1, PACKET)]
    heads = [struct.pack("<I", len(part)) for part in parts]
    wire = io.BytesIO(
        b"".join(part for pair in zip(heads, parts, strict=True) for part in pair) + END
    )
    return SimpleNamespace(_rfile=SimpleNamespace(read1=lambda size: wire.read(min(size, 1 << 16))))


@pytest.mark.parametrize("size", [10, PACKET - 1, PACKET, PACKET + 1, 3 * PACKET])
def test_a_row_of_any_length_is_put_together(size):
    row = b"\0" + bytes(range(1, 11)) * (size // 10)
    assert [
        block.data[slice(*pair)] for block in row_blocks(sent(row)) for pair in spans(block)
    ] == [row]


def spans(block):
    return zip(block.begins, block.ends, strict=True)


def test_a_long_row_costs_as_much_more_as_it_is_longer():
    """Sixteen times: not the square of it, which was a minute for 100 MB."""

    def seconds(megabytes):
        wire, begun = sent(b"\0" + b"x" * (megabytes << 20)), time.process_time()
        assert sum(len(block.data) for block in row_blocks(wire)) > megabytes << 20
        return time.process_time() - begun

    assert seconds(96) < 80 * max(seconds(6) for _ in range(3))
