"""What a webhook says of a run, and the headers that prove who said it."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from standardwebhooks import Webhook as Signer

from lume_dagster.orchestration.query import read_details
from lume_dagster.runs.record import RunDetails

SIGNATURE = "X-Lume-Signature-256"
TEST = "webhook.test"
_NAMESPACE = uuid.UUID("7c0f6f0e-7a57-5a43-8f0e-0c8f2d1b6a5e")


def message_id(webhook: str, run_id: str) -> str:
    """The same for each delivery of one outcome to one receiver, which may thus know it again."""
    return f"msg_{uuid.uuid5(_NAMESPACE, f'{webhook} {run_id}').hex}"


def of_run(instance: dg.DagsterInstance, run_id: str) -> bytes:
    """The body of a message about a run that has ended.

    Raises:
        InvalidRequestError: there is no such run.
    """
    details = read_details(instance, run_id)
    ended = details.summary.finished_at or details.summary.created_at
    return _body(f"run.{details.summary.status.lower()}", ended, _summary(details))


def of_test(now: datetime) -> bytes:
    """The body of a message that only shows that the way is open."""
    return _body(TEST, now, {"message": "This is a test; no run has ended."})


def _summary(details: RunDetails) -> Mapping[str, Any]:
    told = details.metadata
    run = told["run"]
    flow_version = run["flow_version"] or ""
    kept = ("run_id", "flow_version", "source_path", "status", "run_metadata")
    times = ("created_at", "started_at", "finished_at")
    figures = ("row_counts", "error_rate", "error", "outputs")
    return {
        **{name: run[name] for name in kept},
        "flow": flow_version.partition(":")[0] or None,
        **{name: run[name] for name in times},
        **{name: told.get(name) for name in figures},
    }


def _body(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    message = {"type": kind, "timestamp": at.isoformat(), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def signed(
    body: bytes, identifier: str, keys: Sequence[bytes], now: datetime | None = None
) -> dict[str, str]:
    """The headers of a message: Standard Webhooks by every key, and ours by the newest.

    The form is that of https://www.standardwebhooks.com; ``X-Lume-Signature-256`` is the
    HMAC-SHA256 of the body in hexadecimal digits.
    """
    at = now or datetime.now(UTC)
    by_all = [Signer(key).sign(identifier, at, body.decode()) for key in keys]
    return {
        "Content-Type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(by_all),
        SIGNATURE: hmac.new(keys[0], body, hashlib.sha256).hexdigest(),
    }
