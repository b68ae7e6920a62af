"""Conversions: casts, strptime, the helpers and division. What was there must still be there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time

from sqlglot import exp

from lume_dagster.errors import FlowError, PlanError
from lume_dagster.plan import figures, helpers
from lume_dagster.plan.rewrite import Rewriter
from lume_dagster.plan.sql import (
    Bind,
    Sql,
    all_of,
    call,
    cast,
    is_null,
    is_true,
    matches,
    number,
    present,
    when,
)
from lume_dagster.plan.strict import Conversion, convert, family

NESTED_NUMBER = "DECIMAL(28,10)"  # what parse_number is inside a larger expression

_MOMENTS: dict[str, Callable[[str], object]] = {
    "DATE": date.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "TIME": time.fromisoformat,
}


def cast_(rewriter: Rewriter, node: exp.Cast) -> Sql:
    """A cast is strict about how a text is written; from other types it is SQL's own."""
    to = node.to.sql("duckdb")
    if isinstance(node.this, exp.Literal) and node.this.is_string and to in _MOMENTS:
        return _constant(node, _MOMENTS[to])
    return rewriter.strict(rewriter.walk(node.this), lambda x, _: _converted(rewriter, x, to))


def try_cast(rewriter: Rewriter, node: exp.TryCast) -> Sql:
    """As strict, but forgiving."""
    return rewriter.forgive(lambda: cast_(rewriter, node))


def _constant(node: exp.Cast, read: Callable[[str], object]) -> Sql:
    """``DATE '2024-01-01'``: a literal that is wrong is the flow's fault, not the row's."""
    try:
        read(node.this.name)
    except ValueError as error:
        raise FlowError(f"{node.sql('duckdb')}: {error}.") from None
    return node.copy()


def _converted(rewriter: Rewriter, x: Sql, to: str) -> Conversion:
    of = rewriter.type_of(x)
    conversion = convert(x, of, to, rewriter.bind, explicit=True)
    if conversion is None:
        raise PlanError(f"{of} cannot be cast to {to}.")
    return conversion


def strptime(rewriter: Rewriter, node: exp.StrToTime) -> Sql:
    """One format, or a list of formats tried in turn."""
    formats = node.args["format"]
    wanted = formats.expressions if isinstance(formats, exp.Array) else [formats]
    return _helper(
        rewriter,
        "strptime",
        node.this,
        lambda x, bind: helpers.strptime("strptime", [x, *wanted], bind, date=False),
    )


def try_strptime(rewriter: Rewriter, node: exp.Anonymous) -> Sql:
    """As strict, but forgiving."""
    try:
        value, formats = node.expressions
    except ValueError:
        usage = "try_strptime takes a text and a format, or a list of formats."
        raise FlowError(usage) from None
    return rewriter.forgive(lambda: strptime(rewriter, exp.StrToTime(this=value, format=formats)))


def helper(rewriter: Rewriter, node: exp.Anonymous) -> Sql:
    """A helper for messy data; parse_number gets its type from where it stands."""
    name, args = node.name.lower(), node.expressions
    if not args:
        helpers.expand(name, [], rewriter.bind)
    result = _helper(
        rewriter, name, args[0], lambda x, bind: helpers.expand(name, [x, *args[1:]], bind)
    )
    if name != "parse_number" or _stands_alone(node):
        return result
    return rewriter.strict(result, lambda x, _: _converted(rewriter, x, NESTED_NUMBER))


def number_text(rewriter: Rewriter, node: exp.Anonymous) -> Sql:
    """A number written as a text."""
    name, args = node.name.lower(), node.expressions
    write = figures.writer(name, args)
    given = rewriter.walk(args[0])
    kind = rewriter.type_of(given)
    if family(kind) not in ("integer", "decimal", "float", "null"):
        raise PlanError(f"{name} writes a number, not {kind}.", hint="parse_number(...) first.")
    double = rewriter.strict(given, lambda x, bind: _lossless(x, kind, bind))
    return rewriter.strict(double, write)


def _lossless(x: Sql, of: str, bind: Bind) -> Conversion:
    """A number as a double; a whole number that is none has no digits to write."""
    if family(of) != "integer":
        return Conversion(cast(x, "DOUBLE"))
    conversion = convert(x, of, "DOUBLE", bind)
    assert conversion is not None  # noqa: S101 - of a whole number there is one
    return conversion


def _helper(
    rewriter: Rewriter, name: str, argument: Sql, make: Callable[[Sql, Bind], Conversion]
) -> Sql:
    given = rewriter.walk(argument)
    kind = rewriter.type_of(given)
    if kind not in ("VARCHAR", '"NULL"'):
        raise PlanError(f"{name} reads text, not {kind}.", hint="CAST(... AS VARCHAR) first.")
    return rewriter.strict(cast(given, "VARCHAR") if kind != "VARCHAR" else given, make)


def _stands_alone(node: Sql) -> bool:
    """The value itself is wanted: the field or a cast decides its type."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return parent is None or isinstance(parent, exp.Cast)


def divide(rewriter: Rewriter, node: exp.Binary) -> Sql:
    """Engines disagree on x / 0 (infinity, NULL, an error), so it is an error of the row."""
    left, right = rewriter.walk(node.this), rewriter.walk(node.expression)
    if not isinstance(right, exp.Literal) or not right.name.strip("0."):
        divisor = rewriter.bind(rewriter.safe(right))
        zero = exp.EQ(this=divisor.copy(), expression=number(0))
        rewriter.fail("DIVISION_BY_ZERO", "divides by zero", is_true(zero), divisor)
        right = call("nullif", divisor, number(0))
    rest = {name: value for name, value in node.args.items() if name not in ("this", "expression")}
    return type(node)(this=left, expression=right, **rest)


def finite(rewriter: Rewriter, node: Sql) -> Sql:
    """Roots, powers and logarithms: engines disagree on those that no number is the answer to."""
    tried = rewriter.bind(rewriter.safe(rewriter.rebuild(node)))
    if family(rewriter.type_of(tried)) != "float":
        return tried
    value = rewriter.bind(when(call("isfinite", tried), tried))
    lost = all_of([present(tried), is_null(value)])
    rewriter.fail("EXPRESSION_FAILED", "could not be computed", lost, tried)
    return value


#: Microseconds since 1970 that are a time stamp; beyond them ``TRY`` cannot catch the engine.
_MOMENT_RANGE = (-9_223_372_022_400_000_000, 9_223_372_036_854_775_806)


def from_microseconds(rewriter: Rewriter, node: exp.UnixToTime) -> Sql:
    """``make_timestamp(x)`` of one argument."""
    low, high = map(number, _MOMENT_RANGE)

    def make(x: Sql, _bind: Bind) -> Conversion:
        within = exp.Between(this=x.copy(), low=low, high=high)
        message = "is out of the range of time stamps"
        return Conversion(when(within, call("make_timestamp", x)), "EXPRESSION_FAILED", message)

    return rewriter.strict(rewriter.walk(node.this), make)


def with_pattern(rewriter: Rewriter, node: Sql) -> Sql:
    """A function that compiles its pattern only when it runs: a literal one is tried at once."""
    if isinstance(node.expression, exp.Literal):
        probe = exp.RegexpLike(this=exp.Literal.string(""), expression=node.expression.copy())
        rewriter.type_of(probe)
    return rewriter.rebuild(node)


def escape(rewriter: Rewriter, node: exp.Escape) -> Sql:
    """``LIKE ... ESCAPE``: the engine stops at a pattern that ends with its escape, past TRY."""
    like, sign = node.this, node.expression
    if isinstance(like.expression, exp.Literal):
        return rewriter.rebuild(node)
    letter = rf"\x{{{ord(sign.name):x}}}"
    whole = rf"(?s)([^{letter}]|{letter}.)*"

    def make(x: Sql, _bind: Bind) -> Conversion:
        message = "ends with its escape character"
        return Conversion(when(matches(x, whole), x), "EXPRESSION_FAILED", message)

    pattern = rewriter.strict(rewriter.walk(like.expression), make)
    liked = type(like)(this=rewriter.walk(like.this), expression=pattern)
    return exp.Escape(this=liked, expression=sign.copy())
