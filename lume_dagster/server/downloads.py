"""What a run left, on its way to a caller: made file by file, sent as it is made, and removed."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Annotated, Any, Literal, cast

import anyio
from fastapi import Query, Response
from starlette.concurrency import run_in_threadpool

from lume_dagster.orchestration.query import batch_of, read_details
from lume_dagster.runs.output import HandedOut, Part, handed_out, part_files
from lume_dagster.runs.rejects import save_rejects
from lume_dagster.server.door import Message, Receive, Send
from lume_dagster.server.paging import Text
from lume_dagster.server.runs import require_id
from lume_dagster.server.site import Site, TheSite

_PIECE = 1 << 18  # bytes that are read, and sent, at once
_ENDINGS = {"csv": "csv", "json": "jsonl"}
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/jsonl"}

Form = Annotated[Literal["csv", "json"], Query(alias="format", description="CSV, or JSON Lines.")]
Parts = Annotated[
    list[Literal["mapped", "rejects", "documents"]],
    Query(alias="part", description="Repeatable; all when none is named."),
]


async def get_output(
    site: TheSite,
    run_id: str,
    parts: Parts = [],  # noqa: B006 - FastAPI copies it
    output_format: Form = "csv",
) -> Response:
    """What the run left, as a zip with the tree that `download_all` makes."""
    require_id(run_id)
    wanted = frozenset(parts) or frozenset({"mapped", "rejects", "documents"})
    rows: tuple[Part, ...] = tuple(p for p in ("mapped", "rejects") if p in wanted)

    def pieces(folder: Path) -> Iterator[bytes]:
        root = read_details(site.instance, run_id, site.project.workspace.depot).output_root
        files = handed_out(
            root,
            output_format=output_format,
            parts=rows,
            documents="documents" in wanted,
            run_id=run_id,
        )
        return zipped(files, folder)

    return await _streamed(site, pieces, "application/zip", f"{run_id}.zip")


async def get_rejects(
    site: TheSite,
    run_id: str,
    output_format: Form = "csv",
    code: Text = None,
    field: Text = None,
    source_path: Text = None,
) -> Response:
    """The rejects of a batch as one file, to be repaired and resubmitted."""
    require_id(run_id)

    def pieces(folder: Path) -> Iterator[bytes]:
        details = read_details(site.instance, run_id, site.project.workspace.depot)
        _, output = batch_of(details, source_path)
        file = folder / f"rejects.{_ENDINGS[output_format]}"
        found = part_files(output, "rejects")
        save_rejects(found, file, run_id=run_id, code=code, field=field)
        return _read(file)

    name = f"{run_id}-rejects.{_ENDINGS[output_format]}"
    return await _streamed(site, pieces, _TYPES[output_format], name)


def zipped(files: Sequence[HandedOut], folder: Path) -> Iterator[bytes]:
    """An archive of the files in pieces; of the files themselves, one is on the disk at a time."""
    sent = _Sent()
    with zipfile.ZipFile(
        cast("IO[bytes]", sent), "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as archive:
        for file in files:
            path = folder / file.place.name
            file.write(path)
            told = zipfile.ZipInfo.from_file(path, file.place.as_posix())
            told.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(told, "w") as entry:
                for piece in _read(path):
                    entry.write(piece)
                    yield sent.take()
            path.unlink()
    yield sent.take()


class _Sent(io.RawIOBase):
    """What ``zipfile`` writes to, once and in order: it holds the bytes until they are taken."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()

    def writable(self) -> bool:
        """It is there for nothing else."""
        return True

    def write(self, data: Any, /) -> int:
        """Hold some bytes."""
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        """Let them go."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def _read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as reader:
        while piece := reader.read(_PIECE):
            yield piece


async def _streamed(
    site: Site, pieces: Callable[[Path], Iterator[bytes]], media_type: str, name: str
) -> Response:
    """The answer, once its first piece is made: what can go wrong mostly goes wrong before."""
    folder = await run_in_threadpool(site.new_folder)
    try:
        made = await run_in_threadpool(pieces, folder)
        first = await run_in_threadpool(next, made, b"")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return _Streamed(first, made, folder, media_type=media_type, headers=headers)


class _Streamed(Response):
    """Pieces that a thread makes; when the last is sent, or nobody listens, their folder goes."""

    def __init__(
        self,
        first: bytes,
        rest: Iterator[bytes],
        folder: Path,
        *,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]  # nobody knows it yet
        self._first, self._rest, self._folder = first, rest, folder

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Send the pieces, as long as somebody takes them."""
        del scope
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_cancel_when_gone, receive, group.cancel_scope)
                await self._send(send)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._clear)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        piece: bytes | None = self._first
        while piece is not None:
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await run_in_threadpool(next, self._rest, None)
        await send({"type": "http.response.body", "body": b""})

    def _clear(self) -> None:
        close = getattr(self._rest, "close", None)
        if close is not None:  # a generator
            close()
        shutil.rmtree(self._folder, ignore_errors=True)


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
