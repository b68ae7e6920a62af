"""`lume webhooks`: whom runs are reported to, what was delivered, and once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.running import LAST, find
from lume_dagster.cli.shell import InOrder, Shell, text_of, verb
from lume_dagster.errors import InvalidRequestError, did_you_mean

if TYPE_CHECKING:
    import dagster as dg

    from lume_dagster.orchestration.webhooks.deliveries import Attempt
    from lume_dagster.orchestration.webhooks.endpoint import Webhook
    from lume_dagster.orchestration.workspace import Workspace

_COLUMNS = ("at", "webhook", "run", "attempt", "answer", "seconds", "said")


@click.group(cls=InOrder)
def webhooks() -> None:
    """See whom runs are reported to, and what was delivered."""


@verb(name="list")
def list_(shell: Shell) -> None:
    """List the webhooks of the project."""
    from urllib.parse import urlsplit

    with _opened() as (workspace, _):
        found = workspace.webhooks
        hosts = {w.name: urlsplit(w.address()).hostname for w in found}
    rows = [
        (w.name, hosts[w.name], ", ".join(w.flows) or "all", ", ".join(w.statuses)) for w in found
    ]
    told = [
        {"name": w.name, "host": hosts[w.name], "flows": w.flows, "statuses": w.statuses}
        for w in found
    ]
    none = (
        "This project has no webhooks; give build_definitions some, or add a LumeWebhooksComponent."
    )
    columns = ("webhook", "host", "flows", "outcomes")
    shell.answer(told, lambda: shell.table(columns, rows) if rows else click.echo(none))


@verb()
@click.argument("name")
def test(shell: Shell, name: str) -> None:
    """Post a test message to the webhook NAME now."""
    with _opened() as (workspace, instance):
        _post(shell, workspace, instance, _named(workspace, name), None)


@verb()
@click.argument("run_id", metavar="[RUN]", default=LAST)
@click.option("--webhook", help="Only to this one.")
def resend(shell: Shell, run_id: str, webhook: str | None) -> None:
    """Post the outcome of RUN once more, under its message id.

    The last run, when none is named.
    """
    from lume_dagster.orchestration.query import read_summary

    run_id = find(run_id).id if run_id == LAST else run_id
    with _opened() as (workspace, instance):
        summary = read_summary(instance, run_id)
        if not summary.status.ended:
            raise InvalidRequestError(
                f"{run_id} is {summary.status}; there is no outcome yet.",
                hint="try again when it has ended.",
            )
        chosen = [_named(workspace, webhook)] if webhook else list(workspace.webhooks)
        if not chosen:
            raise InvalidRequestError("This project has no webhooks.")
        for one in chosen:
            _post(shell, workspace, instance, one, run_id)


@verb()
@click.option("--webhook", help="Only of this one.")
@click.option("--limit", type=click.IntRange(1), default=50, help="At most so many.")
def deliveries(shell: Shell, webhook: str | None, limit: int) -> None:
    """List the newest attempts to deliver, newest first."""
    from lume_dagster.orchestration.webhooks.deliveries import attempts

    with _opened() as (workspace, instance):
        chosen = [_named(workspace, webhook)] if webhook else workspace.webhooks
        found = [a for w in chosen for a in attempts(instance, workspace.prefix, w.name, limit)]
    found = sorted(found, key=lambda a: a.at, reverse=True)[:limit]
    shell.answer(
        [asdict(a) for a in found],
        lambda: tell_attempts(shell, found) if found else click.echo("Nothing was posted yet."),
    )


def _post(
    shell: Shell,
    workspace: Workspace,
    instance: dg.DagsterInstance,
    webhook: Webhook,
    run_id: str | None,
) -> None:
    from lume_dagster.orchestration.webhooks.deliveries import deliver

    attempt = deliver(instance, workspace.prefix, webhook, run_id, 0)
    shell.answer(asdict(attempt), lambda: tell_attempts(shell, [attempt]))
    if not attempt.delivered:
        said, _, hint = attempt.said.partition("\nHint: ")
        answer = f"it answered {attempt.status}" if attempt.status else ""
        why = ": ".join(part for part in (answer, said) if part).rstrip(".") or "no answer came"
        raise InvalidRequestError(
            f"The webhook {webhook.name} did not take the message: {why}.",
            hint=hint
            or "a receiver that has taken a message answers 2xx; see why this one did not.",
        )


def tell_attempts(shell: Shell, found: Sequence[Attempt]) -> None:
    """One line for each attempt; where those do not fit a screen, a few: ids stay whole."""
    rows = [
        (
            a.at.isoformat(" ", "seconds").removesuffix("+00:00"),
            a.webhook,
            a.run_id or "test",
            a.number or "by hand",
            a.status or "none",
            a.seconds,
            a.said,
        )
        for a in found
    ]
    if shell.fits(_COLUMNS, rows):
        shell.table(_COLUMNS, rows)
        return
    for at, webhook, run, attempt, answer, seconds, said in rows:
        click.echo(f"{at}  {webhook}  attempt {attempt}, answer {answer}, {text_of(seconds)} s")
        click.echo(f"  {run}" + "".join(f"\n  {line}" for line in str(said).splitlines()))


def _named(workspace: Workspace, name: str) -> Webhook:
    known = {webhook.name: webhook for webhook in workspace.webhooks}
    if name not in known:
        raise InvalidRequestError(f"There is no webhook {name}.", hint=did_you_mean(name, known))
    return known[name]


@contextmanager
def _opened() -> Iterator[tuple[Workspace, dg.DagsterInstance]]:
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.project import find_project, load_project

    workspace = load_project(find_project()).workspace
    with open_instance(workspace.data) as instance:
        yield workspace, instance


for command in (list_, test, deliveries, resend):
    webhooks.add_command(command)
