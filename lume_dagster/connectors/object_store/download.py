"""Copy an object to a local file: streamed, big ones in parallel, and never two versions mixed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from lume_dagster.connectors.object_store.bucket import Bucket
from lume_dagster.connectors.object_store.refusals import ConflictError
from lume_dagster.errors import BatchError, EngineError, TransientError

_MIB = 1 << 20
_STREAM, _STREAMS = 32 * _MIB, 6  # a stream is worth a request of its own from here on


def download(bucket: Bucket, key: str, e_tag: str, size: int, into: Path) -> Path:
    """The object with that ETag as a file.

    Raises:
        ConflictError: it has changed since it was looked at.
        FileNotFoundError: it is gone.
    """
    count = max(1, min(_STREAMS, size // _STREAM))
    edges = [size * n // count for n in range(count + 1)]
    try:
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _no_room(into, error) from error
    try:
        with ThreadPoolExecutor(count, thread_name_prefix="fetch") as pool:
            parts = [
                pool.submit(_copy, bucket, key, e_tag, span, handle) for span in pairwise(edges)
            ]
            for part in parts:
                part.result()
    finally:
        os.close(handle)
    return into


def fetch(bucket: Bucket, key: str, e_tag: str, size: int, into: Path) -> Path:
    """Like ``download``, for an object of a batch: what happened to it is told in a sentence."""
    try:
        return download(bucket, key, e_tag, size, into)
    except (ConflictError, FileNotFoundError):
        if bucket.head(key) is None:
            raise BatchError(
                f"{bucket.uri(key)} was there when the batch was listed, and is gone.",
                hint="run again; an object whose name ends with a slash cannot be read: rename it",
            ) from None
        raise BatchError(
            f"{bucket.uri(key)} has changed since the batch was listed.",
            hint="run again when the object is complete",
        ) from None


def _copy(bucket: Bucket, key: str, e_tag: str, span: tuple[int, int], handle: int) -> None:
    at, end = span
    for piece in bucket.stream(key, e_tag, at, end):
        at += _write(piece, handle, at)
    if at != end:
        raise TransientError(f"{bucket.uri(key)} ended {end - at:,} bytes too early.")


def _write(piece: memoryview, handle: int, at: int) -> int:
    done = 0
    try:
        while done < len(piece):
            done += os.pwrite(handle, piece[done:], at + done)
    except OSError as error:
        raise _no_room(handle, error) from error
    return done


def _no_room(into: Path | int, error: OSError) -> EngineError:
    where = into if isinstance(into, Path) else "this machine's disk"
    return EngineError(
        f"A fetched object could not be written to {where}: {error.strerror or error}",
        hint="check the space and the state of the disk",
    )
