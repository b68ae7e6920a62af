"""`lume map`: propose how each field of a target is made from a sample, and write it as a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.sampling import format_of, sample_options, tell_oddities, whereabouts
from lume_dagster.cli.shell import Shell, examples, near, verb
from lume_dagster.errors import FlowError, InvalidRequestError

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.engines.settings import EngineSettings
    from lume_dagster.flows.model import Flow, SourceFormat
    from lume_dagster.flows.schema import TargetSchema
    from lume_dagster.mapper.proposal import Draft
    from lume_dagster.mapper.sample import Sample
    from lume_dagster.mapper.workshop.place import Place


@verb(
    name="map",
    epilog=examples(
        "lume map orders.csv --target order.schema.json",
        "lume map orders.csv --target order.schema.json --flow orders",
    ),
)
@sample_options
@click.option(
    "--target",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The target schema, a JSON Schema in JSON or YAML.  [default: that of FLOW]",
)
@click.option("--flow", metavar="FLOW", help="Write the mapping into the draft of FLOW.")
@click.option(
    "--accept",
    type=click.Choice(["auto"]),
    help="Approve the fields that are sure, so that they are kept from now on.",
)
@click.option("--interactive", "-i", is_flag=True, help="Go through the fields that are not sure.")
@click.option("--country", help="Where phone numbers without a country code are from, such as DE.")
@click.option("--model", metavar="PROVIDER:MODEL", help="Ask a language model too.")
@click.option(
    "--privacy",
    type=click.Choice(["names", "shapes", "samples"]),
    help="What of the sample the model is shown.  [default: names]",
)
def map_(  # noqa: PLR0913 - options
    shell: Shell,
    *,
    sample: str | None,
    connector: str | None,
    query: str | None,
    formats: tuple[tuple[str, str], ...],
    target: Path | None,
    flow: str | None,
    accept: str | None,
    interactive: bool,
    country: str | None,
    model: str | None,
    privacy: str | None,
) -> None:
    """Propose how each field of a target is made from a sample.

    SAMPLE is a file, a folder or a glob here; with --connector, a batch of that connector. Each
    expression was run on the sample. Without --flow nothing is written.
    """
    from lume_dagster.cli.mapping_table import tell_draft
    from lume_dagster.mapper.generate import Generator
    from lume_dagster.mapper.model import model_proposer
    from lume_dagster.mapper.model.environment import model_of
    from lume_dagster.orchestration.sampling import staged_aside

    _check(target, flow, accept, interactive=interactive)
    asked = model_of(model, privacy)
    form = format_of(formats) or _format_in(flow, connector)
    with staged_aside(whereabouts(sample, connector, query, form)) as (staged, settings):
        tell_oddities(staged)
        proposer = model_proposer(asked) if asked is not None else None
        generator = Generator(settings, country=country, proposer=proposer)
        if flow is None:
            draft, _ = _looked_at(generator, settings, staged, target)
            shell.answer(_value(draft), lambda: tell_draft(shell, draft))
            return
        place = _place(generator)
        arrives, goes = _usual_connectors()
        source: dict[str, Any] = {"connector": connector or arrives}
        source |= {"query": query} if query else {}
        source |= {"format": form.model_dump(mode="json", exclude_unset=True)} if form else {}
        _begin(place, flow, target, source, goes)
        _map_into(shell, place, flow, staged, accept=accept, interactive=interactive)


def _check(target: Path | None, flow: str | None, accept: str | None, *, interactive: bool) -> None:
    if target is None and flow is None:
        raise InvalidRequestError(
            "There is nothing to map to.", hint="name a schema by --target, or a flow by --flow."
        )
    if flow is None and (accept or interactive):
        raise InvalidRequestError(
            "Decisions are kept beside the draft of a flow.", hint="name the flow by --flow."
        )


def _format_in(flow: str | None, connector: str | None) -> SourceFormat | None:
    """How files are written by the draft that is there already, for a file that lies here."""
    from lume_dagster.client.place import open_place
    from lume_dagster.mapper.workshop.pipelines import pipelines

    if flow is None or connector is not None:
        return None
    place = open_place()
    if flow not in pipelines(place):
        return None
    return place.library.resolve(f"{flow}:draft").flow.source.format


def _looked_at(
    generator: Any, settings: EngineSettings, staged: StagedBatch, target: Path | None
) -> tuple[Draft, Sample]:
    from lume_dagster.mapper.sample import take_sample

    taken = take_sample(settings, staged)
    return generator(taken, _parsed(_read_schema(target))), taken


def _place(generator: Any) -> Place:
    from lume_dagster.client.place import open_place

    place = open_place()
    return replace(place, tools=replace(place.tools, generate=generator))


def _usual_connectors() -> tuple[str, str]:
    """Where files arrive and where rows go: as `lume init` calls them, or what is there instead."""
    from lume_dagster.orchestration.connections import connections
    from lume_dagster.orchestration.project import find_project, load_project

    found = {one.name: one.roles for one in connections(load_project(find_project()))}
    stores = [name for name, roles in found.items() if "files" in roles]
    targets = [name for name, roles in found.items() if "target" in roles]
    targets.sort(key=stores.__contains__)  # rather a database
    arrives = "landing" if "landing" in found or not stores else stores[0]
    goes = "warehouse" if "warehouse" in found or not targets else targets[0]
    return arrives, goes


def _begin(
    place: Place, name: str, target: Path | None, source: Mapping[str, Any], goes: str
) -> None:
    """The draft that is written to: made now, or there, with its target brought up to date."""
    from lume_dagster.mapper.workshop.pipelines import create_pipeline, pipelines, update_pipeline

    schema = None if target is None else _read_schema(target)
    if name in pipelines(place):
        if schema is not None:
            update_pipeline(place, name, target_schema=schema)
    elif schema is None:
        raise InvalidRequestError(
            f"There is no flow {name!r} yet.", hint="give it a target schema by --target."
        )
    else:
        create_pipeline(place, name, schema, source=source, target=goes)


def _map_into(
    shell: Shell,
    place: Place,
    name: str,
    staged: StagedBatch,
    *,
    accept: str | None,
    interactive: bool,
) -> None:
    from lume_dagster.cli.mapping_review import Reviewing
    from lume_dagster.flows.drafts import standing_of, write_draft
    from lume_dagster.mapper.proposal import Decision
    from lume_dagster.mapper.sample import take_sample
    from lume_dagster.mapper.shapes.kept import keep_shapes_of
    from lume_dagster.mapper.workshop.generation import generate

    before = place.library.resolve(f"{name}:draft").flow
    own = _stood_for(place, before)
    made = generate(place, before, staged, keep=own)
    reviewing = Reviewing.of(place, made)
    reviewing.decisions.update(dict.fromkeys(own, Decision.PROPOSED))
    if accept:
        reviewing.accept_sure()
    if interactive:
        reviewing.go_through(staged)
    folder = place.flows / name
    write_draft(folder, reviewing.flow, standing_of(folder))
    reviewing.keep()
    keep_shapes_of(folder, reviewing.flow, take_sample(place.settings, staged))
    draft = replace(made.draft, proposals=reviewing.proposals, mapping=reviewing.flow.mapping)
    value = {"flow": name, "file": str(folder / "flow.yaml"), **_value(draft)}
    shell.answer(value, lambda: _tell(shell, draft, name, folder, reviewing.flow))


def _stood_for(place: Place, flow: Flow) -> set[str]:
    """Fields that somebody has published as they are, or wrote before anything was proposed.

    Those of which a decision is known are not among them.
    """
    from lume_dagster.mapper.nodes import expressions
    from lume_dagster.mapper.review import REVIEW_NAME, kept_fields, read_review
    from lume_dagster.mapper.shapes.kept import SHAPES_NAME

    def made(flow: Flow) -> set[tuple[str, str | None]]:
        said = expressions(flow.mapping, flow.target_schema).items()
        return {(path, how) for path, how in said if how not in (None, "NULL")}

    kept, home = made(flow), place.flows / flow.flow
    if any((home / name).exists() for name in (REVIEW_NAME, SHAPES_NAME)):
        versions = place.library.lock(flow.flow).versions
        names = [f"{flow.flow}:v{one.version}" for one in versions]
        kept &= set().union(*(made(place.library.resolve(name).flow) for name in names))
    return {path for path, _ in kept} - kept_fields(read_review(home), dict(kept)).keys()


def _tell(shell: Shell, draft: Draft, name: str, folder: Path, flow: Flow) -> None:
    from lume_dagster.cli.mapping_table import tell_draft

    tell_draft(shell, draft)
    click.echo(f"\nWritten to {near(folder / 'flow.yaml')}, which takes batches from", nl=False)
    click.echo(f" {flow.source.connector} and writes to {flow.target.connector}.")
    click.echo(f"Look at it, then: lume validate {name}; lume publish {name}")


def _value(draft: Draft) -> dict[str, Any]:
    """The draft as a script reads it."""
    return {
        "fields": [asdict(proposal) for proposal in draft.proposals],
        "mapping": dict(draft.mapping),
        "unused": list(draft.unused),
        "made_by": draft.made_by,
    }


def _read_schema(path: Path | None) -> dict[str, Any]:
    from lume_dagster.flows.yaml_text import read_yaml

    if path is None:
        raise InvalidRequestError("There is no target schema.", hint="name it by --target.")
    document = read_yaml(path.read_bytes())  # JSON is YAML
    if document.problems:
        raise FlowError.of([replace(p, file=near(path)) for p in document.problems])
    if not isinstance(document.value, dict):
        raise FlowError(f"{near(path)} holds no JSON Schema.", hint="begin with type: object.")
    return document.value


def _parsed(schema: Mapping[str, Any]) -> TargetSchema:
    from lume_dagster.flows.schema import TargetSchema

    return TargetSchema.parse(schema)
