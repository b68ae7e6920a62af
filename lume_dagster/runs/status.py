"""The status of a run, derived from what Dagster recorded about it; stored nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lume_dagster.errors import InvalidRequestError, did_you_mean


class Status(StrEnum):
    """Where a run stands, or how it ended."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"
    SYNCING_SOURCE = "SYNCING_SOURCE"
    TRANSFORMING = "TRANSFORMING"
    SYNCING_TARGET = "SYNCING_TARGET"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL_FAILED = "PARTIAL_FAILED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    CANCELED = "CANCELED"

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self in ENDED

    @property
    def running(self) -> bool:
        """Whether the run is in one of its three phases."""
        return self in RUNNING


def status_named(word: str) -> Status:
    """The status that a person wrote, in whichever letters; InvalidRequestError for none."""
    try:
        return Status(word.upper())
    except ValueError:
        raise InvalidRequestError(
            f"There is no status {word!r}.",
            hint=did_you_mean(word.upper(), [s.value for s in Status]),
        ) from None


RUNNING = frozenset({Status.SYNCING_SOURCE, Status.TRANSFORMING, Status.SYNCING_TARGET})
ENDED = frozenset(
    {Status.SUCCEEDED, Status.PARTIAL_FAILED, Status.FAILED, Status.CRASHED, Status.CANCELED}
)

STEPS = ("source", "transform", "target")
_PHASES = dict(
    zip(STEPS, (Status.SYNCING_SOURCE, Status.TRANSFORMING, Status.SYNCING_TARGET), strict=True)
)
_BEFORE = {
    "NOT_STARTED": Status.CREATED,
    "QUEUED": Status.QUEUED,
    "MANAGED": Status.QUEUED,
    "STARTING": Status.QUEUED,
    "CANCELED": Status.CANCELED,
}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The plain values a status follows from.

    ``dagster_status`` is the value of Dagster's run status. ``selected`` are the steps the run was
    asked for and ``last_done`` the one that was materialized last. ``rejected_rows`` counts over
    all batches of the run. ``error_code`` is there when a cause that a person can mend ended it.
    """

    dagster_status: str
    selected: tuple[str, ...] = STEPS
    last_done: str | None = None
    rejected_rows: int = 0
    error_code: str | None = None


def derive_status(facts: RunFacts) -> Status:
    """The status of a run: the one place where it is decided."""
    if facts.dagster_status in _BEFORE:
        return _BEFORE[facts.dagster_status]
    if facts.dagster_status == "SUCCESS":
        return Status.PARTIAL_FAILED if facts.rejected_rows else Status.SUCCEEDED
    if facts.dagster_status == "FAILURE":
        return Status.FAILED if facts.error_code else Status.CRASHED
    return _PHASES[_current_step(facts)]


def _current_step(facts: RunFacts) -> str:
    """The selected step after the one done last; after the last comes the next batch's first."""
    steps = [s for s in STEPS if s in facts.selected] or list(STEPS)
    if facts.last_done not in steps:
        return steps[0]
    return steps[(steps.index(facts.last_done) + 1) % len(steps)]
