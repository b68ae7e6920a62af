"""Each attempt to deliver a message: made, written down in Dagster, and read back.

An attempt is an observation of the asset ``<prefix>/webhooks/<name>``: it is seen in the UI, and
goes when the events of the instance are pruned.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lume_dagster.errors import LumeError
from lume_dagster.orchestration.webhooks.endpoint import Webhook
from lume_dagster.orchestration.webhooks.message import (
    message_id,
    of_run,
    of_test,
    signed,
)
from lume_dagster.orchestration.webhooks.post import Answer, post

#: Seconds to wait before each further attempt, a day in all. They are so many that a receiver that
#: fails half of the time misses one message in 260,000.
WAITS = (5, 30, 120, 600, 1_800, 3_600, *[7_200] * 11)
ATTEMPTS = len(WAITS) + 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: of which message, and what came of it."""

    webhook: str
    message_id: str
    run_id: str | None  # None: a test
    number: int  # from 1; 0 where a person asked for it
    at: datetime
    seconds: float
    status: int | None  # of HTTP; None when there was no answer
    said: str
    delivered: bool


def deliver(
    instance: dg.DagsterInstance, prefix: str, webhook: Webhook, run_id: str | None, number: int
) -> Attempt:
    """Make one attempt and write it down."""
    now = datetime.now(UTC)
    identifier = message_id(webhook.name, run_id or f"test {now.isoformat()}")
    started = time.monotonic()
    try:
        body = of_test(now) if run_id is None else of_run(instance, run_id)
        headers = signed(body, identifier, webhook.keys())
        answer = post(
            webhook.address(),
            body,
            headers,
            timeout=webhook.timeout,
            allow_private=webhook.allow_private,
        )
    except LumeError as error:  # a variable that is not set, a run that was pruned
        answer = Answer(None, str(error))
    seconds = round(time.monotonic() - started, 3)
    attempt = Attempt(
        webhook.name,
        identifier,
        run_id,
        number,
        now,
        seconds,
        answer.status,
        answer.said,
        answer.accepted,
    )
    _write_down(instance, prefix, attempt)
    return attempt


def asset_key(prefix: str, webhook: str) -> dg.AssetKey:
    """``lume/webhooks/<name>``, which its attempts are observations of."""
    return dg.AssetKey([prefix, "webhooks", webhook])


def attempts(instance: dg.DagsterInstance, prefix: str, webhook: str, limit: int) -> list[Attempt]:
    """The newest attempts, newest first."""
    found = instance.fetch_observations(asset_key(prefix, webhook), limit=limit).records
    observed = (record.asset_observation for record in found)
    return [_read(webhook, o.metadata) for o in observed if o is not None]


def _write_down(instance: dg.DagsterInstance, prefix: str, attempt: Attempt) -> None:
    outcome = "delivered" if attempt.delivered else f"not delivered: {attempt.said}"
    instance.report_runless_asset_event(
        dg.AssetObservation(
            asset_key(prefix, attempt.webhook),
            description=f"{attempt.run_id or 'A test'}, attempt {attempt.number}: {outcome}",
            metadata={
                "message_id": attempt.message_id,
                **({"run_id": attempt.run_id} if attempt.run_id else {}),
                "attempt": attempt.number,
                "at": attempt.at.isoformat(),
                "seconds": attempt.seconds,
                **({"http_status": attempt.status} if attempt.status else {}),
                "said": attempt.said,
                "delivered": attempt.delivered,
            },
        )
    )


def _read(webhook: str, values: Mapping[str, Any]) -> Attempt:
    plain = {name: value.value for name, value in values.items()}
    return Attempt(
        webhook,
        plain["message_id"],
        plain.get("run_id"),
        plain["attempt"],
        datetime.fromisoformat(plain["at"]),
        plain["seconds"],
        plain.get("http_status"),
        plain["said"],
        plain["delivered"],
    )
