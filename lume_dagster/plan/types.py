"""The type of an expression where it can be told without asking the engine, which takes 1 ms each.

Only where the engine would say the same, and would have nothing to complain of: a regular
expression or a date format that a person wrote may be wrong, so the engine is asked about those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlglot import exp

from lume_dagster.plan.sql import Sql, is_generated

Types = Mapping[str, str]  # of the columns and variables in scope, by name

_TEXT, _TRUTH = "VARCHAR", "BOOLEAN"
_NAMES = {"TEXT": _TEXT, "VARCHAR": _TEXT} | {
    name: name for name in ("BIGINT", "BOOLEAN", "DATE", "DOUBLE", "TIME", "TIMESTAMP", "UUID")
}

#: Functions of texts that give a text, and calls of our own making by what they give.
_TEXT_FUNCTIONS = (exp.Upper, exp.Lower, exp.Trim, exp.Replace, exp.ConcatWs, exp.DPipe)
_CALLS = {
    "regexp_full_match": _TRUTH,
    "regexp_matches": _TRUTH,
    "contains": _TRUTH,
    "regexp_replace": _TEXT,
    "replace": _TEXT,
    "lower": _TEXT,
    "trim": _TEXT,
    "nullif": _TEXT,
}


def known_type(value: Sql, types: Types) -> str | None:
    """The DuckDB type, or None where only the engine can tell."""
    rule = _RULES.get(type(value))
    return rule(value, types) if rule is not None else None


def _column(value: Sql, types: Types) -> str | None:
    return types.get(value.name) if not value.args.get("table") else None


def _literal(value: Sql, _types: Types) -> str | None:
    return _TEXT if value.is_string else None


def _inner(value: Sql, types: Types) -> str | None:
    return known_type(value.this, types)


def _cast(value: Sql, types: Types) -> str | None:
    """Casts are ours: a person's become conversions, which cast only what can be cast."""
    if known_type(value.this, types) is None:
        return None
    to = value.args["to"].sql("duckdb").replace(" ", "")
    return to if to.startswith("DECIMAL(") else _NAMES.get(to)


def _all_text(value: Sql, types: Types) -> str | None:
    return _TEXT if _each_is(_TEXT, _operands(value), types) else None


def _call(value: Sql, types: Types) -> str | None:
    if not is_generated(value) or not _each_is(_TEXT, value.expressions, types):
        return None
    return _CALLS.get(value.name)


def _same(value: Sql, types: Types) -> str | None:
    """The one type of all operands."""
    found = {known_type(operand, types) for operand in _operands(value)}
    return found.pop() if len(found) == 1 else None


def _compared(value: Sql, types: Types) -> str | None:
    return _TRUTH if _same(value, types) else None


def _likened(value: Sql, types: Types) -> str | None:
    return _TRUTH if _all_text(value, types) else None


def _is(value: Sql, types: Types) -> str | None:
    return _TRUTH if known_type(value.this, types) else None


def _logic(value: Sql, types: Types) -> str | None:
    return _TRUTH if _each_is(_TRUTH, _operands(value), types) else None


def _case(value: Sql, types: Types) -> str | None:
    branches = value.args["ifs"]
    asked = known_type(value.this, types) if value.this else _TRUTH
    if asked is None or not _each_is(asked, (branch.this for branch in branches), types):
        return None
    results = [branch.args["true"] for branch in branches]
    default = value.args.get("default")
    if default is not None:
        results.append(default)
    found = {known_type(result, types) for result in results}
    return found.pop() if len(found) == 1 else None


def _each_is(wanted: str, values: Iterable[Sql], types: Types) -> bool:
    return all(known_type(value, types) == wanted for value in values)


def _operands(value: Sql) -> list[Sql]:
    """The expressions among the arguments of a node."""
    found: list[Sql] = []
    for argument in value.args.values():
        several = argument if isinstance(argument, list) else [argument]
        found += [each for each in several if isinstance(each, exp.Expr)]
    return found


_RULES: dict[type[Sql], Callable[[Sql, Types], str | None]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: lambda _value, _types: _TRUTH,
    exp.Paren: _inner,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Anonymous: _call,
    exp.Nullif: _same,
    exp.Coalesce: _same,
    exp.Case: _case,
    exp.Is: _is,
    exp.Like: _likened,
    **dict.fromkeys(_TEXT_FUNCTIONS, _all_text),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In), _compared),
    **dict.fromkeys((exp.Not, exp.And, exp.Or), _logic),
}
