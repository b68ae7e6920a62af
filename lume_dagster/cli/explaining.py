"""`lume explain`: how a field of a flow is made, from what, and who stands for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.shell import Shell, examples, verb
from lume_dagster.errors import InvalidRequestError, did_you_mean

if TYPE_CHECKING:
    from lume_dagster.flows.model import FlowVersion
    from lume_dagster.flows.schema import SchemaField


@verb(epilog=examples("lume explain contacts country"))
@click.argument("flow", metavar="FLOW[:vN]")
@click.argument("field")
def explain(shell: Shell, flow: str, field: str) -> None:
    """Say how FIELD is made, from what, and who approved it.

    Its expression, and the columns and seeds in it. FIELD is a path: customer.city, lines[].sku.
    FLOW:draft is the draft.
    """
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.project import find_project, load_project

    library = Library(load_project(find_project()).workspace.flows)
    version = library.resolve(flow)
    found = _field(version, field)
    value = {
        "flow_version": version.address,
        **_about(found),
        **_made(version, field),
        **_decided(library.folder / version.flow.flow, version, field),
    }
    shell.answer(value, lambda: _tell(value))


def _field(version: FlowVersion, path: str) -> SchemaField:
    fields = {f.path: f for f in version.flow.target_schema.walk()}
    if path not in fields:
        raise InvalidRequestError(
            f"{version.flow.flow} has no field {path!r}.", hint=did_you_mean(path, fields)
        )
    return fields[path]


def _about(field: SchemaField) -> dict[str, Any]:
    return {
        "field": field.path,
        "type": field.format or field.type,
        "required": field.required,
        "description": field.description,
    }


def _made(version: FlowVersion, path: str) -> dict[str, Any]:
    """The expression, and what it is made from."""
    from lume_dagster.mapper.lineage import lineage_of
    from lume_dagster.mapper.nodes import leaves

    flow = version.flow
    leaf = next((x for x in leaves(flow.mapping, flow.target_schema) if x.path == path), None)
    if leaf is None:
        return {"expression": None}
    lineage = lineage_of(leaf.expression, f"mapping.{path}", leaf.variables)
    return {
        "expression": leaf.expression,
        "columns": list(lineage.sources),
        "fields": list(lineage.fields),
        "seeds": [f"{seed}.{column}" for seed, column in lineage.seeds],
        "codes": [f"{value} -> {code}" for value, code in lineage.lookups],
        "constants": list(lineage.defaults),
    }


def _decided(folder: Any, version: FlowVersion, path: str) -> dict[str, Any]:
    """Who stands for it, while the field is made as it was when they said so."""
    from lume_dagster.mapper.nodes import expressions
    from lume_dagster.mapper.review import read_review

    flow = version.flow
    said = read_review(folder).fields.get(path)
    standing = expressions(flow.mapping, flow.target_schema).get(path)
    if said is None or said.expression != standing:
        return {"decision": "NOT_REVIEWED"}
    return {
        "decision": said.decision.value,
        "author": said.author,
        "at": str(said.at),
        "note": said.note,
    }


def _tell(value: dict[str, Any]) -> None:
    click.secho(f"{value['field']}", bold=True, nl=False)
    kind = f"{value['type']}{', required' if value['required'] else ''}"
    about = f": {value['description']}" if value["description"] else ""
    click.echo(f"  of {value['flow_version']}  {kind}{about}")
    if value["expression"] is None:
        click.echo("  It is made from nothing: NULL, or the schema's default.")
    else:
        click.echo(f"  {value['expression']}")
        for sentence in _from(value):
            click.echo(f"  - {sentence}")
    click.echo(f"  - {_who(value)}")


def _from(value: dict[str, Any]) -> Iterator[str]:
    parts = (
        ("columns", "Columns"),
        ("fields", "Other fields"),
        ("seeds", "Seeds"),
        ("codes", "Codes"),
        ("constants", "Constants"),
    )
    for key, heading in parts:
        if value[key]:
            yield f"{heading}: {', '.join(value[key])}"


def _who(value: dict[str, Any]) -> str:
    if value["decision"] == "NOT_REVIEWED":
        return "Nobody has reviewed it as it stands."
    why = f": {value['note']}" if value["note"] else ""
    return f"{value['decision'].capitalize()} by {value['author']} at {value['at']}{why}"
