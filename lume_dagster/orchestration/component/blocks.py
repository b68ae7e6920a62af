"""The blocks of a component's YAML: how to run, what to watch, when, and how fresh."""

# Dagster reads the annotations of these classes as they are: none of them is postponed.

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dagster as dg
from dagster.components.resolved.core_models import OpSpec
from pydantic import AfterValidator, Field, model_validator

from lume_dagster.errors import FlowError
from lume_dagster.orchestration.arrival import Arrival
from lume_dagster.orchestration.batch_schedule import BatchSchedule
from lume_dagster.orchestration.defs_yaml import Block, between

if TYPE_CHECKING:
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.orchestration.assets import OpOptions


class Retries(Block):
    """Run the op again after a fault of the system; bad input is not tried again."""

    max_retries: Annotated[int, between(1)] = Field(2, description="Attempts after the first.")
    delay: Annotated[float, between(0)] = Field(
        5.0, description="Seconds before the first of them."
    )
    backoff: Literal["linear", "exponential"] = "exponential"

    def policy(self) -> dg.RetryPolicy:
        """As Dagster says it; the waits of many ops are spread."""
        return dg.RetryPolicy(
            max_retries=self.max_retries,
            delay=self.delay,
            backoff=dg.Backoff[self.backoff.upper()],
            jitter=dg.Jitter.PLUS_MINUS,
        )


class FlowOp(OpSpec, Block):
    """How Dagster runs the op of each version: name, tags, pool, retries, backfill policy."""

    retries: Retries | None = None

    def options(self, version: "FlowVersion", *, alone: bool, prefix: str) -> "OpOptions":
        """For one version: a name that no other version of the project has."""
        from lume_dagster.orchestration.assets import OpOptions

        name = self.name or f"{prefix}_{version.flow.flow}"
        return OpOptions(
            name=name if alone and self.name else f"{name}_v{version.version}",
            description=self.description,
            tags=self.tags or {},
            pool=self.pool,
            backfill_policy=self.backfill_policy,
            retry_policy=self.retries.policy() if self.retries else None,
        )


class ArrivalBlock(Block):
    """Run what arrives; see ``Arrival``."""

    flow: str | None = Field(None, description="Flow or version; the component's when it has one.")
    path: str | None = Field(None, description="Folder, prefix or glob of the source.")
    query: str | None = Field(None, description="Lists batch ids in the source database.")
    settle: bool = Field(True, description="Wait until a file has looked the same twice.")
    at_most: Annotated[int, between(1)] = Field(100, description="Runs to ask for at once.")
    backlog: Annotated[int, between(1)] = Field(
        1000, description="Runs that may wait before more are asked for."
    )

    def arrival(self, flow: str | None) -> Arrival:
        """As the sensor takes it."""
        given = self.model_dump(exclude={"flow"})
        return Arrival(flow=_flow(self.flow or flow, "arrival"), **given)


class ScheduleBlock(Block):
    """Run batches at set times; see ``BatchSchedule``."""

    cron: str = Field(description="When, such as 15 6 * * 1-5.")
    flow: str | None = Field(None, description="Flow or version; the component's when it has one.")
    query: str | None = Field(None, description="Lists batch ids in the source database.")
    source_paths: Sequence[str] = Field((), description="The batches themselves.")
    timezone: str = Field("UTC", description="In which cron is meant.")

    def schedule(self, flow: str | None) -> BatchSchedule:
        """As Dagster's schedule is made of it."""
        return BatchSchedule(
            flow=_flow(self.flow or flow, "schedule"),
            cron=self.cron,
            query=self.query,
            source_paths=tuple(self.source_paths),
            timezone=self.timezone,
        )


#: Dagster looks once a minute.
Hours = Annotated[float, between(0.02)]


class FreshnessBlock(Block):
    """How old the target may grow before Dagster says that it is stale."""

    fail_after_hours: Hours = Field(description="Hours after which it is overdue.")
    warn_after_hours: Hours | None = Field(None, description="Hours before that, to warn.")

    @model_validator(mode="after")
    def _warn_first(self) -> "FreshnessBlock":
        if self.warn_after_hours is not None and self.warn_after_hours >= self.fail_after_hours:
            raise ValueError(
                f"warn_after_hours, {self.warn_after_hours:g}, is not less than fail_after_hours,"
                f" {self.fail_after_hours:g}; a warning comes first"
            )
        return self

    def policy(self) -> dg.FreshnessPolicy:
        """As Dagster says it."""
        warn = self.warn_after_hours
        return dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=self.fail_after_hours),
            warn_window=None if warn is None else timedelta(hours=warn),
        )


def _size(given: str) -> str:
    if "{{" not in given and not re.fullmatch(r"\d+(\.\d+)?\s*[KMGT]i?B", given, re.IGNORECASE):
        raise ValueError(f"{given!r} is no amount of memory; write one such as 2GB or 500MB")
    return given


MemoryLimit = Annotated[str, AfterValidator(_size)]

#: ``{{ dg.AutomationCondition.eager() }}``
Condition = Annotated[
    dg.AutomationCondition[Any] | None,
    dg.Resolver.default(
        model_field_type=str,
        description="When Dagster runs the version by itself.",
        examples=["{{ dg.AutomationCondition.eager() }}"],
    ),
]

#: Read as they stand, with templates filled in; a nested ``{env: NAME}`` is kept.
Connections = Annotated[
    Mapping[str, Any],
    dg.Resolver.default(
        model_field_type=dict[str, dict[str, Any]],
        description="Connectors by name: kind and fields. Others are resources of the project.",
        examples=[{"landing": {"kind": "local_files", "root": "landing"}}],
    ),
]

#: A connector to an object store, as ``connections`` describes one.
Store = Annotated[
    Mapping[str, Any] | None,
    dg.Resolver.default(
        model_field_type=dict[str, Any],
        description="An object store that all machines of the deployment share.",
        examples=[{"kind": "s3", "root": "s3://bucket/lume"}],
    ),
]


def _flow(named: str | None, block: str) -> str:
    if named is None:
        raise FlowError(f"The {block} block does not say for which flow.", hint="flow: <name>")
    return named
