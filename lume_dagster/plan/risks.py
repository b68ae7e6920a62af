"""Which parts of an expression can stop a query on the values of one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from lume_dagster.plan.functions import MAY_FAIL
from lume_dagster.plan.sql import Sql, is_generated

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
#: sqlglot's keys of functions that a person knows by another name.
_KEYS = frozenset(
    {"pow", "timetostr", "timestamptrunc", "datefromparts", "timestampfromparts", "datebin"}
    | {"unixtotime"}
)
#: Nodes, and the arguments that may stop a query unless they are literals: a pattern is compiled,
#: a place in a text has bounds.
_UNLESS_LITERAL: Mapping[type[Sql], tuple[str, ...]] = {
    exp.SimilarTo: ("expression",),
    exp.RegexpLike: ("expression", "flag"),
    exp.RegexpFullMatch: ("expression", "options"),
    exp.RegexpExtract: ("expression", "group", "parameters"),
    exp.RegexpExtractAll: ("expression", "group", "parameters"),
    exp.RegexpReplace: ("expression", "replacement", "modifiers"),
    exp.Substring: ("start", "length"),
    exp.Left: ("expression",),
    exp.Right: ("expression",),
    exp.Interval: ("this",),
    exp.Pad: ("fill_pattern",),
}
#: The same for functions known by name only: the place of the argument.
_NAMED_UNLESS_LITERAL: Mapping[str, int] = {"date_part": 0, "date_trunc": 0, "date_diff": 0}


@dataclass(slots=True)
class Tried:
    """What may fail among all that is tried, and whether any of it is computed twice."""

    twice: bool = False
    _named: dict[str, Sql] = field(default_factory=dict)  # by what was tried: what holds it
    _risks: set[str] = field(default_factory=set)

    def with_names(self, value: Sql) -> Sql:
        """The value, reading what was tried before by its name.

        Only where it is a part of arithmetic, which is NULL where a part is: anything else might
        make a value of what has failed.
        """
        named = value.copy()
        if isinstance(value, (*_ARITHMETIC, exp.Paren, exp.Neg)):
            for place, part in value.args.items():
                if isinstance(part, exp.Expr):
                    named.set(place, self._name_of(part) or self.with_names(part))
        return named

    def _name_of(self, part: Sql) -> Sql | None:
        known = self._named.get(part.sql("duckdb"))
        return known.copy() if isinstance(known, exp.Column) else None

    def add(self, value: Sql, computed: Sql, held: Sql) -> None:
        """Take note of a value, of how it is computed, and of what holds it then.

        It counts once however often it is added.
        """
        written = value.sql("duckdb")
        if written in self._named:
            return
        self._named[written] = held
        for risk in (node.sql("duckdb") for node in computed.walk() if _may_fail(node)):
            self.twice = self.twice or risk in self._risks
            self._risks.add(risk)


def may_fail(value: Sql) -> bool:
    """Whether computing it could stop the query, for some row."""
    return any(_may_fail(node) for node in value.walk())


def _may_fail(node: Sql) -> bool:
    if isinstance(node, exp.Neg):
        return not isinstance(node.this, exp.Literal)
    if isinstance(node, _ARITHMETIC):
        return True
    wanted = _UNLESS_LITERAL.get(type(node))
    if wanted is not None:
        return any(_varies(node.args.get(name)) for name in wanted)
    if isinstance(node, exp.Func) and not isinstance(node, exp.Cast | exp.Case | exp.And | exp.Or):
        return _call_may_fail(node)
    return False


def _call_may_fail(node: exp.Func) -> bool:
    if not isinstance(node, exp.Anonymous):
        return bool({node.sql_name().lower(), node.key} & MAY_FAIL) or node.key in _KEYS
    name = node.name.lower()
    place = None if is_generated(node) else _NAMED_UNLESS_LITERAL.get(name)
    return name in MAY_FAIL or (place is not None and _varies(node.expressions[place]))


def _varies(argument: object) -> bool:
    inner = argument.unnest() if isinstance(argument, exp.Expr) else None
    if isinstance(inner, exp.Neg):
        inner = inner.this.unnest()
    return inner is not None and not isinstance(inner, exp.Literal | exp.Var)
