"""Which operational checks a flow's assets have, within what bounds, and what a failed one does."""

# Dagster reads the annotations of this class as they are: none of them is postponed.

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lume_dagster.orchestration.defs_yaml import Block, between

#: What a failed check does: it is not made at all, it warns, or the batch is not let through.
Handling = Literal["ignore", "warn", "fail"]

SCHEMA_CONTRACT = "schema_contract"
ROW_COUNT_ANOMALY = "row_count_anomaly"
REJECT_RATE = "reject_rate"
UNIQUE_KEY = "unique_key"
RECONCILIATION = "reconciliation"

#: The step whose asset has the check.
STEP_OF = {
    SCHEMA_CONTRACT: "source",
    ROW_COUNT_ANOMALY: "source",
    REJECT_RATE: "transform",
    UNIQUE_KEY: "transform",
    RECONCILIATION: "target",
}


class Checks(Block):
    """Operational checks: each says ``ignore``, ``warn`` or ``fail``; the rest are their bounds.

    They are the operator's and may change at any time. What a batch must be to be right stands in
    the flow (``checks``, ``rules``, ``errors``), and is published with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_contract: Handling = Field(
        "warn", description="The columns are those of the last batch, and all the flow needs."
    )
    row_count_anomaly: Handling = Field(
        "warn", description="The batch has about as many rows as earlier ones."
    )
    reject_rate: Handling = Field(
        "warn", description="No larger share of rows is rejected than reject_rate_above says."
    )
    unique_key: Handling = Field("warn", description="No row repeats the target's key.")
    reconciliation: Handling = Field(
        "fail", description="Each row that was read is mapped or rejected, and in the target."
    )
    reject_rate_above: Annotated[float | None, between(0, 1)] = Field(
        None, description="Share of rejects, below the flow's max_error_rate."
    )
    history: Annotated[int, between(2, 500)] = Field(
        20, description="Earlier batches to compare rows with."
    )
    history_at_least: Annotated[int, between(2)] = Field(
        5, description="With fewer of them nothing is unusual."
    )
    tolerance: Annotated[float, between(0.01)] = Field(
        5.0, description="Spreads from the median that are usual."
    )
    read_back: bool = Field(
        False, description="Count the rows of the batch in the target, where it can be read."
    )

    def handling(self, check: str) -> Handling:
        """What becomes of a batch that fails the check of that name."""
        handling: Handling = getattr(self, check)
        return handling

    def may_refuse(self, step: str) -> bool:
        """Whether a check can keep a batch from passing a step that has not changed a target."""
        own = (c for c, of in STEP_OF.items() if of == step != "target")
        return any(self.handling(check) == "fail" for check in own)


USUAL = Checks()
