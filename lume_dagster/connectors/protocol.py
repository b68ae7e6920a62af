"""What a connector is: the two protocols, and the plain values that pass through them.

A connector knows data, not flows. A store (S3, a folder) lists and fetches files; a database
reads a query as Arrow. Either may also be a target: it is handed Parquet files and told in which
table, by which mode and for which batch, and it makes them visible at once or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import pyarrow as pa

WriteMode = Literal["replace_batch", "append", "merge", "replace"]


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One object a ``source_path`` stands for, with what tells two deliveries of it apart."""

    uri: str
    size: int  # bytes
    version: str  # ETag, or modification time and size


@runtime_checkable
class StoreSource(Protocol):
    """A store of files, read by URI, folder or glob."""

    kind: ClassVar[str]

    def list_objects(self, source_path: str) -> Sequence[SourceObject]:
        """The objects that ``source_path`` names, in name order; BatchError when there is none."""
        ...

    def fetch(self, item: SourceObject, into: Path) -> Path:
        """The object as a local file: its own path where it is local, else copied to ``into``.

        Several objects of a batch are fetched at once, each in a thread.
        """
        ...


@runtime_checkable
class NamingSource(Protocol):
    """A source that knows one name for all the ways in which people write what they mean."""

    def full_name(self, source_path: str) -> str:
        """The absolute URI of what is named, whether or not it is there; the same for itself.

        Raises:
            BatchError: it cannot be a name here.
        """
        ...


@runtime_checkable
class DatabaseSource(Protocol):
    """A database, read by a query in which ``:source_path`` is bound, never pasted."""

    kind: ClassVar[str]

    def read(self, query: str, source_path: str) -> AbstractContextManager[pa.RecordBatchReader]:
        """The query's rows as a stream of Arrow batches; the connection closes with the context."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the mapped table.

    ``type`` is one of string, integer (64 bit), number (double), decimal(P,S), boolean, date,
    timestamp (microseconds, no zone), time, uuid, json (nested objects and arrays).
    """

    name: str
    type: str
    nullable: bool = True
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One batch on its way into a target.

    ``mapped`` and ``rejects`` are Parquet files. ``mapped`` holds ``columns`` and ``_lume_row``;
    nested columns are Arrow structs and lists, stored as JSON where the system has no such type.
    ``rejects`` holds ``_lume_row``, ``_lume_file``, ``_lume_file_row``, ``original`` (a JSON
    object) and ``errors`` (a list of structs field, code, message, value). The target adds
    ``_lume_run_id`` and ``_lume_source_path`` to both.

    The scope in which earlier rows are replaced is (flow, source_path) for ``replace_batch`` and
    for rejects, (flow, version, source_path) for ``append``, the key for ``merge``, and all for
    ``replace``.
    """

    table: str  # as the flow wrote it: parts separated by dots
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    mode: WriteMode
    mapped: tuple[Path, ...]
    rejects: tuple[Path, ...]
    flow: str
    version: int
    source_path: str
    run_id: str
    format: str = "parquet"  # how a store writes it: parquet, csv or jsonl


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a target now holds of a batch."""

    mapped_rows: int
    rejects_rows: int
    mapped_location: str  # a qualified table name or a URI, without credentials
    rejects_location: str
    table_rows: int | None = None  # rows in the whole table, where that is cheap to know


#: Called with a name at each step of a delivery; fault tests kill the process there.
Checkpoint = Callable[[str], None]


@runtime_checkable
class Target(Protocol):
    """A system that takes batches, each exactly once however often it is retried."""

    kind: ClassVar[str]

    def check(self, delivery: Delivery) -> None:
        """Refuse what cannot be delivered, before anything is written.

        Raises:
            ConnectorError: no connection, no rights, or a table of another shape, and in what.
        """
        ...

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Make the batch visible in one step, or change nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Which mapped rows of a table are wanted back: what one flow delivered, of which batches."""

    table: str
    flow: str
    source_paths: tuple[str, ...] | None = None  # None: of every batch
    columns: tuple[str, ...] | None = None  # None: all


@runtime_checkable
class TableReader(Protocol):
    """A target whose rows can be read back."""

    kind: ClassVar[str]

    def read_table(self, reading: Reading) -> AbstractContextManager[pa.RecordBatchReader]:
        """The columns and ``_lume_source_path``, in the order of the batches and their rows.

        Types may be the system's: the reader of a uuid or a JSON value takes text too. What the
        reader holds, it holds until the context ends.
        """
        ...


@runtime_checkable
class ManyTarget(Target, Protocol):
    """A target that takes many small batches in less time than one after the other."""

    def deliver_many(
        self, deliveries: Sequence[Delivery], checkpoint: Checkpoint = lambda _: None
    ) -> Sequence[Receipt]:
        """Make all batches visible in one step, or change nothing.

        The deliveries are of one run of one flow version and differ in ``source_path`` and files.
        The target then holds what it would hold had they been delivered one by one in their order;
        the receipts are in that order too.
        """
        ...


@runtime_checkable
class Testable(Protocol):
    """A connector that can say whether it would work."""

    def test(self) -> Iterator[str]:
        """A sentence for each thing that works; ConnectorError for the first that does not."""
        ...
