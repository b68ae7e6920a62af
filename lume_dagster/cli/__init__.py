"""The `lume` command: the same verbs as the Python client, for people and for scripts."""

from __future__ import annotations

import click

from lume_dagster.cli import (
    completion,
    connect,
    demo,
    drift,
    explaining,
    flows,
    init,
    mapping,
    partitions,
    prune,
    rejects,
    results,
    running,
    schema,
    serve,
    ui,
    webhooks,
)
from lume_dagster.cli.shell import InOrder
from lume_dagster.collector import collect_seldom
from lume_dagster.ending import ending_at_once

VERBS = (
    demo.demo,
    init.init,
    connect.connect,
    schema.schema,
    mapping.map_,
    flows.validate,
    flows.publish,
    flows.activate,
    flows.rollback,
    flows.diff,
    flows.versions,
    explaining.explain,
    drift.drift,
    running.run,
    running.status,
    running.runs,
    running.cancel,
    results.download,
    rejects.rejects,
    partitions.partitions,
    prune.prune,
    webhooks.webhooks,
    serve.serve,
    ui.ui,
    completion.completion,
)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lume-dagster", message="%(prog)s %(version)s")
def lume() -> None:
    """Map data you do not control into a schema you do, on Dagster.

    A FLOW says how; FLOW:vN is a version of it, frozen. A run maps one batch: good rows reach the
    target, bad rows become rejects with their reasons.
    """


for command in VERBS:
    lume.add_command(command)


def main() -> None:
    """What the `lume` script and `python -m lume_dagster.cli` call."""
    collect_seldom()
    with ending_at_once():
        lume(prog_name="lume")
