"""A schedule that runs, each time, the batches that a query lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg

from lume_dagster.connectors.protocol import DatabaseSource
from lume_dagster.errors import FlowError
from lume_dagster.orchestration import names
from lume_dagster.orchestration.arrival import listed, unfit
from lume_dagster.orchestration.naming import BatchNames
from lume_dagster.orchestration.partitions import add_partitions
from lume_dagster.orchestration.translator import Placed

if TYPE_CHECKING:
    from lume_dagster.flows.library import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSchedule:
    """Run the batches of a flow at set times.

    Attributes:
        flow: ``orders`` for the version active when the code location is loaded, or ``orders:v2``.
        cron: When, such as ``15 6 * * 1-5``.
        query: Lists batch ids in the flow's source database, as its first column.
        source_paths: The batches themselves, where they are always the same.
        timezone: In which the cron expression is meant.
    """

    flow: str
    cron: str
    query: str | None = None
    source_paths: tuple[str, ...] = ()
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse a schedule without batches, or with two ways to name them."""
        if (self.query is None) == (not self.source_paths):
            raise FlowError(
                f"The schedule of flow {self.flow} needs a query or source_paths, and only one.",
                hint="query: SELECT batch_id FROM ...",
            )
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise FlowError(
                f"The schedule of flow {self.flow} has a timezone {self.timezone!r}, which is not"
                " known.",
                hint="write one such as Europe/Berlin, or UTC.",
            ) from None
        try:
            dg.ScheduleDefinition("probe", cron_schedule=self.cron, job_name="probe")
        except dg.DagsterInvalidDefinitionError:
            raise FlowError(
                f"The schedule of flow {self.flow} has a cron {self.cron!r}, which is not one.",
                hint="minute, hour, day, month, weekday: 15 6 * * 1-5 is 6:15 from Monday on.",
            ) from None


def batch_schedule(
    schedule: BatchSchedule, placed: Placed, prefix: str, number: int, library: Library
) -> dg.ScheduleDefinition:
    """The Dagster schedule; ``number`` tells the schedules of one flow apart."""
    version = placed.version
    suffix = "" if number == 1 else f"_{number}"

    @dg.schedule(
        name=f"{prefix}_{names.op_name(version)}_schedule{suffix}",
        cron_schedule=schedule.cron,
        execution_timezone=schedule.timezone,
        target=dg.AssetSelection.assets(*placed.keys),
        required_resource_keys=placed.resources_of(version.flow.source.connector),
        description=f"Batches of {version.name}: {schedule.query or schedule.source_paths}",
    )
    def batches(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        connector = placed.connector(context.resources, version.flow.source.connector)
        known = BatchNames(context.instance, placed, connector, library, many=True)
        found = [known.of(path) for path in _batches(connector, schedule)]
        if not found:
            return dg.SkipReason("There is no batch.")
        if placed.partitions is not None:
            add_partitions(context.instance, placed.partitions, found)
        at = context.scheduled_execution_time.isoformat()
        return [
            dg.RunRequest(
                run_key=f"{version.name} {path} {at}",
                partition_key=path,
                tags=names.run_tags(version, path),
            )
            for path in found
        ]

    return batches


def _batches(connector: object, schedule: BatchSchedule) -> Iterator[str]:
    if schedule.query is None:
        yield from schedule.source_paths
        return
    if not isinstance(connector, DatabaseSource):
        raise unfit(connector, query=True)
    yield from dict.fromkeys(batch.source_path for batch in listed(connector, schedule.query))
