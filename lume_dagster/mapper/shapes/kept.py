"""``shapes.yaml`` beside a draft: how the values looked that its mapping was made from.

It is no part of a version, and holds shapes: values only of columns with few of them, and only
where somebody wanted them kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field
from sqlglot import exp

from lume_dagster.errors import FlowError, PlanError
from lume_dagster.flows.flow_file import read_bytes, read_model
from lume_dagster.flows.lock_file import exclusively, write_atomically
from lume_dagster.flows.model import Flow, FlowName, Part
from lume_dagster.flows.yaml_text import Inline, write_yaml
from lume_dagster.mapper.lineage import lineage_of
from lume_dagster.mapper.nodes import leaves
from lume_dagster.mapper.sample import Sample, SampleColumn
from lume_dagster.mapper.shapes.compare import ShapeChange, compare
from lume_dagster.mapper.shapes.look import Look, look_at
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.names import find_column
from lume_dagster.plan.plan import SourceColumn
from lume_dagster.plan.used_columns import used_columns

SHAPES_NAME = "shapes.yaml"
_HEADER = (
    "# How the values looked that the mapping was made from; letters as A or a, digits as 9.\n"
    "# `lume map` and `lume drift --accept` write it, `lume drift` compares with it.\n"
)


class Shapes(Part):
    """What stands in ``shapes.yaml``."""

    shapes: Literal[1] = Field(1, description="Version of the format of files of shapes.")
    flow: FlowName = Field(description="Name of the flow.")
    rows: int = Field(description="How many rows were looked at.")
    columns: Mapping[str, Look] = Field({}, description="By path: city, lines[].sku.")


def shapes_of(flow: Flow, sample: Sample, *, keep_values: bool = False) -> Shapes:
    """How the columns look that a flow uses."""
    columns = {
        path: look_at(_texts(flow, column), keep_values=keep_values)
        for path, column in _used(flow, sample)
    }
    return Shapes(flow=flow.flow, rows=len(sample.rows), columns=columns)


def read_shapes(folder: Path) -> Shapes | None:
    """What is kept in a flow's folder; None where nothing is.

    Raises:
        FlowError: the file cannot be read, or is another flow's.
    """
    path = folder / SHAPES_NAME
    if not path.exists():
        return None
    shapes = read_model(read_bytes(path), Shapes, path, "shapes: 1, flow, rows, columns")
    if shapes.flow != folder.name:
        message = f"{path}: it belongs to the flow {shapes.flow!r}, not to {folder.name!r}."
        raise FlowError(message, hint="delete it: lume drift --accept writes it anew.")
    return shapes


def keep_shapes_of(
    folder: Path, flow: Flow, sample: Sample, *, keep_values: bool | None = None
) -> Path:
    """Keep how a sample looks; values where they are wanted, or where they were kept before."""
    if keep_values is None:
        before = read_shapes(folder)
        keep_values = before is not None and any(look.values for look in before.columns.values())
    return keep_shapes(folder, shapes_of(flow, sample, keep_values=keep_values))


def keep_shapes(folder: Path, shapes: Shapes) -> Path:
    """Write them beside the draft in a flow's folder."""
    columns = {
        path: Inline(look.model_dump(mode="json", exclude_defaults=True))
        for path, look in shapes.columns.items()
    }
    value = {"shapes": 1, "flow": shapes.flow, "rows": shapes.rows, "columns": columns}
    with exclusively(folder):
        write_atomically(folder / SHAPES_NAME, (_HEADER + write_yaml(value)).encode())
    return folder / SHAPES_NAME


def shape_changes(flow: Flow, shapes: Shapes, sample: Sample) -> tuple[ShapeChange, ...]:
    """How the values of a batch differ from what is kept, column by column."""
    codes = _codes(flow)
    return tuple(
        change
        for path, column in _used(flow, sample)
        if path in shapes.columns
        for change in compare(path, shapes.columns[path], _texts(flow, column), codes.get(path, ()))
    )


def columns_of(flow: Flow, names: Sequence[str]) -> dict[str, str]:
    """The columns of a batch that a flow uses, to the names that it has for them."""
    there = [SourceColumn(name, "", "") for name in names]
    found: dict[str, str] = {}
    for name in used_columns(flow):
        try:
            found[find_column(name, there, flow.source.also_called).name] = name
        except PlanError:  # it is missing, and told of as such
            continue
    return found


def _used(flow: Flow, sample: Sample) -> Iterator[tuple[str, SampleColumn]]:
    """The places a flow may read, by the names that it has for the columns."""
    used = columns_of(flow, list(dict.fromkeys(place.column for place in sample.columns)))
    for place in sample.columns:
        if place.column in used and not place.is_list:
            yield used[place.column] + place.path[len(place.column) :], place


def _texts(flow: Flow, column: SampleColumn) -> list[str | None]:
    """The values, without those that the source says mean none."""
    nulls = frozenset(flow.source.format.nulls)
    return [None if value in nulls else value for value in column.values]


def _codes(flow: Flow) -> dict[str, tuple[str, ...]]:
    """Of columns that nothing but code lists read, as they are: the codes that all of them know."""
    known: dict[str, list[set[str]]] = {}
    for leaf in leaves(flow.mapping, flow.target_schema):
        where = f"mapping.{leaf.path}"
        lineage = lineage_of(leaf.expression, where, leaf.variables)
        codes = {code for code, _ in lineage.lookups}
        for path in lineage.sources:
            known.setdefault(path, []).append(
                codes if _is_listed(leaf.expression, where) else set()
            )
    return {path: tuple(sorted(set.intersection(*lists))) for path, lists in known.items()}


def _is_listed(expression: str, where: str) -> bool:
    """Whether it is ``code_list(column, {...})``, and nothing more."""
    tree = parse_expression(expression, where)
    is_list = isinstance(tree, exp.Anonymous) and tree.name.lower() == "code_list"
    return is_list and isinstance(tree.expressions[0], exp.Column | exp.Dot)
