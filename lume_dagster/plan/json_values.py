"""``x[1]`` and ``len(x)``, where ``x`` may be a list or a text: of JSON that is told row by row."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.expressions import apply_index_offset

from lume_dagster.plan.names import path_of
from lume_dagster.plan.rewrite import Rewriter
from lume_dagster.plan.sql import Sql, call, text, when


def item(rewriter: Rewriter, node: exp.Bracket) -> Sql:
    """``x[1]``: an item of a list, a letter of a text."""
    rebuilt = rewriter.rebuild(_as_written(node))
    value = _json(rewriter, node.this)
    if value is None or isinstance(rebuilt.expressions[0], exp.Slice):
        return rebuilt
    of_items = rebuilt.copy()
    of_items.set("this", call("json_extract", value, text("$[*]")))
    return when(_is_list(value), rewriter.scalar(of_items), rebuilt)


def _as_written(node: exp.Bracket) -> exp.Bracket:
    """With places counted from 1.

    The parser counts from 0 where it sees that the place is a whole number, and the generator
    counts back where it sees it: of a cast that has become a column, it does not.
    """
    places = apply_index_offset(
        node.this, [place.copy() for place in node.expressions], _FIRST, dialect="duckdb"
    )
    return exp.Bracket(this=node.this, expressions=places, offset=_FIRST)


_FIRST = 1  # of a list, in DuckDB


def length(rewriter: Rewriter, node: exp.Length) -> Sql:
    """``len(x)``: how many items a list has, how many letters a text."""
    rebuilt = rewriter.rebuild(node)
    value = _json(rewriter, node.this)
    if value is None:
        return rebuilt
    return when(_is_list(value), call("len", call("json_extract", value, text("$[*]"))), rebuilt)


def _json(rewriter: Rewriter, node: Sql) -> Sql | None:
    """The JSON value that a name stands for, if it stands for one."""
    if not isinstance(node, exp.Column | exp.Dot):
        return None
    value, kind = rewriter.resolve(path_of(node))
    return value if kind == "JSON" else None


def _is_list(value: Sql) -> Sql:
    return exp.EQ(this=call("json_type", value), expression=text("ARRAY"))
