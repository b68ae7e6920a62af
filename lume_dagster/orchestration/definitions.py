"""Build the Dagster definitions of a library of flows and its connectors."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from lume_dagster.errors import FlowError, did_you_mean
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import names
from lume_dagster.orchestration.arrival import Arrival
from lume_dagster.orchestration.arrival_sensor import Watch, arrival_sensor
from lume_dagster.orchestration.assets import version_assets
from lume_dagster.orchestration.batch_schedule import BatchSchedule, batch_schedule
from lume_dagster.orchestration.io_manager import BatchIOManager
from lume_dagster.orchestration.translator import LumeTranslator, Placed, place
from lume_dagster.orchestration.webhooks.endpoint import Webhook
from lume_dagster.orchestration.webhooks.sensor import webhook_sensor
from lume_dagster.orchestration.workspace import OpenEngine, Workspace, open_duckdb


@dataclass(frozen=True, slots=True)
class _Load:
    """How a ``definitions.py`` is being loaded: from where, and for which versions."""

    folder: Path
    versions: frozenset[str]


_load: ContextVar[_Load | None] = ContextVar("lume_load", default=None)


@contextmanager
def loading(folder: Path, versions: Sequence[str]) -> Iterator[None]:
    """Within the block, ``build_definitions`` builds the assets of these versions only.

    A run's own process needs one version, and a thousand take seconds. Relative paths are taken
    from ``folder``, which is the working folder when Dagster loads the file itself.
    """
    token = _load.set(_Load(folder, frozenset(versions)))
    try:
        yield
    finally:
        _load.reset(token)


def build_definitions(  # noqa: PLR0913 - the settings of a code location, all but two by name
    flows: str | Path,
    connectors: Mapping[str, object],
    *,
    data: str | Path | None = None,
    prefix: str = "lume",
    memory_limit: str = "2GB",
    threads: int | None = None,
    open_engine: OpenEngine = open_duckdb,
    retry_waits: Sequence[float] = (1.0, 5.0),
    arrivals: Sequence[Arrival] = (),
    schedules: Sequence[BatchSchedule] = (),
    webhooks: Sequence[Webhook] = (),
    translator: LumeTranslator | None = None,
    assets: Sequence[Any] = (),
    resources: Mapping[str, object] | None = None,
) -> dg.Definitions:
    """The published versions of every flow in a folder, as Dagster assets.

    Args:
        flows: The library: a folder with a folder for each flow.
        connectors: What the flows' connector names stand for.
        data: Where staging and output lie; ``.lume`` beside the library when not said.
        prefix: The first part of every asset key.
        memory_limit: What the engine may use before it spills to disk.
        threads: The engine's threads; all there are when not said.
        open_engine: Another engine than DuckDB.
        retry_waits: Seconds to wait before trying again what a connector says may pass.
        arrivals: Where new batches turn up; one sensor runs each when it has arrived.
        schedules: Batches to run at set times.
        webhooks: Whom to tell how runs ended.
        translator: What assets are called and how they are shown.
        assets: Assets of your own, such as those that take the rows of a batch.
        resources: Resources of your own.

    Raises:
        FlowError: a version that was changed, or that names a connector that is not there.
    """
    folder = _absolute(flows)
    workspace = Workspace(
        flows=folder,
        data=folder.parent / ".lume" if data is None else _absolute(data),
        prefix=prefix,
        memory_limit=memory_limit,
        threads=threads,
        open_engine=open_engine,
        retry_waits=tuple(retry_waits),
        webhooks=_distinct(webhooks),
    )
    placed = _placed(_versions(folder), prefix, connectors, translator)
    return dg.Definitions(
        assets=[*map(_assets_of, placed), *assets],
        sensors=_sensors(workspace, placed, arrivals),
        schedules=_schedules(workspace, placed, schedules),
        resources={
            **(resources or {}),
            **connectors,
            names.WORKSPACE_RESOURCE: workspace,
            names.IO_MANAGER: BatchIOManager(),
        },
        executor=dg.in_process_executor,
    )


def _absolute(path: str | Path) -> Path:
    load = _load.get()
    return (Path.cwd() if load is None else load.folder) / path


def _versions(folder: Path) -> Sequence[FlowVersion]:
    """The published versions; a flow without one is only a draft, and gives no assets."""
    library = Library(folder)
    load = _load.get()
    if load is not None:
        return [library.resolve(name) for name in sorted(load.versions)]
    versions = library.load_all(drafts=False).require().versions
    for flow in sorted(set(library.flows()) - {v.flow.flow for v in versions}):
        warnings.warn(
            f"Flow {flow} in {folder} has no published version, so it has no assets yet:"
            f" lume publish {flow}",
            stacklevel=3,
        )
    return versions


def _placed(
    versions: Sequence[FlowVersion],
    prefix: str,
    connectors: Mapping[str, object],
    translator: LumeTranslator | None,
) -> list[Placed]:
    kinds = {name: str(getattr(c, "kind", "connector")) for name, c in connectors.items()}
    placed = []
    for version in versions:
        _require_connectors(version, kinds)
        with _named(version):
            placed.append(place(version, prefix, kinds, translator))
    return placed


def _distinct(webhooks: Sequence[Webhook]) -> tuple[Webhook, ...]:
    for name, times in Counter(w.name for w in webhooks).items():
        if times > 1:
            raise FlowError(f"{times} webhooks are called {name}.", hint="rename one of them.")
    return tuple(webhooks)


def _sensors(
    workspace: Workspace, placed: Sequence[Placed], arrivals: Sequence[Arrival]
) -> list[dg.SensorDefinition]:
    """One for all arrivals, one for all webhooks; a run's own process needs none."""
    if _load.get() is not None:
        return []
    sensors = []
    if arrivals:
        by_name = {p.version.name: p for p in placed}
        library = Library(workspace.flows)
        watch = Watch(tuple(arrivals), by_name, library, workspace.prefix)
        sensors.append(arrival_sensor(watch))
    if workspace.webhooks:
        sensors.append(webhook_sensor(workspace.webhooks, workspace.prefix))
    return sensors


def _schedules(
    workspace: Workspace, placed: Sequence[Placed], schedules: Sequence[BatchSchedule]
) -> list[dg.ScheduleDefinition]:
    if _load.get() is not None:
        return []
    by_name = {p.version.name: p for p in placed}
    library = Library(workspace.flows)
    earlier = Counter[str]()
    made = []
    for schedule in schedules:
        chosen = by_name[library.resolve(schedule.flow).name]
        earlier[chosen.version.name] += 1
        number = earlier[chosen.version.name]
        made.append(batch_schedule(schedule, chosen, workspace.prefix, number))
    return made


def _require_connectors(version: FlowVersion, kinds: Mapping[str, str]) -> None:
    for role, name in (
        ("source", version.flow.source.connector),
        ("target", version.flow.target.connector),
    ):
        if name not in kinds:
            raise FlowError(
                f"Flow {version.name} names the {role} connector {name!r}, which is not among the"
                " connectors of this code location.",
                hint=did_you_mean(name, kinds),
            )


def _assets_of(placed: Placed) -> dg.AssetsDefinition:
    with _named(placed.version):
        return version_assets(placed)


@contextmanager
def _named(version: FlowVersion) -> Iterator[None]:
    """What Dagster does not take (an owner, a tag, a group name) is said of the flow."""
    try:
        yield
    except dg.DagsterError as error:
        raise FlowError(
            f"Flow {version.name} cannot be an asset: {error}", hint="mend it in a new version."
        ) from error
