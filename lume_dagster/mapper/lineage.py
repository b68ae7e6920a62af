"""What an expression is made from: source columns, other fields, constants, code lists, seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.items import ITEM, list_read_by
from lume_dagster.plan.names import path_of

_FALLBACKS = (exp.Coalesce,)
_LOOKUPS = frozenset({"lookup", "try_lookup"})
_LOOKUP_ARGUMENTS = 3


@dataclass(frozen=True, slots=True)
class Lineage:
    """What one expression is made from, each in order of appearance."""

    sources: tuple[str, ...] = ()  # paths in the source: city, customer.city, lines[].sku
    fields: tuple[str, ...] = ()  # paths of other target fields
    defaults: tuple[str, ...] = ()  # constants it gives as they are
    lookups: tuple[tuple[str, str], ...] = ()  # pairs of its code lists
    seeds: tuple[tuple[str, str], ...] = ()  # seed and column
    conditional: bool = False


def lineage_of(expression: str, where: str, variables: Sequence[tuple[str, str]] = ()) -> Lineage:
    """The lineage of an expression.

    Args:
        expression: in the flow language.
        where: names the field in an error.
        variables: names for items of lists, each with the expression of its list, inner last.
    """
    tree = parse_expression(expression, where)
    paths = _placed_paths(tree, _lists(variables))
    return Lineage(
        sources=_distinct(".".join(p) for p in paths if p[0] != "target" or len(p) == 1),
        fields=_distinct(".".join(p[1:]) for p in paths if p[0] == "target" and len(p) > 1),
        defaults=_distinct(_defaults(tree)),
        lookups=tuple(dict.fromkeys(_code_lists(tree))),
        seeds=tuple(dict.fromkeys(_seeds(tree))),
        conditional=tree.find(exp.Case, exp.If) is not None,
    )


def _distinct(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _lists(variables: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Variable -> path of the items it stands for."""
    found: dict[str, str] = {}
    for name, each in variables:
        paths = _placed_paths(parse_expression(each, "a list"), found)
        found[name] = f"{'.'.join(paths[0])}[]" if paths else name
    return found


def _placed_paths(tree: exp.Expr, lists: dict[str, str]) -> list[tuple[str, ...]]:
    """The paths of an expression, from the columns on."""
    return [_placed(node, lists) for node in _names(tree)]


def _placed(node: exp.Column | exp.Dot, lists: dict[str, str]) -> tuple[str, ...]:
    first, *rest = path = path_of(node)
    listed = list_read_by(node) if first == ITEM else None
    if listed is not None:
        whole = _placed_paths(listed, lists)
        return (f"{'.'.join(whole[0])}[]", *rest) if whole else path
    if first in lists:
        return (lists[first], *rest)
    return tuple(rest) if first == "source" and rest else path


def _names(tree: exp.Expr) -> Iterator[exp.Column | exp.Dot]:
    """The longest path at each place where a column is named."""
    for node in tree.walk(bfs=False):
        inside = isinstance(node.parent, exp.Dot) and node.parent.this is node
        if isinstance(node, exp.Column | exp.Dot) and not inside:
            yield node


def _defaults(tree: exp.Expr) -> Iterator[str]:
    bare = tree.unnest()
    constant = _constant(bare)
    if constant is not None:
        yield constant
    if isinstance(bare, exp.Case):
        for branch in (*(i.args["true"] for i in bare.args["ifs"]), bare.args.get("default")):
            yield from () if branch is None else _defaults(branch)
    for node in tree.find_all(*_FALLBACKS):
        for value in node.expressions:
            constant = _constant(value)
            if constant is not None:
                yield constant


def _constant(node: exp.Expr) -> str | None:
    bare = node.unnest()
    if isinstance(bare, exp.Literal):
        return bare.name
    if isinstance(bare, exp.Boolean):
        return "true" if bare.this else "false"
    if isinstance(bare, exp.Neg) and isinstance(bare.this, exp.Literal):
        return f"-{bare.this.name}"
    return _constant(bare.this) if isinstance(bare, exp.Cast) else None


def _calls(tree: exp.Expr) -> Iterator[tuple[str, list[exp.Expr]]]:
    for node in tree.find_all(exp.Anonymous):
        yield node.name.lower(), node.expressions


def _code_lists(tree: exp.Expr) -> Iterator[tuple[str, str]]:
    for name, arguments in _calls(tree):
        if name == "code_list" and isinstance(arguments[-1], exp.Struct):
            for pair in arguments[-1].expressions:
                yield pair.this.name, pair.expression.name

    for case in tree.find_all(exp.Case):
        for branch in case.args["ifs"] if case.this is not None else ():
            code, value = _constant(branch.this), _constant(branch.args["true"])
            if code is not None and value is not None:
                yield code, value


def _seeds(tree: exp.Expr) -> Iterator[tuple[str, str]]:
    for name, arguments in _calls(tree):
        if name in _LOOKUPS and len(arguments) == _LOOKUP_ARGUMENTS:
            yield arguments[0].name, arguments[2].name
