"""A body that is written to a file as it comes, up to the size that it may have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from lume_dagster.server.bodies import too_large

_PIECE = 1 << 20  # bytes that are written at once


@dataclass(frozen=True, slots=True)
class Received:
    """What has come."""

    bytes: int
    digest: str  # SHA-256


async def receive(request: Request, file: Path, largest: int) -> Received:
    """Write the body to a file.

    Raises:
        Refused: it is larger than it may be.
        ClientDisconnect: the connection broke before its end.
    """
    declared = request.headers.get("content-length")
    if declared is not None and int(declared) > largest:
        too_large(largest)
    digest, size, waiting = hashlib.sha256(), 0, bytearray()
    with file.open("wb") as writer:

        def write(piece: bytes) -> None:
            digest.update(piece)
            writer.write(piece)

        async for chunk in request.stream():
            waiting += chunk
            size += len(chunk)
            if size > largest:
                too_large(largest)
            if len(waiting) >= _PIECE:
                await run_in_threadpool(write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(write, bytes(waiting))
    if declared is not None and size != int(declared):
        raise ClientDisconnect
    return Received(size, digest.hexdigest())
