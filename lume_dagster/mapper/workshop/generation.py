"""Have a mapping generated: what people stand for is kept, what they know elsewhere is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import MissingExtraError
from lume_dagster.flows.model import Flow
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.nodes import complete, expressions, leaves, node_at, with_node
from lume_dagster.mapper.proposal import Beside, Draft
from lume_dagster.mapper.review import kept_fields, learned_codes, read_review, remembered
from lume_dagster.mapper.sample import take_sample
from lume_dagster.mapper.workshop.documents import Proposed
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.running import changed_flow
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.items import list_read_by

_ITEM = "item"


@dataclass(frozen=True, slots=True)
class Generated:
    """A flow with the mapping that was generated, and what was said of each field."""

    flow: Flow
    proposals: Mapping[str, Proposed]
    made_by: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of the data: what codes mean by field, and what columns mean."""

    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    names: tuple[tuple[str, str], ...] = ()


def generate(
    place: Place,
    flow: Flow,
    staged: StagedBatch,
    keep: Collection[str] = (),
    said: Said | None = None,
) -> Generated:
    """The flow with a generated mapping.

    Args:
        place: where, and by what.
        flow: the flow as it is.
        staged: the data to generate it from.
        keep: paths that keep their mapping; what is proposed by a person or approved does so too.
        said: what a person has said of the data.

    Raises:
        MissingExtraError: there is nothing to generate with.
    """
    tool = place.tools.generate
    if tool is None:
        raise MissingExtraError.for_extra("Generating a mapping", "mapper")
    schema = flow.target_schema
    pinned = _pinned(place, flow, keep)
    made = tool(
        take_sample(place.settings, staged),
        schema,
        pinned=_speaking_of_item(flow, pinned),
        memory=remembered(place.library, schema, but=flow.flow),
        beside=_beside(place, flow, said or Said()),
    )
    mapping = _with_kept(made, flow, schema, pinned)
    return Generated(
        changed_flow(flow, mapping=complete(mapping, schema)), _proposals(made), made.made_by, made
    )


def _beside(place: Place, flow: Flow, said: Said) -> Beside:
    """What the flow says of its source, other flows have learned, and the person has said."""
    codes = learned_codes(place.library, flow.target_schema, but=flow.flow)
    for path, pairs in said.codes.items():
        codes[path] = {**codes.get(path, {}), **pairs}
    return Beside(
        flow.seeds,
        place.flows / flow.flow,
        tuple(flow.source.format.nulls),
        flow.source.also_called,
        codes,
        said.names,
    )


def _pinned(place: Place, flow: Flow, keep: Collection[str]) -> dict[str, str]:
    """What stays as it is: paths with their expressions."""
    standing = expressions(flow.mapping, flow.target_schema)
    decided = kept_fields(read_review(place.flows / flow.flow), standing)
    return {
        path: expression
        for path, expression in standing.items()
        if expression is not None and (path in decided or path in keep)
    }


def _with_kept(
    made: Draft, flow: Flow, schema: TargetSchema, pinned: Mapping[str, str]
) -> dict[str, Any]:
    """The generated mapping, where a kept field is as it was even if the generator forgot it."""
    mapping = dict(made.mapping)
    there = expressions(mapping, schema)
    for path, expression in pinned.items():
        whole = path.partition("[]")[0]  # of what lies in a list, the list
        node = node_at(flow.mapping, schema, whole)
        if isinstance(node, Mapping):
            mapping = with_node(mapping, schema, whole, node)
        elif there.get(path) != expression:
            mapping = with_node(mapping, schema, path, expression)
    return mapping


def _speaking_of_item(flow: Flow, pinned: Mapping[str, str]) -> dict[str, str]:
    """The expressions as generators write them: an item of a list is called ``item``."""
    variables = {leaf.path: leaf.variables for leaf in leaves(flow.mapping, flow.target_schema)}
    return {
        path: _renamed(expression, variables[path][-1][0], path) if variables[path] else expression
        for path, expression in pinned.items()
    }


def _renamed(expression: str, variable: str, path: str) -> str:
    if variable == _ITEM:
        return expression
    tree = parse_expression(expression, f"mapping.{path}").copy()
    for column in tree.find_all(exp.Column):
        first = next(p for p in ("catalog", "db", "table", "this") if column.args.get(p))
        if column.args[first].name == variable and list_read_by(column) is None:
            column.set(first, exp.to_identifier(_ITEM))
    return tree.sql("duckdb")


def _proposals(made: Draft) -> dict[str, Proposed]:
    return {
        p.path: Proposed(
            confidence=p.confidence, verdict=p.verdict.value, kind=p.kind, reasons=p.reasons
        )
        for p in made.proposals
    }
