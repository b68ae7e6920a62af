"""The few things that are done with a bucket, each refused in a sentence where it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, cast

from lume_dagster.connectors.object_store.refusals import Where, sentences

_MIB = 1 << 20
_PAGE = 1000
#: Uploads hold ``_WORKERS`` parts in memory; S3 takes at most 10,000 parts of one object.
_PART, _WORKERS, _MOST_PARTS = 16 * _MIB, 4, 9_000


class Meta(TypedDict):
    """What a store says of an object."""

    path: str
    size: int
    e_tag: str
    version: str | None
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket or container, and the client that speaks to it."""

    where: Where
    store: Any = field(repr=False)
    remove: Callable[[str], None] | None = None  # one object, where the client's way is not fit

    def uri(self, key: str) -> str:
        """A key as people write it."""
        return f"{self.where.uri}/{key}"

    def head(self, key: str) -> Meta | None:
        """What is known of an object; None where there is none."""
        import obstore

        try:
            with sentences(self.where, "read", key):
                return cast("Meta", obstore.head(self.store, key))
        except FileNotFoundError:
            return None

    def below(self, folder: str) -> Iterator[Meta]:
        """All objects below a folder, page by page."""
        import obstore

        with sentences(self.where, "list", folder):
            for page in obstore.list(self.store, folder or None, chunk_size=_PAGE):
                yield from cast("list[Meta]", page)

    def inside(self, folder: str) -> tuple[list[Meta], list[str]]:
        """The objects and the folders of one folder, not what is below those."""
        import obstore

        with sentences(self.where, "list", folder):
            found = obstore.list_with_delimiter(self.store, folder or None)
        return cast("list[Meta]", list(found["objects"])), list(found["common_prefixes"])

    def read(self, key: str) -> tuple[bytes, str] | None:
        """A small object and its ETag; None where there is none."""
        import obstore

        try:
            with sentences(self.where, "read", key):
                answer = obstore.get(self.store, key)
                return bytes(answer.bytes()), str(answer.meta["e_tag"])
        except FileNotFoundError:
            return None

    def put_if(self, key: str, content: bytes, e_tag: str | None) -> None:
        """Write an object if it still has the ETag, or if there is none where that is None.

        Raises:
            ConflictError: somebody was quicker.
        """
        import obstore

        mode: Any = "create" if e_tag is None else {"e_tag": e_tag}
        with sentences(self.where, "write", key):
            obstore.put(self.store, key, content, mode=mode)

    def put(self, key: str, content: bytes) -> None:
        """Write a small object, whatever was there."""
        import obstore

        with sentences(self.where, "write", key):
            obstore.put(self.store, key, content)

    def upload(self, file: Path, key: str) -> str:
        """Copy a file of any size to a key; the ETag of the object."""
        import obstore

        part = max(_PART, file.stat().st_size // _MOST_PARTS)
        with sentences(self.where, "write", key):
            done = obstore.put(self.store, key, file, chunk_size=part, max_concurrency=_WORKERS)
        return str(done["e_tag"])

    def stream(self, key: str, e_tag: str, start: int, end: int) -> Iterator[memoryview]:
        """A range of an object in pieces, as long as it has that ETag.

        Raises:
            ConflictError: it has changed.
            FileNotFoundError: it is gone.
        """
        import obstore

        options: obstore.GetOptions = {"if_match": _quoted(e_tag)}
        if end > start:
            options["range"] = (start, end)
        with sentences(self.where, "read", key):
            answer = obstore.get(self.store, key, options=options)
            for piece in answer.stream(min_chunk_size=_MIB):
                yield memoryview(piece)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, whether they are there or not."""
        wanted = sorted(set(keys))
        if self.remove is not None:
            with ThreadPoolExecutor(_WORKERS, thread_name_prefix="remove") as pool:
                list(pool.map(self.remove, wanted))
            return
        try:
            self._delete(wanted)
        except FileNotFoundError:  # Azure says so, and may have stopped there
            for key in wanted:
                self._delete_one(key)

    def _delete(self, keys: Sequence[str]) -> None:
        import obstore

        if keys:
            with sentences(self.where, "delete", keys[0]):
                obstore.delete(self.store, keys)

    def _delete_one(self, key: str) -> None:
        try:
            self._delete([key])
        except FileNotFoundError:
            return


def _quoted(e_tag: str) -> str:
    """As a condition has it (RFC 9110); the listing of Azure gives ETags without their quotes."""
    return e_tag if e_tag.endswith('"') else f'"{e_tag}"'
