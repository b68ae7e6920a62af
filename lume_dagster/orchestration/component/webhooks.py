"""The component ``LumeWebhooksComponent``: whom a project of ``dg`` tells how its runs ended."""

# Dagster reads the annotations of these classes as they are: none of them is postponed.

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import dagster as dg
from pydantic import Field

from lume_dagster.orchestration.defs_yaml import Block, FromYaml, between
from lume_dagster.orchestration.webhooks.endpoint import Receivers, Webhook, distinct
from lume_dagster.runs.status import ENDED

Text = Annotated[
    Any,
    dg.Resolver.default(
        model_field_type=str | dict[str, str],
        description="A text, or {env: NAME}, which is read when it is used.",
    ),
]
Texts = Annotated[
    Sequence[Any],
    dg.Resolver.default(
        model_field_type=list[str | dict[str, str]],
        description="Secrets to sign with, the newest first: {env: NAME}.",
        examples=[[{"env": "OPS_WEBHOOK_SECRET"}]],
    ),
]


class WebhookBlock(Block):
    """One receiver; see ``Webhook``."""

    name: str = Field(description="What people call it.")
    url: Text
    secrets: Texts
    flows: Sequence[str] = Field((), description="Flows to tell of; all when not said.")
    statuses: Sequence[str] = Field(tuple(sorted(ENDED)), description="Outcomes to tell of.")
    allow_private: bool = Field(False, description="Whether the address may be a private one.")
    timeout: Annotated[float, between(0.1, 30)] = Field(10.0, description="Seconds to answer in.")

    def webhook(self) -> Webhook:
        """As the sensor takes it."""
        return Webhook(
            name=self.name,
            url=_read_later(self.url),
            secrets=tuple(map(_read_later, self.secrets)),
            flows=tuple(self.flows),
            statuses=tuple(self.statuses),
            allow_private=self.allow_private,
            timeout=self.timeout,
        )


class LumeWebhooksComponent(FromYaml):
    """Tell other systems how runs of flows ended: signed, at least once."""

    webhooks: Sequence[WebhookBlock]
    prefix: str = Field("lume", description="First part of the keys of their assets.")

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What `dg list components` shows."""
        return dg.ComponentTypeSpec(
            description="Receivers that are told how runs of flows ended.",
            tags=["etl", "data-quality"],
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The sensor that posts, and the receivers for `lume webhooks`."""
        from lume_dagster.orchestration.code_location import loads_all
        from lume_dagster.orchestration.webhooks.sensor import webhook_sensor

        del context
        made = []
        for number, block in enumerate(self.webhooks):
            with self.at("webhooks", number):
                made.append(block.webhook())
        with self.at("webhooks"):
            receivers = Receivers(distinct(made))
        sensors = [webhook_sensor(made, self.prefix)] if made and loads_all() else []
        return dg.Definitions(sensors=sensors, resources={f"{self.prefix}_webhooks": receivers})


def _read_later(given: Any) -> Any:
    if isinstance(given, Mapping) and set(given) == {"env"}:
        return dg.EnvVar(str(given["env"]))
    return given
