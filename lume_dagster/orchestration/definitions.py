"""Build the Dagster definitions of a library of flows and its connectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from lume_dagster.collector import without_collector
from lume_dagster.orchestration import names
from lume_dagster.orchestration.arrival import Arrival
from lume_dagster.orchestration.batch_schedule import BatchSchedule
from lume_dagster.orchestration.checks.options import USUAL, Checks
from lume_dagster.orchestration.io_manager import BATCHES
from lume_dagster.orchestration.translator import LumeTranslator
from lume_dagster.orchestration.webhooks.endpoint import Webhook, distinct
from lume_dagster.orchestration.workspace import OpenEngine, Workspace, known, open_duckdb, store_of

if TYPE_CHECKING:
    from lume_dagster.orchestration.code_location import CodeLocation


@without_collector()
def build_definitions(  # noqa: PLR0913 - the settings of a code location, all but two by name
    flows: str | Path,
    connectors: Mapping[str, object],
    *,
    data: str | Path | None = None,
    store: object | None = None,
    prefix: str = "lume",
    memory_limit: str = "2GB",
    threads: int | None = None,
    open_engine: OpenEngine = open_duckdb,
    retry_waits: Sequence[float] = (1.0, 5.0),
    arrivals: Sequence[Arrival] = (),
    schedules: Sequence[BatchSchedule] = (),
    webhooks: Sequence[Webhook] = (),
    translator: LumeTranslator | None = None,
    checks: Checks | Mapping[str, Checks] = USUAL,
    assets: Sequence[Any] = (),
    resources: Mapping[str, object] | None = None,
) -> dg.Definitions:
    """The published versions of every flow in a folder, as Dagster assets.

    Args:
        flows: The library: a folder with a folder for each flow.
        connectors: What the flows' connector names stand for.
        data: Where staging and output lie; ``.lume`` beside the library when not said.
        store: An object store that all machines of the deployment share, as a connector: what is
            staged and put out is there too.
        prefix: The first part of every asset key.
        memory_limit: What the engine may use before it spills to disk.
        threads: The engine's threads; all there are when not said.
        open_engine: Another engine than DuckDB.
        retry_waits: Seconds to wait before trying again what a connector says may pass.
        arrivals: Where new batches turn up; one sensor runs each when it has arrived.
        schedules: Batches to run at set times.
        webhooks: Whom to tell how runs ended.
        translator: What assets are called and how they are shown.
        checks: What batches are held to beside what their flow says: for all flows, or by name.
        assets: Assets of your own, such as those that take the rows of a batch.
        resources: Resources of your own.

    Raises:
        FlowError: a version that was changed, or that names a connector that is not there.
    """
    from lume_dagster.orchestration.code_location import CodeLocation, absolute, published

    folder = absolute(flows)
    workspace = known(
        Workspace(
            flows=folder,
            data=folder.parent / ".lume" if data is None else absolute(data),
            prefix=prefix,
            memory_limit=memory_limit,
            threads=threads,
            open_engine=open_engine,
            retry_waits=tuple(retry_waits),
            webhooks=distinct(webhooks),
            store=store_of(store),
        )
    )
    location = CodeLocation(
        workspace,
        published(folder),
        connectors,
        name=prefix,
        translator=translator,
        arrivals=arrivals,
        schedules=schedules,
        checks=checks,
    )
    shared = {names.WORKSPACE_RESOURCE: workspace, names.IO_MANAGER: BATCHES}
    return _gathered(location, assets, {**(resources or {}), **connectors, **shared})


def _gathered(
    location: CodeLocation, assets: Sequence[Any], resources: Mapping[str, object]
) -> dg.Definitions:
    placed = location.placed()
    return dg.Definitions(
        assets=[*location.assets(placed), *assets],
        sensors=location.sensors(placed),
        schedules=location.timetable(placed),
        resources=resources,
        executor=dg.in_process_executor,
    )
