"""How a flow's names are spelled in Snowflake, and how a query's columns are spelled in a flow.

Snowflake keeps a name that is written without quotes in upper case: ``ops.orders`` is OPS.ORDERS.
Names are always sent in quotes; by default one that needs no quotes is put in upper case first, and
a result's column of that kind in lower case, so that ``order_id`` here is ORDER_ID there. A name
that needs quotes (a space, another script) is kept as it is. ``quoted_identifiers`` keeps them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    from sqlglot import exp

#: From a flow's name to Snowflake's: ``fold``, or ``str`` where names are kept as they are.
Spelling = Callable[[str], str]

MAX_NAME_BYTES = 255
DIALECT = "snowflake"

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_PLAIN_UPPER = re.compile(r"[A-Z_][A-Z0-9_$]*")


def fold(name: str) -> str:
    """The name as Snowflake keeps it when it is written without quotes, where it can be."""
    return name.upper() if _PLAIN.fullmatch(name) else name


def unfold(name: str) -> str:
    """The lower-case spelling of a name that needs no quotes."""
    return name.lower() if _PLAIN_UPPER.fullmatch(name) else name


def quoted(name: str) -> str:
    """The name between quotes."""
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(DIALECT)


def literal(value: str) -> str:
    """The value as a literal: for what Snowflake cannot bind, a comment or a file's path."""
    from sqlglot import exp

    return exp.Literal.string(value).sql(DIALECT)


def columns_spelled(columns: Sequence[Column], spell: Spelling) -> tuple[Column, ...]:
    """The columns under the names Snowflake keeps, of which no two may be one."""
    names = [spell(column.name) for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConnectorError(
            f"Several fields of the flow are one column in Snowflake: {', '.join(twice)}.",
            hint="rename them, or set quoted_identifiers on the connector",
        )
    return tuple(replace(c, name=name) for c, name in zip(columns, names, strict=True))


def statement(expression: exp.Expr, spell: Spelling) -> str:
    """A statement that is alike on every database, with Snowflake's names and placeholders.

    Its values stand in the order of their numbers, each once, as ``?`` wants them.
    """
    from sqlglot import exp

    def own(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Parameter):
            return exp.Placeholder()
        if isinstance(node, exp.Identifier):
            return exp.to_identifier(spell(node.name), quoted=True)
        return node

    return expression.transform(own).sql(DIALECT)
