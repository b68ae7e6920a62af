"""Statements as SQL Server takes them: quoted names, ``?`` for values, texts compared exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.sql.ledger import Statement

if TYPE_CHECKING:
    from sqlglot import exp

DIALECT = "tsql"

#: Two texts are equal under it when their characters are, but for spaces at the end.
EXACT = "Latin1_General_100_BIN2"

_VALUES = re.compile(r"\[(?:[^\]]|\]\])*\]|@(\d+)")


def quoted(name: str) -> str:
    """An identifier, quoted."""
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(DIALECT)


def rendered(statement: Statement) -> tuple[str, list[Any]]:
    """The statement with ``?`` for each value, and the values in that order."""
    tree, values = statement
    text = tree.transform(_exactly, values, copy=True).sql(DIALECT)
    order: list[Any] = []

    def placeholder(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        order.append(values[int(found[1]) - 1])
        return "?"

    return _VALUES.sub(placeholder, text), order


def _exactly(node: exp.Expr, values: Sequence[Any]) -> exp.Expr:
    """Compare a column with a text exactly: the spaces at its end, which ``=`` ignores, count."""
    from sqlglot import exp

    if not isinstance(node, exp.EQ) or not isinstance(node.expression, exp.Parameter):
        return node
    value = values[int(node.expression.this.name) - 1]
    if not isinstance(value, str):
        return node
    collated = exp.Collate(this=node.expression.copy(), expression=exp.Var(this=EXACT))
    length = exp.Anonymous(this="DATALENGTH", expressions=[node.this.copy()])
    return exp.and_(
        exp.EQ(this=node.this.copy(), expression=collated),
        exp.EQ(this=length, expression=exp.Literal.number(utf16_bytes(value))),
    )


def utf16_bytes(text: str) -> int:
    """How long ``nvarchar`` keeps a text."""
    return 2 * sum(2 if ord(character) > 0xFFFF else 1 for character in text)  # noqa: PLR2004
