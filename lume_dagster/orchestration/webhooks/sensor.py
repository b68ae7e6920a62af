"""The sensor that posts the outcomes of runs, and tries again for a day."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from lume_dagster.orchestration.query import summarize
from lume_dagster.orchestration.webhooks.cursor import Cursor, Due, load_cursor
from lume_dagster.orchestration.webhooks.deliveries import ATTEMPTS, WAITS, Attempt, deliver
from lume_dagster.orchestration.webhooks.endpoint import Webhook

_ENDED = [dg.DagsterRunStatus[s] for s in ("SUCCESS", "FAILURE", "CANCELED")]
_MOST = 100  # posts in a tick
_AT_ONCE = 8
_BUDGET = 40.0  # seconds; Dagster ends a tick after sixty
_OVERLAP = 300.0  # seconds in which the record of a run that ended may come to be seen


def webhook_sensor(
    webhooks: Sequence[Webhook], prefix: str, *, interval_seconds: int = 15
) -> dg.SensorDefinition:
    """The sensor ``<prefix>_webhooks``, which is on from the start."""
    by_name = {webhook.name: webhook for webhook in webhooks}

    @dg.sensor(
        name=f"{prefix}_webhooks",
        description="Posts the outcome of each run to " + ", ".join(by_name) + ".",
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def webhooks_of_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        cursor = load_cursor(context.cursor, time.time())
        cursor, words = deliver_what_is_due(context.instance, by_name, prefix, cursor)
        context.update_cursor(cursor.dump())
        return dg.SkipReason(words)

    return webhooks_of_runs


def deliver_what_is_due(
    instance: dg.DagsterInstance, webhooks: Mapping[str, Webhook], prefix: str, cursor: Cursor
) -> tuple[Cursor, str]:
    """One tick: find runs that ended, post what is due, and say what came of it.

    Dying here loses nothing: the cursor is kept by Dagster after the tick, so what was posted is
    posted again, under the same message id.
    """
    now = time.time()
    cursor = with_new_runs(instance, webhooks, cursor, now)
    known = [d for d in sorted(cursor.due) if d.webhook in webhooks]
    ready = [d for d in known if d.at <= now][:_MOST]
    later = [d for d in known if d not in set(ready)]
    made = _all_at_once(instance, webhooks, prefix, ready)
    again = [_again(due, attempt, now) for due, attempt in made]
    cursor = replace(cursor, due=tuple(sorted([*later, *filter(None, again)])))
    delivered = sum(attempt is not None and attempt.delivered for _, attempt in made)
    failed = len(made) - delivered
    return cursor, f"{delivered} delivered, {failed} not, {len(cursor.due)} to be tried later."


def with_new_runs(
    instance: dg.DagsterInstance, webhooks: Mapping[str, Webhook], cursor: Cursor, now: float
) -> Cursor:
    """The cursor with a message due for each run that has ended since, and each receiver."""
    due = list(cursor.due)
    told = dict(cursor.told)
    for record in _ended_since(instance, cursor.since - _OVERLAP):
        run_id, ended = record.dagster_run.run_id, record.end_time or now
        if run_id in told or ended < cursor.since - _OVERLAP:
            continue  # a tag that is added later brings an old run up again
        told[run_id] = ended
        summary = summarize(instance, record)
        flow = (summary.flow_version or "").partition(":")[0]
        concerned = [w for w in webhooks.values() if w.concerns(flow, summary.status)]
        if summary.flow_version is not None:
            due += [Due(now, webhook.name, summary.id) for webhook in concerned]
    recent = {run_id: ended for run_id, ended in told.items() if ended >= now - 2 * _OVERLAP}
    return Cursor(now, recent, tuple(due))


def _ended_since(instance: dg.DagsterInstance, since: float) -> Sequence[dg.RunRecord]:
    """Records of ended runs that were touched since then, the oldest first.

    All at once: Dagster's pages would lose runs that were touched at the same moment.
    """
    query = dg.RunsFilter(statuses=_ENDED, updated_after=datetime.fromtimestamp(since, UTC))
    return instance.get_run_records(query, order_by="update_timestamp", ascending=True)


def _all_at_once(
    instance: dg.DagsterInstance,
    webhooks: Mapping[str, Webhook],
    prefix: str,
    ready: Sequence[Due],
) -> list[tuple[Due, Attempt | None]]:
    """An attempt for each; None where the tick had no time left for it."""
    threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")
    try:
        asked: dict[Due, Future[Attempt]] = {
            due: threads.submit(
                deliver, instance, prefix, webhooks[due.webhook], due.run_id, due.attempt
            )
            for due in ready
        }
        done, _ = wait(asked.values(), timeout=_BUDGET)
        return [(due, made.result() if made in done else None) for due, made in asked.items()]
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def _again(due: Due, attempt: Attempt | None, now: float) -> Due | None:
    """When to try again, if at all."""
    if attempt is None:
        return due
    if attempt.delivered or due.attempt >= ATTEMPTS:
        return None
    return replace(due, at=now + WAITS[due.attempt - 1], attempt=due.attempt + 1)
