"""A flow version as three Dagster assets, made by one op that can run any of them."""

# No postponed annotations here: Dagster looks at the annotation of ``context`` itself.

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import names
from lume_dagster.orchestration.checks import check_specs
from lume_dagster.orchestration.execution import Event, execute
from lume_dagster.runs.status import STEPS

_DESCRIPTIONS = {
    "source": "The batch as it was delivered, staged as Parquet.",
    "transform": "Rows in the target schema, and rejects with every reason why.",
    "target": "Mapped rows and rejects in the target system.",
}


def version_assets(
    version: FlowVersion, prefix: str, kinds: Mapping[str, str]
) -> dg.AssetsDefinition:
    """The assets of a version; ``kinds`` is what each connector is a kind of."""
    specs = _specs(version, prefix, kinds)
    flow = version.flow
    connectors = {flow.source.connector, flow.target.connector}

    @dg.multi_asset(
        name=names.op_name(version),
        specs=specs,
        check_specs=check_specs(version, specs[1].key),
        can_subset=True,
        required_resource_keys={names.WORKSPACE_RESOURCE, *connectors},
        backfill_policy=dg.BackfillPolicy.single_run(),
        op_tags={"lume/flow_version": version.name},
    )
    def flow_version(context: dg.AssetExecutionContext) -> Iterator[Event]:
        yield from execute(context, version)

    return flow_version


def _specs(version: FlowVersion, prefix: str, kinds: Mapping[str, str]) -> list[dg.AssetSpec]:
    flow = version.flow
    source, target = kinds[flow.source.connector], kinds[flow.target.connector]
    own: dict[str, dict[str, Any]] = {
        "source": {"kinds": {source}},
        "transform": {"kinds": {"sql"}},
        "target": {
            "kinds": {target},
            "metadata": {
                "dagster/table_name": flow.target.table,
                "dagster/storage_kind": target,
                "lume/write": flow.target.write,
            },
        },
    }
    partitions = dg.DynamicPartitionsDefinition(name=names.partitions_name(prefix, version))
    keys = [names.asset_key(prefix, version, step) for step in STEPS]
    return [
        dg.AssetSpec(
            key,
            deps=keys[number - 1 : number] if number else [],
            description=f"{flow.description}\n\n{_DESCRIPTIONS[step]}"
            if flow.description
            else _DESCRIPTIONS[step],
            partitions_def=partitions,
            group_name=f"{flow.flow}/v{version.version}",  # nodes of the graph show only "source"
            owners=list(flow.owners),
            tags={**flow.tags, "lume/flow": flow.flow, "lume/version": str(version.version)},
            code_version=version.digest,
            skippable=True,
            **own[step],
        ).with_io_manager_key(names.IO_MANAGER)
        for number, (step, key) in enumerate(zip(STEPS, keys, strict=True))
    ]
