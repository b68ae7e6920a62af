"""The handful of SQL shapes every part of the planner builds with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp

Sql = exp.Expr
#: Computes a value once, ahead, where that is possible; gives back what stands for it.
Bind = Callable[[Sql], Sql]


def text(value: str) -> exp.Literal:
    """A string literal."""
    return exp.Literal.string(value)


def number(value: float | str) -> Sql:
    """A number literal, negative ones too."""
    return exp.Literal.number(value)


def call(name: str, *args: Sql) -> Sql:
    """A function call under exactly this name."""
    return exp.Anonymous(this=name, expressions=[a.copy() for a in args], generated=True)


def is_generated(value: Sql) -> bool:
    """Whether a call was made by ``call``, and not written by a person."""
    return bool(value.args.get("generated"))


def cast(value: Sql, to: str) -> Sql:
    """A cast that fails; only for casts that cannot."""
    return exp.Cast(this=value.copy(), to=exp.DataType.build(to, dialect="duckdb"))


def try_cast(value: Sql, to: str) -> Sql:
    """A cast that gives NULL where there is no such value."""
    return exp.TryCast(this=value.copy(), to=exp.DataType.build(to, dialect="duckdb"), safe=True)


def is_null(value: Sql) -> Sql:
    """``value IS NULL``."""
    return exp.Is(this=exp.paren(value) if _loose(value) else value.copy(), expression=exp.null())


def is_true(value: Sql) -> Sql:
    """``value IS TRUE``: never NULL."""
    return exp.Is(this=exp.paren(value), expression=exp.true())


def not_(value: Sql) -> Sql:
    """``NOT (value)``."""
    return exp.Not(this=exp.paren(value))


def present(value: Sql) -> Sql:
    """``value IS NOT NULL``."""
    return exp.Not(this=is_null(value))


def all_of(conditions: Iterable[Sql | None]) -> Sql:
    """AND over what is given; TRUE for nothing."""
    given = [exp.paren(c) for c in conditions if c is not None]
    return exp.and_(*given, copy=False, wrap=False) if given else exp.true()


def any_of(conditions: Iterable[Sql | None]) -> Sql:
    """OR over what is given; FALSE for nothing."""
    given = [exp.paren(c) for c in conditions if c is not None]
    return exp.or_(*given, copy=False, wrap=False) if given else exp.false()


def when(condition: Sql, then: Sql, otherwise: Sql | None = None) -> Sql:
    """``CASE WHEN condition THEN then [ELSE otherwise] END``."""
    case = exp.Case(ifs=[exp.If(this=condition.copy(), true=then.copy())])
    if otherwise is not None:
        case.set("default", otherwise.copy())
    return case


def one_of(value: Sql, choices: Iterable[Sql]) -> Sql:
    """``value IN (choices)``."""
    return exp.In(this=value.copy(), expressions=[c.copy() for c in choices])


def matches(value: Sql, pattern: str) -> Sql:
    """The whole text matches the RE2 pattern."""
    return call("regexp_full_match", value, text(pattern))


def attempt(value: Sql) -> Sql:
    """``TRY(value)``: NULL where computing it fails."""
    return exp.Try(this=value.copy())


def lambda_(variable: str, body: Sql) -> Sql:
    """``LAMBDA variable: body``."""
    return exp.Lambda(this=body.copy(), expressions=[exp.to_identifier(variable)])


def struct(pairs: Iterable[tuple[str, Sql]]) -> Sql:
    """A struct value with named fields."""
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=text(name), expression=value.copy()) for name, value in pairs
        ]
    )


def column(name: str) -> exp.Column:
    """A column of our own naming."""
    return exp.column(name)


def alias(value: Sql, name: str) -> Sql:
    """``value AS "name"``."""
    return exp.alias_(value.copy(), exp.to_identifier(name, quoted=True), copy=False)


def _loose(value: Sql) -> bool:
    return isinstance(value, exp.Binary | exp.Unary | exp.Between | exp.In) and not isinstance(
        value, exp.Paren | exp.Dot
    )
