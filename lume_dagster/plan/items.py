"""Lists as expressions read them, and figures over their items: how many, their sum, the first.

``sum_of(lines, item.qty)``: what is counted is an expression of its own, in which ``item`` is each
item in turn. What fails for an item fails for its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.errors import FlowError, PlanError
from lume_dagster.plan.functions import HELPERS
from lume_dagster.plan.names import path_of
from lume_dagster.plan.rewrite import Failure, Rewriter
from lume_dagster.plan.sql import (
    Sql,
    all_of,
    call,
    cast,
    is_null,
    is_true,
    lambda_,
    number,
    present,
    text,
    when,
)
from lume_dagster.plan.strict import Conversion, convert, family

ITEM = "item"  # what stands for an item in the helpers of this file
SUMMED = "DECIMAL(38,10)"  # what a text in a sum is read as: exact, unlike a DOUBLE


# -- lists ----------------------------------------------------------------------------------------


def list_of(tree: Sql, rewriter: Rewriter) -> tuple[Sql, str]:
    """The list that an expression gives, and the type of its items; JSON stays JSON inside.

    Raises:
        PlanError: it gives no list.
    """
    if isinstance(tree, exp.Column | exp.Dot):
        value, kind = rewriter.resolve(path_of(tree))
    else:
        value = rewriter.rewrite(tree)
        kind = rewriter.type_of(value)
    if kind == "JSON":
        return _json_list(value, rewriter), "JSON"
    if not kind.endswith("]"):
        raise PlanError(
            f"a list is wanted, the expression gives {kind}.",
            hint="string_split makes one of a text.",
        )
    return rewriter.bind(value), kind[: kind.rindex("[")]


def _json_list(value: Sql, rewriter: Rewriter) -> Sql:
    given = rewriter.bind(
        when(exp.NEQ(this=call("json_type", value), expression=text("NULL")), value)
    )
    is_array = exp.EQ(this=call("json_type", given), expression=text("ARRAY"))
    items = rewriter.bind(when(is_array, call("json_extract", given, text("$[*]"))))
    lost = all_of([present(given), is_null(items)])
    rewriter.fail("INVALID_ARRAY", "is not a list", lost, given)
    return items


def any_item(items: Sql, variable: str, condition: Sql, shown: Sql) -> tuple[Sql, Sql]:
    """Whether a condition is true of any item, and what is to be shown of the first of those."""
    bad = call("list_filter", items, lambda_(variable, is_true(condition)))
    first = call("list_extract", call("list_transform", bad, lambda_(variable, shown)), number(1))
    return exp.GT(this=call("len", bad), expression=number(0)), first


# -- figures over items ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Figure:
    """A helper over items: where its value stands among the arguments, and what is made of all."""

    value_at: int  # the place of the expression that speaks of the item
    most: int
    make: Callable[[Rewriter, _Given], Sql]
    needs_value: bool = False


@dataclass(frozen=True, slots=True)
class _Given:
    """The call: its name, the items, the value of each, its type, and what else was said."""

    name: str
    items: Sql
    values: Sql | None
    kind: str
    said: tuple[Sql, ...]


def figure(rewriter: Rewriter, node: exp.Anonymous) -> Sql:
    """What a call of one of OVER_ITEMS becomes."""
    name, args = node.name.lower(), node.expressions
    made = _FIGURES[name]
    least = made.value_at + 1 if made.needs_value else made.value_at
    if not max(1, least) <= len(args) <= made.most:
        raise FlowError(f"{name} got {len(args)} argument(s).", hint=HELPERS[name])
    items, kind = list_of(args[0], rewriter)
    inner = Rewriter(rewriter.scope, {**rewriter.variables, ITEM: kind})
    wanted = args[made.value_at] if len(args) > made.value_at else None
    if wanted is None and name != "count_of":
        wanted = exp.column(ITEM)
    values, of = None, ""
    if wanted is not None:
        values, of = _typed(name, inner, inner.rewrite(wanted))
    _join(rewriter, inner, items)
    each = None if values is None else call("list_transform", items, lambda_(ITEM, values))
    said = tuple(args[1 : made.value_at])
    result = made.make(rewriter, _Given(name, items, each, of, said))
    return rewriter.bind(rewriter.safe(result))


def _typed(name: str, inner: Rewriter, value: Sql) -> tuple[Sql, str]:
    """The value of an item as the figure needs it, and its type."""
    kind = inner.type_of(value)
    wanted = _WANTED.get(name)
    if wanted is None or wanted(kind):
        return value, kind
    if name == "sum_of" and family(kind) == "text":
        return inner.strict(value, lambda x, bind: _number(x, kind, bind)), SUMMED
    if name == "join_of":
        return cast(value, "VARCHAR"), "VARCHAR"
    raise PlanError(f"{name} cannot do with {kind}.", hint=_REMEDIES[name])


def _number(x: Sql, kind: str, bind: Callable[[Sql], Sql]) -> Conversion:
    conversion = convert(x, kind, SUMMED, bind)
    assert conversion is not None  # noqa: S101 - of a text there is one
    return conversion


def _join(outer: Rewriter, inner: Rewriter, items: Sql) -> None:
    """What the items read is read by the row, and what fails for an item fails for the row."""
    outer.sources |= inner.sources
    outer.seeds |= inner.seeds
    outer.upstream += inner.upstream
    for failure in inner.failures:
        found = _of_the_row(failure, items)
        outer.fail(found.code, found.message, found.condition, found.value)


def _of_the_row(failure: Failure, items: Sql) -> Failure:
    shown = cast(failure.value, "VARCHAR")
    condition, value = any_item(items, ITEM, failure.condition, shown)
    return Failure(failure.code, failure.message, condition, value)


def _count(_: Rewriter, given: _Given) -> Sql:
    if given.values is None:
        return call("len", given.items)
    true = call("list_filter", given.values, lambda_("x", is_true(exp.column("x"))))
    return call("len", true)


def _sum(_: Rewriter, given: _Given) -> Sql:
    """Nothing adds up to nothing; where no item has a value, there is no sum."""
    total = call("list_sum", _values(given))
    empty = exp.EQ(this=call("len", given.items), expression=number(0))
    return when(empty, number(0), total)


def _least(_: Rewriter, given: _Given) -> Sql:
    return call("list_min", _values(given))


def _most(_: Rewriter, given: _Given) -> Sql:
    return call("list_max", _values(given))


def _first(_: Rewriter, given: _Given) -> Sql:
    there = call("list_filter", _values(given), lambda_("x", present(exp.column("x"))))
    return call("list_extract", there, number(1))


def _joined(_: Rewriter, given: _Given) -> Sql:
    mark = given.said[0]
    if not (isinstance(mark, exp.Literal) and mark.is_string):
        raise FlowError("join_of: what stands between is a text in single quotes.", hint=_JOIN)
    return call("nullif", call("array_to_string", _values(given), mark), text(""))


def _values(given: _Given) -> Sql:
    assert given.values is not None  # noqa: S101 - only count_of goes without
    return given.values


_JOIN = HELPERS["join_of"]
_ORDERED = (
    "texts are ordered letter by letter: say what they are, item.price::DOUBLE, item.day::DATE."
)
_REMEDIES = {
    "count_of": "what is counted is a condition: count_of(lines, item.qty > 0).",
    "sum_of": "only numbers add up.",
    "min_of": _ORDERED,
    "max_of": _ORDERED,
}
_NUMBERS = frozenset({"integer", "decimal", "float", "null"})
_ORDERABLE = _NUMBERS | {"date", "time", "timestamp", "instant"}
#: Whether a figure can do with values of a type as they are; what is not here takes any.
_WANTED: Mapping[str, Callable[[str], bool]] = {
    "count_of": lambda kind: family(kind) in ("boolean", "null"),
    "sum_of": lambda kind: family(kind) in _NUMBERS,
    "min_of": lambda kind: family(kind) in _ORDERABLE,
    "max_of": lambda kind: family(kind) in _ORDERABLE,
    "join_of": lambda kind: family(kind) == "text",
}
_FIGURES: Mapping[str, _Figure] = {
    "count_of": _Figure(1, 2, _count),
    "sum_of": _Figure(1, 2, _sum),
    "min_of": _Figure(1, 2, _least),
    "max_of": _Figure(1, 2, _most),
    "first_of": _Figure(1, 2, _first),
    "join_of": _Figure(2, 3, _joined),
}
#: The helpers of this file.
OVER_ITEMS = frozenset(_FIGURES)


def list_read_by(name: exp.Expr) -> exp.Expr | None:
    """The list whose item the name ``item`` stands for at its place; None where it is a column's.

    Of figures within one another the innermost counts.
    """
    inner, node = name, name.parent
    while node is not None:
        if (
            isinstance(node, exp.Anonymous)
            and node.name.lower() in OVER_ITEMS
            and node.expressions
            and node.expressions[0] is not inner
        ):
            listed: exp.Expr = node.expressions[0]
            return listed
        inner, node = node, node.parent
    return None
