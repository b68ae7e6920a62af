"""Refuse a literal that a function can never take, such as the place 'x' in a text.

The engine converts such a literal only while rows are read, and then stops the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from lume_dagster.errors import PlanError
from lume_dagster.plan.rewrite import Rewriter
from lume_dagster.plan.risks import may_fail
from lume_dagster.plan.sql import Sql, cast, text
from lume_dagster.plan.strict import family

_SOUGHT = (exp.Func, exp.Binary, exp.Bracket, exp.Interval)
#: Nodes whose texts are texts, or that look at literals themselves; all others are tried.
_PASSED = (
    *(exp.Upper, exp.Lower, exp.Trim, exp.Length, exp.Concat, exp.ConcatWs, exp.DPipe, exp.Replace),
    *(exp.Translate, exp.Contains, exp.StartsWith, exp.EndsWith, exp.StrPosition, exp.Split),
    *(exp.RegexpLike, exp.RegexpFullMatch, exp.RegexpExtract, exp.RegexpExtractAll),
    *(exp.RegexpReplace, exp.Like, exp.ILike, exp.SimilarTo, exp.Escape, exp.Levenshtein),
    *(exp.MD5, exp.SHA2, exp.Unicode, exp.TimeToStr, exp.ArrayToString, exp.Pad, exp.Reverse),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is),
    *(exp.In, exp.Between, exp.And, exp.Or, exp.Nullif, exp.Greatest, exp.Least, exp.Array),
    *(exp.Extract, exp.TimestampTrunc, exp.DateTrunc, exp.PropertyEQ, exp.Slice, exp.Struct),
    *(exp.ToMap, exp.Dot),
)
_PASSED_CALLS = frozenset({"strip_accents", "list_value"})
#: A value of each family that functions have an answer for.
_SAMPLES = {
    "text": "a",
    "integer": "1",
    "decimal": "1",
    "float": "1",
    "boolean": "true",
    "date": "2000-01-01",
    "timestamp": "2000-01-01 00:00:00",
    "instant": "2000-01-01 00:00:00+00",
    "time": "00:00:00",
}


def refuse_unfit(rewriter: Rewriter, node: Sql, written: Sql) -> None:
    """Try a node whose parts are rewritten on made-up rows, if it has literal texts to judge.

    Raises:
        PlanError: the engine cannot compute it, whatever the row.
    """
    if not isinstance(node, _SOUGHT) or isinstance(node, _PASSED):
        return
    if isinstance(node, exp.Anonymous) and node.name.lower() in _PASSED_CALLS:
        return
    if not any(map(_is_word, _parts(node))):
        return
    try:
        rewriter.scope.compute(_on_one_row(rewriter, node))
    except PlanError as error:
        said = error.message.partition("Error: ")[2] or error.message
        raise PlanError(
            f"{written.sql('duckdb')}: {said.rstrip('.')}.",
            hint="write a literal of the kind that is taken here.",
        ) from None


def _is_word(part: Sql) -> bool:
    """A text, or the unit that ``date_diff`` makes of one."""
    return isinstance(part, exp.Var) or (isinstance(part, exp.Literal) and bool(part.is_string))


def _parts(node: Sql) -> Iterator[Sql]:
    for value in node.args.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Expr):
                yield part


def _on_one_row(rewriter: Rewriter, node: Sql) -> Sql:
    """The node over made-up columns in place of whatever comes out of the batch's."""
    tried = node.copy()
    samples: list[Sql] = []
    for part, own in zip(list(_parts(tried)), list(_parts(node)), strict=True):
        if next(own.find_all(exp.Column), None) is not None:
            part.replace(exp.column(f"p{len(samples)}"))
            samples.append(_sample(rewriter.type_of(own), bare=may_fail(node)))
    # Of a row with NULL alone the engine would know what comes out, and compute nothing.
    rows = exp.values(
        [tuple(samples or [exp.null()])] * 2, "t", [f"p{i}" for i, _ in enumerate(samples or [0])]
    )
    return exp.select(tried).from_(rows)


def _sample(kind: str, *, bare: bool) -> Sql:
    """NULL where the values of a row may be at fault, and not the literals."""
    value = None if bare else _SAMPLES.get(family(kind))
    return cast(exp.null() if value is None else text(value), kind)
