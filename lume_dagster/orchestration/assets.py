"""A flow version as three Dagster assets, made by one op that can run any of them."""

# No postponed annotations here: Dagster looks at the annotation of ``context`` itself.

from collections.abc import Iterator

import dagster as dg

from lume_dagster.orchestration import names
from lume_dagster.orchestration.checks import check_specs
from lume_dagster.orchestration.execution import Event, execute
from lume_dagster.orchestration.translator import Placed


def version_assets(placed: Placed) -> dg.AssetsDefinition:
    """The assets of a version."""
    version = placed.version
    connectors = {version.flow.source.connector, version.flow.target.connector}

    @dg.multi_asset(
        name=names.op_name(version),
        specs=placed.specs,
        check_specs=check_specs(version, placed.key("transform")),
        can_subset=True,
        required_resource_keys={names.WORKSPACE_RESOURCE, *connectors},
        backfill_policy=dg.BackfillPolicy.single_run(),
        op_tags={"lume/flow_version": version.name},
    )
    def flow_version(context: dg.AssetExecutionContext) -> Iterator[Event]:
        yield from execute(context, placed)

    return flow_version
