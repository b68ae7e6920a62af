"""A flow version as three Dagster assets, made by one op that can run any of them."""

# No postponed annotations here: Dagster looks at the annotation of ``context`` itself.

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from lume_dagster.orchestration import names
from lume_dagster.orchestration.body import Event, Execute, run_flow
from lume_dagster.orchestration.checks.specs import check_specs
from lume_dagster.orchestration.translator import Placed


@dataclass(frozen=True, slots=True)
class OpOptions:
    """How Dagster runs the op of a version.

    Attributes:
        name: ``<flow>_v<N>`` when not said.
        description: What people read of it.
        tags: Such as ``dagster/priority``.
        pool: A concurrency pool; runs of all flows in it wait for one another. That of the target
            table when not said, ``lume/<connector>/<table>``.
        backfill_policy: How many partitions a run of a backfill takes; 500 when not said.
        retry_policy: Run the op again when it failed by a fault of the system; a retry stages
            nothing again and delivers each batch once.
    """

    name: str | None = None
    description: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    pool: str | None = None
    backfill_policy: dg.BackfillPolicy | None = None
    retry_policy: dg.RetryPolicy | None = None


_DEFAULT = OpOptions()

#: Of a backfill's run. Dagster writes three events for each partition before a run begins, so a run
#: of 10,000 would begin after minutes; so many begin sooner, and still go together in groups.
_PARTITIONS = 500


def version_assets(
    placed: Placed,
    op: OpOptions = _DEFAULT,
    run: Execute = run_flow,
    resources: Mapping[str, object] | None = None,
) -> dg.AssetsDefinition:
    """The assets of a version; ``resources`` are those that they bring along."""
    version = placed.version
    flow = version.flow
    workspace = set() if placed.workspace else {names.WORKSPACE_RESOURCE}

    @dg.multi_asset(
        name=op.name or names.op_name(version),
        description=op.description,
        specs=placed.specs,
        check_specs=check_specs(placed),
        can_subset=True,
        required_resource_keys=workspace
        | placed.resources_of(flow.source.connector, flow.target.connector),
        backfill_policy=op.backfill_policy or dg.BackfillPolicy.multi_run(_PARTITIONS),
        retry_policy=op.retry_policy,
        pool=op.pool or names.pool_name(version),
        op_tags={**op.tags, names.TAG_VERSION: version.name},
        resource_defs=resources,
    )
    def flow_version(context: dg.AssetExecutionContext) -> Iterator[Event]:
        if op.retry_policy is None:
            yield from run(context, placed)
        else:
            yield from _not_retried_when_canceled(run(context, placed))

    return flow_version


def _not_retried_when_canceled(events: Iterator[Event]) -> Iterator[Event]:
    """A step with retries that is interrupted would be run again, and the run end SUCCESS."""
    try:
        yield from events
    except dg.DagsterExecutionInterruptedError:
        raise dg.Failure("The run was canceled.", allow_retries=False) from None
