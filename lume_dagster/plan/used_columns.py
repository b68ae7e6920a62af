"""Which source columns the expressions of a flow name, found without a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from lume_dagster.errors import PlanError
from lume_dagster.flows.model import Flow
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.items import ITEM, list_read_by
from lume_dagster.plan.names import find_column, path_of
from lume_dagster.plan.plan import SourceColumn

#: What names the rows before and after mapping in front of a column: ``source.x``, ``target.x``.
_SOURCE, _TARGET = "source", "target"


def used_columns(flow: Flow) -> tuple[str, ...]:
    """Names of columns as the flow writes them, in the order they come, each once.

    Raises:
        FlowError: an expression that is not allowed.
    """
    names: dict[str, None] = {}
    for name, node in flow.mapping.items():
        names |= dict.fromkeys(_of_node(f"mapping.{name}", node, frozenset()))
    for rule in flow.rules:
        names |= dict.fromkeys(_of_text(f"rules.{rule.name}", rule.check, frozenset()))
    return tuple(names)


def missing_columns(flow: Flow, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that the flow needs and a batch with these columns does not have."""
    given = [SourceColumn(name, "", "") for name in columns]
    return tuple(name for name in used_columns(flow) if not _is_there(flow, name, given))


def _is_there(flow: Flow, name: str, columns: list[SourceColumn]) -> bool:
    try:
        find_column(name, columns, flow.source.also_called)
    except PlanError:
        return False
    return True


def _of_node(where: str, node: object, bound: frozenset[str]) -> Iterator[str]:
    if isinstance(node, str):
        yield from _of_text(where, node, bound)
    elif isinstance(node, Mapping) and "each" in node:
        yield from _of_text(where, str(node["each"]), bound)
        yield from _of_node(where, node.get("item"), bound | {str(node.get("as", ITEM))})
    elif isinstance(node, Mapping):
        for name, inner in node.items():
            yield from _of_node(f"{where}.{name}", inner, bound)


def _of_text(where: str, text: str, bound: frozenset[str]) -> Iterator[str]:
    for node in parse_expression(text, where).dfs():
        if not isinstance(node, exp.Column | exp.Dot) or isinstance(node.parent, exp.Dot):
            continue
        head, *rest = path_of(node)
        if head == ITEM and list_read_by(node) is not None:
            continue
        if rest and head.casefold() == _SOURCE:
            yield rest[0]
        elif head not in bound and not (rest and head.casefold() == _TARGET):
            yield head
