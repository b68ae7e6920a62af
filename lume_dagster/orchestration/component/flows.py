"""The components: ``LumeFlowComponent`` for one flow, ``LumeFlowsComponent`` for a folder."""

# Dagster reads the annotations of these classes as they are: none of them is postponed.

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from dagster_shared.libraries import DagsterLibraryRegistry
from pydantic import Field

from lume_dagster import __version__
from lume_dagster.collector import without_collector
from lume_dagster.errors import FlowError, did_you_mean
from lume_dagster.orchestration import names
from lume_dagster.orchestration.arrival import Arrival, can_list, unfit
from lume_dagster.orchestration.batch_schedule import BatchSchedule
from lume_dagster.orchestration.body import Event, run_flow
from lume_dagster.orchestration.checks.options import USUAL, Checks
from lume_dagster.orchestration.component.blocks import (
    ArrivalBlock,
    Condition,
    Connections,
    FlowOp,
    FreshnessBlock,
    MemoryLimit,
    ScheduleBlock,
    Store,
)
from lume_dagster.orchestration.component.connections import connector_of
from lume_dagster.orchestration.component.scaffold import FlowScaffolder
from lume_dagster.orchestration.defs_yaml import FromYaml, between
from lume_dagster.orchestration.io_manager import BATCHES
from lume_dagster.orchestration.translator import (
    FlowProps,
    LumeTranslator,
    Placed,
    SeedProps,
)
from lume_dagster.orchestration.workspace import Workspace, known, shared, store_of

if TYPE_CHECKING:
    from lume_dagster.flows.model import FlowVersion

DagsterLibraryRegistry.register("lume-dagster", __version__, is_dagster_package=False)

Translation = Annotated[
    TranslationFn[FlowProps] | None,
    TranslationFnResolver[FlowProps](lambda props: {"props": props}),
]


class _FromLibrary(FromYaml):
    """What both components of flows share."""

    library: str = Field("flows", description="Folder of flows, from the project's root.")
    connections: Connections = Field(default_factory=dict)
    data: str = Field(".lume", description="Folder of staging and output, from the root.")
    store: Store = None
    prefix: str = Field("lume", description="First part of every asset key.")
    memory_limit: MemoryLimit = Field(
        "2GB", description="What the engine may use before it spills."
    )
    threads: Annotated[int | None, between(1)] = Field(
        None, description="The engine's; all when not said."
    )
    op: FlowOp | None = None
    translation: Translation = None
    checks: Checks = USUAL
    freshness: FreshnessBlock | None = None
    automation_condition: Condition = None

    def get_asset_spec(self, props: FlowProps) -> dg.AssetSpec:
        """Override this to call assets otherwise or show more with them."""
        return LumeTranslator().get_asset_spec(props)

    def get_seed_spec(self, props: SeedProps) -> dg.AssetSpec:
        """Override this to call the assets of seed files otherwise."""
        return LumeTranslator().get_seed_spec(props)

    def execute(self, context: dg.AssetExecutionContext, placed: Placed) -> Iterator[Event]:
        """Override this to do something before or after a version runs."""
        yield from run_flow(context, placed)

    def _definitions(
        self,
        context: dg.ComponentLoadContext,
        versions: "Sequence[FlowVersion]",
        workspace: Workspace,
        **watched: Any,
    ) -> dg.Definitions:
        from lume_dagster.orchestration.code_location import CodeLocation

        wanted = _named(versions)
        for name in self.connections:
            if wanted and name not in wanted:
                with self.at("connections", name):
                    raise FlowError(
                        f"No flow of this component uses the connection {name!r}.",
                        hint=did_you_mean(name, wanted),
                    )
        own = {}
        for name, given in self.connections.items():
            with self.at("connections", name):
                own[name] = connector_of(name, given, context.project_root)
        self._require_lists(versions, own, watched)
        op = self.op or FlowOp()
        location = CodeLocation(
            workspace,
            versions,
            {**dict.fromkeys(wanted), **own},
            own=own,
            translator=_Translator(self),
            run=self.execute,
            checks=self.checks,
            op=partial(op.options, alone=len(versions) == 1, prefix=self.prefix),
            **watched,
        )
        placed = location.placed()
        return dg.Definitions(
            assets=location.assets(placed),
            sensors=location.sensors(placed),
            schedules=location.timetable(placed),
            resources={names.IO_MANAGER: BATCHES, f"lume_{self.prefix}": workspace},
        )

    def _require_lists(
        self,
        versions: "Sequence[FlowVersion]",
        own: Mapping[str, object],
        watched: Mapping[str, Sequence[Arrival | BatchSchedule]],
    ) -> None:
        """What can never be listed is said now, not by the daemon's first look."""
        from lume_dagster.orchestration.code_location import loads_all

        several = "arrivals" in type(self).model_fields
        for kind in ("arrival", "schedule") if loads_all() else ():
            for number, one in enumerate(watched[f"{kind}s"]):
                with self.at(f"{kind}s", number) if several else self.at(kind):
                    source = _watched(one.flow, versions).flow.source.connector
                    query = one.query is not None
                    asks = query or isinstance(one, Arrival)
                    if asks and source in own and not can_list(own[source], query=query):
                        raise unfit(own[source], query=query)

    def _workspace(self, context: dg.ComponentLoadContext) -> Workspace:
        root = context.project_root
        with self.at("store"):
            store = store_of(connector_of("store", self.store, root) if self.store else None)
        return shared(
            known(
                Workspace(
                    flows=root / self.library,
                    data=root / self.data,
                    prefix=self.prefix,
                    memory_limit=self.memory_limit,
                    threads=self.threads,
                    store=store,
                )
            )
        )


class _Translator(LumeTranslator):
    """The component's own spec, with what its YAML says on top."""

    def __init__(self, component: _FromLibrary) -> None:
        self._component = component

    def get_asset_spec(self, props: FlowProps) -> dg.AssetSpec:
        component = self._component
        spec = component.get_asset_spec(props)
        shown: dict[str, Any] = {}
        if component.automation_condition is not None:
            shown["automation_condition"] = component.automation_condition
        if component.freshness is not None and props.step == "target":
            shown["freshness_policy"] = component.freshness.policy()
        spec = spec.replace_attributes(**shown) if shown else spec
        if component.translation is None:
            return spec
        return component.translation(spec, props)

    def get_seed_spec(self, props: SeedProps) -> dg.AssetSpec:
        return self._component.get_seed_spec(props)


@dg.scaffold_with(FlowScaffolder)
class LumeFlowComponent(_FromLibrary):
    """One flow: a bad row becomes a reject with its reason, the good rows reach the target."""

    flow: str = Field(description="orders, for all its published versions, or orders:v2.")
    arrival: ArrivalBlock | None = None
    schedule: ScheduleBlock | None = None

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What `dg list components` shows."""
        return _spec("A flow, mapping batches of data into a schema of yours.")

    @without_collector()
    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The assets, checks, sensor and schedule of the flow."""
        from lume_dagster.orchestration.code_location import published

        workspace = self._workspace(context)
        with self.at("library"):
            versions = published(workspace.flows)
        with self.at("flow"):
            chosen = _of_flow(self.flow, versions)
        with self.at("arrival"):
            arrivals = [self.arrival.arrival(self.flow)] if self.arrival else []
        with self.at("schedule"):
            schedules = [self.schedule.schedule(self.flow)] if self.schedule else []
        return self._definitions(
            context,
            chosen,
            workspace,
            name=f"{self.prefix}_{self.flow.replace(':', '_')}",
            arrivals=arrivals,
            schedules=schedules,
        )


@dg.scaffold_with(FlowScaffolder)
class LumeFlowsComponent(_FromLibrary):
    """Every published version of every flow in a folder."""

    arrivals: Sequence[ArrivalBlock] = ()
    schedules: Sequence[ScheduleBlock] = ()

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What `dg list components` shows."""
        return _spec("A folder of flows, each mapping batches of data into a schema of yours.")

    @without_collector()
    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The assets, checks, sensors and schedules of the flows."""
        from lume_dagster.orchestration.code_location import published

        workspace = self._workspace(context)
        with self.at("library"):
            versions = published(workspace.flows)
        arrivals, schedules = [], []
        for number, watched in enumerate(self.arrivals):
            with self.at("arrivals", number):
                arrivals.append(watched.arrival(None))
        for number, timed in enumerate(self.schedules):
            with self.at("schedules", number):
                schedules.append(timed.schedule(None))
        return self._definitions(
            context,
            versions,
            workspace,
            name=self.prefix,
            arrivals=arrivals,
            schedules=schedules,
        )


def _named(versions: "Sequence[FlowVersion]") -> set[str]:
    """The connectors that flows name."""
    return {c for v in versions for c in (v.flow.source.connector, v.flow.target.connector)}


def _watched(named: str, versions: "Sequence[FlowVersion]") -> "FlowVersion":
    """A version that an arrival or a schedule may run."""
    flow, _, which = named.partition(":")
    for version in versions:
        if version.flow.flow == flow and which in ("", "active", f"v{version.version}"):
            return version
    raise FlowError(
        f"This component has no published version of {named}.",
        hint=did_you_mean(named, {v.flow.flow for v in versions} | {v.name for v in versions}),
    )


def _of_flow(named: str, versions: "Sequence[FlowVersion]") -> "Sequence[FlowVersion]":
    from lume_dagster.orchestration.code_location import loads_all

    flow, _, which = named.partition(":")
    found = [v for v in versions if v.flow.flow == flow and which in ("", f"v{v.version}")]
    if not found and loads_all():
        known = {v.flow.flow for v in versions} | {v.name for v in versions}
        raise FlowError(
            f"There is no published version of {named}.",
            hint=f"lume publish {flow}; " + did_you_mean(named, known),
        )
    return found


def _spec(description: str) -> dg.ComponentTypeSpec:
    return dg.ComponentTypeSpec(description=description, tags=["etl", "data-quality"])
