"""The connectors of a project: what each is for, and whether it would work now."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from lume_dagster.connectors.protocol import (
    Column,
    DatabaseSource,
    Delivery,
    StoreSource,
    TableReader,
    Target,
    Testable,
)
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.errors import (
    ConnectorError,
    InvalidRequestError,
    LumeError,
    TransientError,
    did_you_mean,
)
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import Flow
from lume_dagster.orchestration.project import Project

#: What a connector can be, by the protocol it has the methods of.
_ROLES: Mapping[str, type] = {
    "files": StoreSource,
    "queries": DatabaseSource,
    "target": Target,
    "IO manager": TableReader,
}


@dataclass(frozen=True, slots=True)
class Connection:
    """A connector under the name that flows give it."""

    name: str
    connector: object
    flows: tuple[Flow, ...]  # the drafts and active versions that name it

    @property
    def kind(self) -> str:
        """The kind of system."""
        return str(getattr(self.connector, "kind", type(self.connector).__name__))

    @property
    def roles(self) -> tuple[str, ...]:
        """What it can be used as."""
        return tuple(r for r, protocol in _ROLES.items() if isinstance(self.connector, protocol))


def connections(project: Project) -> tuple[Connection, ...]:
    """The connectors of a project, in the order they are written down."""
    flows = [draft.flow for draft in Library(project.workspace.flows).load_all().drafts]
    return tuple(
        Connection(name, connector, tuple(flow for flow in flows if _names(flow, name)))
        for name, connector in (project.definitions.resources or {}).items()
        if any(isinstance(connector, protocol) for protocol in _ROLES.values())
    )


def connection(project: Project, name: str) -> Connection:
    """The connector of that name.

    Raises:
        InvalidRequestError: there is none.
    """
    found = {one.name: one for one in connections(project)}
    if name not in found:
        raise InvalidRequestError(
            f"There is no connector {name!r}.",
            hint=f"definitions.py names the connectors; {did_you_mean(name, found)}",
        )
    return found[name]


def try_out(one: Connection, seconds: float) -> Iterator[str]:
    """A sentence for each thing that works: the connector itself, then each flow's table.

    Raises:
        LumeError: the first thing that does not work; TransientError when it takes too long.
    """
    said: SimpleQueue[str | LumeError | None] = SimpleQueue()
    # The thread is given up with the process: no client can be stopped from outside.
    threading.Thread(target=_ask, args=(one, said), daemon=True).start()
    end = time.monotonic() + seconds
    while True:
        try:
            answer = said.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            raise TransientError(
                f"The connector {one.name!r} did not answer within {seconds:g} seconds.",
                hint="check its host and the network between, or give it more time.",
            ) from None
        if answer is None:
            return
        if isinstance(answer, LumeError):
            raise answer
        yield answer


def _ask(one: Connection, said: SimpleQueue[str | LumeError | None]) -> None:
    """Put what the connector says into the queue, whatever happens; no secret goes there."""
    try:
        for sentence in _sentences(one):
            said.put(_clean(one.connector, sentence))
    except LumeError as error:
        error.message = _clean(one.connector, error.message)
        said.put(error)
    except Exception as error:  # noqa: BLE001 - the thread's door: it becomes a sentence
        told = _clean(one.connector, f"{type(error).__name__}: {error}")
        said.put(ConnectorError(f"The connector {one.name!r} failed in its own test: {told}"))
    else:
        said.put(None)


def _sentences(one: Connection) -> Iterator[str]:
    if isinstance(one.connector, Testable):
        yield from one.connector.test()
    for flow in one.flows:
        if flow.target.connector == one.name and isinstance(one.connector, Target):
            one.connector.check(_nothing_for(flow))
            yield f"The flow {flow.flow} may write into {flow.target.table}."


def _nothing_for(flow: Flow) -> Delivery:
    """A delivery that asks whether the flow's rows could be written; it has none."""
    columns: Sequence[Column] = [
        Column(f.name, f.column_type, nullable=False) for f in flow.target_schema.fields
    ]
    return Delivery(
        table=flow.target.table,
        columns=tuple(columns),
        key=flow.target.key,
        mode=flow.target.write,
        mapped=(),
        rejects=(),
        flow=flow.flow,
        version=1,
        source_path="connect test",
        run_id="connect_test",
        format=flow.target.format,
    )


def _clean(connector: object, text: str) -> str:
    return connector.without_secrets(text) if isinstance(connector, ConnectorResource) else text


def _names(flow: Flow, name: str) -> bool:
    return name in {flow.source.connector, flow.target.connector}
