"""Where new batches of a flow turn up, and what is there now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lume_dagster.connectors.protocol import DatabaseSource, StoreSource
from lume_dagster.errors import ConnectorError, FlowError

#: A query is asked as a source query, which has to use ``:source_path``; this stands for no batch.
_ANY_BATCH = "*"
_LISTED = "SELECT * FROM (\n{query}\n) AS lume_batches WHERE :source_path <> ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """New batches of a flow: the files of a store, or the ids that a query lists.

    Attributes:
        flow: ``orders`` for its active version, whichever that is then, or ``orders:v2``.
        path: A folder, prefix or glob of the flow's source; each file in it is a batch.
        query: What lists batch ids in the flow's source database: its first column is the id. A
            second column, such as a time of change, tells two deliveries of one id apart.
        settle: Wait until a file has looked the same twice, as it may still be written.
        at_most: How many runs to ask for at once.
        backlog: How many runs of the flow may be waiting or running before more are asked for.
    """

    flow: str
    path: str | None = None
    query: str | None = None
    settle: bool = True
    at_most: int = 100
    backlog: int = 1000

    def __post_init__(self) -> None:
        """Refuse what cannot be watched."""
        if (self.path is None) == (self.query is None):
            raise FlowError(
                f"The arrivals of flow {self.flow} need a path or a query, and only one of them.",
                hint="path: for files of a store; query: for batches of a database.",
            )
        if self.at_most < 1 or self.backlog < 1:
            raise FlowError(
                f"The arrivals of flow {self.flow} allow {self.at_most} runs at once and a backlog"
                f" of {self.backlog}; nothing would ever run.",
                hint="both are at least 1.",
            )

    @property
    def place(self) -> str:
        """The path, or the query on one line."""
        return self.path if self.path is not None else " ".join((self.query or "").split())

    @property
    def name(self) -> str:
        """What tells this one from the others."""
        return f"{self.flow} {self.place}"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch that is there; ``version`` changes when it is delivered again."""

    source_path: str
    version: str


def arrived(connector: object, arrival: Arrival) -> Sequence[Arrived]:
    """All batches that are there now, in the order of their names or of the query.

    Raises:
        ConnectorError, BatchError: as the connector says.
        FlowError: the connector has no files, or no queries.
    """
    if isinstance(connector, StoreSource) and arrival.path is not None:
        return [Arrived(o.uri, o.version) for o in connector.list_objects(arrival.path)]
    if isinstance(connector, DatabaseSource) and arrival.query is not None:
        return listed(connector, arrival.query)
    raise unfit(connector, query=arrival.query is not None)


def can_list(connector: object, *, query: bool) -> bool:
    """Whether a connector answers queries; or, where none is asked, has files."""
    return isinstance(connector, DatabaseSource if query else StoreSource)


def listed(connector: DatabaseSource, query: str) -> Sequence[Arrived]:
    """The batches that a query lists."""
    bare = query.strip().rstrip(";")
    with connector.read(_LISTED.format(query=bare), _ANY_BATCH) as reader:
        table = reader.read_all()
    if table.num_columns not in (1, 2):
        raise ConnectorError(
            f"The query that lists batches has {table.num_columns} columns.",
            hint="the first is the batch id; a second changes when the batch is delivered again.",
        )
    ids, *versions = (column.to_pylist() for column in table.columns)
    told = versions[0] if versions else [""] * len(ids)
    return [Arrived(str(i), str(v)) for i, v in zip(ids, told, strict=True) if i is not None]


def unfit(connector: object, *, query: bool) -> FlowError:
    """What is wrong with asking a connector for what it cannot list."""
    kind = getattr(connector, "kind", type(connector).__name__)
    what = "answers no queries" if query else "has no files"
    hint = "give a path, or source_paths" if query else "give a query"
    return FlowError(f"A connector of the kind {kind} {what}.", hint=hint)
