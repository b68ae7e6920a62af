"""The arguments of helpers that must be literals: texts, and lists of codes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.plan.sql import Sql


def literals(name: str, args: list[Sql]) -> list[str]:
    """The texts that a helper takes after its first argument.

    Raises:
        FlowError: one of them is no text in quotes.
    """
    values = [a.name for a in args if isinstance(a, exp.Literal) and a.is_string]
    if len(values) != len(args):
        raise FlowError(f"{name}: every argument after the first is a text in single quotes.")
    return values


def pairs_of(
    name: str, value: Sql, example: str = "{'p': 'PAID', 'o': 'OPEN'}"
) -> Mapping[str, Sql]:
    """Codes in lower case, and the literal that each stands for.

    Raises:
        FlowError: it is no such list, or a code is in it twice.
    """
    listed = value.this if isinstance(value, exp.ToMap) else value
    if not isinstance(listed, exp.Struct) or not listed.expressions:
        raise FlowError(f"{name}: the second argument is a list such as {example}.")
    pairs: dict[str, Sql] = {}
    for item in listed.expressions:
        code = lower(item.this.name.strip())
        if not isinstance(item.expression, exp.Literal | exp.Boolean | exp.Null | exp.Neg):
            raise FlowError(f"{name}: the value of {item.this.name!r} must be a literal.")
        if code in pairs:
            raise FlowError(f"{name}: the code {item.this.name!r} is listed twice.")
        pairs[code] = item.expression
    return pairs


def lower(code: str) -> str:
    """As the engine does it, letter by letter: Python has a sigma of its own for ends of words."""
    return "".join(letter.lower()[0] for letter in code)
