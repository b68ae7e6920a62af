"""A component of a user's own: other owners, and something that happens after a run."""

import dagster as dg

from lume_dagster import FlowProps, LumeFlowComponent


class OwnFlow(LumeFlowComponent):
    """What a user would write."""

    def get_asset_spec(self, props: FlowProps) -> dg.AssetSpec:
        return super().get_asset_spec(props).replace_attributes(owners=["team:own"])

    def execute(self, context, placed):
        yield from super().execute(context, placed)
        raise dg.Failure(f"after {placed.version.name}")
