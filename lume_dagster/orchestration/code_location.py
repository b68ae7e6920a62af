"""What a folder of flows gives Dagster: assets, checks, the sensor of arrivals, schedules."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from lume_dagster.errors import FlowError, did_you_mean
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration.arrival import Arrival
from lume_dagster.orchestration.arrival_sensor import Watch, arrival_sensor
from lume_dagster.orchestration.assets import OpOptions, version_assets
from lume_dagster.orchestration.batch_schedule import BatchSchedule, batch_schedule
from lume_dagster.orchestration.body import Execute, run_flow
from lume_dagster.orchestration.checks.options import USUAL, Checks
from lume_dagster.orchestration.seed_assets import seed_assets
from lume_dagster.orchestration.translator import LumeTranslator, Placed, SeedPlace, place
from lume_dagster.orchestration.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Load:
    """How a code location is being loaded by a run: from where, and for which versions."""

    folder: Path
    versions: frozenset[str]
    whole: bool = False
    #: What is found on the way: connectors that versions have for themselves, and workspaces.
    connectors: dict[str, Mapping[str, object]] = field(default_factory=dict)
    workspaces: list[Workspace] = field(default_factory=list)


_load: ContextVar[Load | None] = ContextVar("lume_load", default=None)


@contextmanager
def loading(folder: Path, versions: Sequence[str], *, whole: bool = False) -> Iterator[Load]:
    """Within the block, code locations give the assets of these versions only, and no sensors.

    With ``whole`` they give everything, as when Dagster loads them.

    A run's own process needs one version, and a thousand take seconds. Relative paths are taken
    from ``folder``, which is the working folder when Dagster loads the file itself.
    """
    load = Load(folder, frozenset(versions), whole=whole)
    token = _load.set(load)
    try:
        yield load
    finally:
        _load.reset(token)


def loads_all() -> bool:
    """Whether a whole code location is being loaded, and not what one run needs of it."""
    load = _load.get()
    return load is None or load.whole


def absolute(path: str | Path) -> Path:
    """A path of the code location that is being loaded."""
    load = _load.get()
    return (Path.cwd() if load is None else load.folder) / path


def published(folder: Path) -> Sequence[FlowVersion]:
    """The published versions; a flow without one is only a draft, and gives no assets.

    Raises:
        FlowError: a version that was changed.
    """
    library = Library(folder)
    load = _load.get()
    if load is not None and not load.whole:
        return [library.resolve(name) for name in sorted(load.versions)]
    versions = library.load_all(drafts=False).require().versions
    for flow in sorted(set(library.flows()) - {v.flow.flow for v in versions}):
        warnings.warn(
            f"Flow {flow} in {folder} has no published version, so it has no assets yet:"
            f" lume publish {flow}",
            stacklevel=3,
        )
    return versions


def _usual(_: FlowVersion) -> OpOptions:
    return OpOptions()


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """Everything the assets of some flow versions are made with.

    Attributes:
        workspace: Where flows and data lie.
        versions: What to make assets of.
        connectors: What the flows' connector names stand for.
        own: The connectors that the assets hold themselves, with the workspace; the others, and
            all when it is None, are resources by their names, which people may replace.
        name: The first part of the names of sensors and schedules.
        run: The body of the op of each version.
        op: How Dagster runs it.
        checks: What its batches are held to beside what the flow says; for all flows, or by name.
    """

    workspace: Workspace
    versions: Sequence[FlowVersion]
    connectors: Mapping[str, object]
    own: Mapping[str, object] | None = None
    name: str = "lume"
    translator: LumeTranslator | None = None
    arrivals: Sequence[Arrival] = ()
    schedules: Sequence[BatchSchedule] = ()
    run: Execute = run_flow
    op: Callable[[FlowVersion], OpOptions] = field(default=_usual)
    checks: Checks | Mapping[str, Checks] = USUAL

    def placed(self) -> list[Placed]:
        """The versions with the keys of their assets.

        Raises:
            FlowError: a version names a connector that is not there, or cannot be an asset; or
                there are checks for a flow that is not there.
        """
        known = {version.flow.flow for version in self.versions}
        unknown = set() if isinstance(self.checks, Checks) else self.checks.keys() - known
        if unknown and loads_all():
            first = min(unknown)
            raise FlowError(
                f"There are checks for a flow {first!r}, which is not in this code location.",
                hint=did_you_mean(first, known),
            )
        seen: dict[Path, SeedPlace | None] = {}
        return [self._place(version, seen) for version in self.versions]

    def assets(self, placed: Sequence[Placed]) -> list[dg.AssetsDefinition]:
        """The assets of each version, with their checks; and of seeds, which runs do not need."""
        made = []
        for one in placed:
            with _said_of(one.version):
                made.append(version_assets(one, self.op(one.version), self.run))
        return [*made, *(seed_assets(placed) if loads_all() else ())]

    def sensors(self, placed: Sequence[Placed]) -> list[dg.SensorDefinition]:
        """One for all arrivals, one for all webhooks; a run's own process needs none."""
        if not loads_all():
            return []
        sensors = []
        if self.arrivals:
            by_name = {p.version.name: p for p in placed}
            library = Library(self.workspace.flows)
            sensors.append(arrival_sensor(Watch(tuple(self.arrivals), by_name, library), self.name))
        if self.workspace.webhooks:
            from lume_dagster.orchestration.webhooks.sensor import webhook_sensor

            sensors.append(webhook_sensor(self.workspace.webhooks, self.workspace.prefix))
        return sensors

    def timetable(self, placed: Sequence[Placed]) -> list[dg.ScheduleDefinition]:
        """The schedules; a run's own process needs none."""
        if not loads_all():
            return []
        by_name = {p.version.name: p for p in placed}
        library = Library(self.workspace.flows)
        earlier = Counter[str]()
        made = []
        for schedule in self.schedules:
            chosen = by_name[library.resolve(schedule.flow).name]
            earlier[chosen.version.name] += 1
            number = earlier[chosen.version.name]
            made.append(batch_schedule(schedule, chosen, self.workspace.prefix, number, library))
        return made

    def _place(self, version: FlowVersion, seen: dict[Path, SeedPlace | None]) -> Placed:
        kinds = {n: str(getattr(c, "kind", n)) for n, c in self.connectors.items()}
        flow = version.flow
        named = {"source": flow.source.connector, "target": flow.target.connector}
        for role, name in named.items():
            if name not in kinds:
                raise FlowError(
                    f"Flow {version.name} names the {role} connector {name!r}, which is not among"
                    " the connectors of this code location.",
                    hint=did_you_mean(name, kinds),
                )
        load = _load.get()
        if load is not None:
            load.connectors[version.name] = self.own or {}
            load.workspaces.append(self.workspace)
        with _said_of(version):
            return place(
                version,
                self.workspace.prefix,
                kinds,
                self.translator,
                workspace=None if self.own is None else self.workspace,
                connectors=self.own,
                checks=self._checks(flow.flow),
                seen=seen,
            )

    def _checks(self, flow: str) -> Checks:
        return self.checks if isinstance(self.checks, Checks) else self.checks.get(flow, USUAL)


@contextmanager
def _said_of(version: FlowVersion) -> Iterator[None]:
    """What Dagster does not take (an owner, a tag, a group name) is said of the flow."""
    try:
        yield
    except dg.DagsterError as error:
        raise FlowError(
            f"Flow {version.name} cannot be an asset: {error}", hint="mend it in a new version."
        ) from error
