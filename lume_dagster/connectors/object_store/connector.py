"""A place in an object store as source and as target; each system adds how it is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr

from lume_dagster.connectors.batch_segment import batch_segment
from lume_dagster.connectors.file_table.batches import folder_parts, refuse_misfit
from lume_dagster.connectors.object_store.address import Address, key_below, parse_root
from lume_dagster.connectors.object_store.bucket import Bucket, Meta
from lume_dagster.connectors.object_store.current import (
    Part,
    current_files,
    fetch_current,
    rows_read_back,
)
from lume_dagster.connectors.object_store.download import fetch
from lume_dagster.connectors.object_store.find import find_objects
from lume_dagster.connectors.object_store.load import Limits, publish
from lume_dagster.connectors.object_store.probe import try_all, try_writing
from lume_dagster.connectors.object_store.table import ObjectTable
from lume_dagster.connectors.protocol import (
    Checkpoint,
    Delivery,
    Reading,
    Receipt,
    SourceObject,
)
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.errors import BatchError

if TYPE_CHECKING:
    import pyarrow as pa

_HOUR = 3600


class ObjectStoreConnector(ConnectorResource):
    """The objects below one URI.

    As a source, a ``source_path`` is the URI of an object, a folder or a glob, at or below
    ``root``, or a path relative to it. As a target, a table is a folder below ``root`` with a
    manifest that names its data.
    """

    #: What a root looks like, for errors.
    example_root: ClassVar[str]
    #: How the URIs of its objects begin.
    scheme: ClassVar[str]

    root: str
    memory_limit: str | None = None  # of the engine that writes files; None: what the format needs
    connect_timeout_seconds: int = 10
    request_timeout_seconds: int = 60
    max_attempts: int = 5
    commit_timeout_seconds: float = 120.0
    leftover_hours: float = 24.0

    _buckets: dict[int, Bucket] = PrivateAttr(default_factory=dict)

    def parse(self, uri: str) -> Address | None:
        """The bucket and key of a URI of this system; None where it is none."""
        raise NotImplementedError

    def open_bucket(self, name: str) -> Bucket:
        """A client for a bucket, as the fields say."""
        raise NotImplementedError

    def who(self) -> str:
        """As whom the store is asked, without secrets."""
        raise NotImplementedError

    def list_objects(self, source_path: str) -> Sequence[SourceObject]:
        """The objects that ``source_path`` names, in name order."""
        root, bucket = self._root, self._bucket
        key = key_below(root, source_path, self.parse, bucket.uri(root.key))
        return [_described(bucket, meta) for meta in find_objects(bucket, key)]

    def full_name(self, source_path: str) -> str:
        """The URI of an object, a folder or a glob."""
        root = self._root  # no client: a name needs no credentials
        place = f"{self.scheme}{root.bucket}"
        return f"{place}/{key_below(root, source_path, self.parse, f'{place}/{root.key}')}"

    def fetch(self, item: SourceObject, into: Path) -> Path:
        """Copy the object into a folder, refused when it is not the one that was listed."""
        root, bucket = self._root, self._bucket
        key = key_below(root, item.uri, self.parse, bucket.uri(root.key))
        e_tag = item.version.partition(" ")[0]
        return fetch(bucket, key, e_tag, item.size, into / batch_segment(item.uri))

    def check(self, delivery: Delivery) -> None:
        """Refuse an unknown format, a table of another shape, a place that cannot be written."""
        table = self._table(delivery.table)
        what = table.bucket.where.system.name
        refuse_misfit(table.uri, table.state().manifest.held(), delivery, what)
        try_writing(table.bucket, self._root.key)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Upload a batch's files and make them visible by one conditional put."""
        table = self._table(delivery.table)
        limits = Limits(
            memory=self.optional_text("memory_limit"),
            commit_seconds=self.commit_timeout_seconds,
            leftover_seconds=self.leftover_hours * _HOUR,
        )
        held = publish(table, delivery, limits, checkpoint)
        return Receipt(
            mapped_rows=held.mapped_rows,
            rejects_rows=held.rejects_rows,
            mapped_location=f"{table.uri}/{held.name}/mapped",
            rejects_location=f"{table.uri}/{held.name}/rejects",
        )

    def place(self) -> tuple[Bucket, str]:
        """The bucket, and the prefix of the root in it."""
        return self._bucket, self._root.key

    def below_root(self, uri: str) -> str | None:
        """The path of a URI below the root; None where it is elsewhere. Nobody is asked."""
        root, found = self._root, self.parse(uri)
        start = f"{root.key}/" if root.key else ""
        if found is None or found.bucket != root.bucket or not found.key.startswith(start):
            return None
        return found.key.removeprefix(start)

    def test(self) -> Iterator[str]:
        """List the root, and try to write there."""
        yield from try_all(self._bucket, self._root.key, self.who())

    def table_files(self, table: str, part: Part = "mapped") -> list[str]:
        """The URIs of the objects that hold a table's rows or rejects now."""
        found = self._table(table)
        files = current_files(found.state().manifest, part)
        return [found.bucket.uri(found.key(file.path)) for file in files]

    def fetch_table(self, table: str, into: Path, part: Part = "mapped") -> list[Path]:
        """Copy a table's rows or rejects, as they are now, into a folder; the files."""
        found, seconds = self._table(table), self.commit_timeout_seconds
        return fetch_current(found, into, lambda now: current_files(now, part), seconds)[1]

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, from copies of the objects that hold them now."""
        memory, seconds = self.optional_text("memory_limit"), self.commit_timeout_seconds
        with rows_read_back(self._table(reading.table), reading, memory, seconds) as reader:
            yield reader

    @property
    def _root(self) -> Address:
        return parse_root(self.text("root"), self.parse, self.example_root)

    @property
    def _bucket(self) -> Bucket:
        # A client's threads do not outlive a fork.
        if os.getpid() not in self._buckets:
            self._buckets[os.getpid()] = self.open_bucket(self._root.bucket)
        return self._buckets[os.getpid()]

    def _table(self, name: str) -> ObjectTable:
        folder = "/".join(part for part in (self._root.key, *folder_parts(name)))
        return ObjectTable(self._bucket, folder.lstrip("/"))

    def client_options(self, *, allow_http: bool, verify: bool = True) -> dict[str, Any]:
        """How long to wait, how often to try, and which connections are good enough."""
        from datetime import timedelta

        wait = timedelta(seconds=self.number("request_timeout_seconds"))
        return {
            "client_options": {
                "allow_http": allow_http,
                "allow_invalid_certificates": not verify,
                "connect_timeout": timedelta(seconds=self.number("connect_timeout_seconds")),
                "timeout": wait,
                "pool_idle_timeout": "20s",
            },
            "retry_config": {
                "max_retries": max(0, self.number("max_attempts") - 1),
                "retry_timeout": wait * 2,
            },
        }


def _described(bucket: Bucket, meta: Meta) -> SourceObject:
    if not meta["e_tag"]:
        raise BatchError(f"{bucket.uri(meta['path'])} has no ETag: its changes would go unnoticed.")
    version = " ".join(part for part in (meta["e_tag"], meta["version"]) if part)
    return SourceObject(uri=bucket.uri(meta["path"]), size=meta["size"], version=version)
