"""Check the expressions of a flow before there is a batch: every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lume_dagster.errors import LumeError
from lume_dagster.flows.model import Flow
from lume_dagster.plan.compile import Compiler
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.plan import SourceColumn, TypeOracle
from lume_dagster.plan.used_columns import used_columns

#: Formats whose columns all have one type, so that types can be checked without a batch.
_ONE_TYPE = {
    **dict.fromkeys(("csv", "tsv", "excel"), "VARCHAR"),
    **dict.fromkeys(("json", "jsonl"), "JSON"),
}


def check_flow(
    flow: Flow, seed_columns: Mapping[str, tuple[str, ...]], oracle: TypeOracle
) -> tuple[LumeError, ...]:
    """Everything that is wrong with the expressions, as far as that is known without a batch.

    Text and JSON sources are checked with their types, on the columns the flow itself names. For
    Parquet files and databases only what is written is checked: their types come with the batch.
    """
    refused = tuple(_refused(flow))
    if refused:
        return refused
    kind = _ONE_TYPE.get(flow.source.format.type or "")
    if kind is None or flow.source.query is not None:
        return ()
    names = used_columns(flow)
    columns = [SourceColumn(name, f"c{i}", kind) for i, name in enumerate(names)]
    return Compiler(flow, columns, seed_columns, oracle, empty_is_null=kind == "VARCHAR").problems()


def _refused(flow: Flow) -> Iterator[LumeError]:
    for where, text in expressions_of(flow):
        try:
            parse_expression(text, where)
        except LumeError as error:
            yield error


def expressions_of(flow: Flow) -> Iterator[tuple[str, str]]:
    """Every expression of a flow with the place it stands in: ``mapping.departed_at``."""
    for name, node in flow.mapping.items():
        yield from _nested(f"mapping.{name}", node)
    for rule in flow.rules:
        yield f"rules.{rule.name}", rule.check


def _nested(where: str, node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield where, node
    elif isinstance(node, Mapping):
        is_list = "each" in node
        for name, inner in node.items():
            if not (is_list and name == "as"):
                yield from _nested(where if is_list else f"{where}.{name}", inner)
