"""`lume schema infer`: a target schema from data that look as the target should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lume_dagster.cli.sampling import format_of, sample_options, tell_oddities, whereabouts
from lume_dagster.cli.shell import InOrder, Shell, examples, near, verb
from lume_dagster.errors import InvalidRequestError, counted


@click.group(cls=InOrder)
def schema() -> None:
    """Make target schemas."""


@verb(
    epilog=examples(
        "lume schema infer orders.csv -o order.schema.json",
        "lume schema infer --connector warehouse --query 'SELECT * FROM crm.contacts'",
    )
)
@sample_options
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="At most so many rows are read.",
)
@click.option(
    "--examples",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Write so many values of each field into the schema. They may be somebody's data.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the schema into a file, which must not exist yet.",
)
def infer(  # noqa: PLR0913 - options
    shell: Shell,
    *,
    sample: str | None,
    connector: str | None,
    query: str | None,
    formats: tuple[tuple[str, str], ...],
    rows: int,
    examples: int,
    output: Path | None,
) -> None:
    """Write the JSON Schema that the rows of SAMPLE keep to.

    SAMPLE is a file, a folder or a glob here; with --connector, a batch of that connector;
    with --query too, what the query gives: SELECT * FROM an existing table.
    """
    from lume_dagster.mapper.infer import infer_schema
    from lume_dagster.mapper.sample import take_sample
    from lume_dagster.orchestration.sampling import staged_aside

    if output is not None and output.exists():
        raise InvalidRequestError(f"{near(output)} is there already.", hint="name another file.")
    where = whereabouts(sample, connector, query, format_of(formats))
    with staged_aside(where) as (staged, settings):
        tell_oddities(staged)
        taken = take_sample(settings, staged, rows)
    found: dict[str, Any] = infer_schema(taken, examples)
    text = json.dumps(found, indent=2, ensure_ascii=False)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
        told = f"{near(output)}: {counted(len(found['properties']), 'field')}"
        shell.answer(found, lambda: click.echo(f"{told} of {counted(len(taken.rows), 'row')}."))
    else:
        click.echo(text)


schema.add_command(infer)
