"""Choices: CASE, if and coalesce. What a row does not reach cannot fail for it."""

from __future__ import annotations

from sqlglot import exp

from lume_dagster.plan.comparisons import alike, refuse_unlike, truth
from lume_dagster.plan.rewrite import Rewriter
from lume_dagster.plan.sql import Sql, call, is_null, is_true, not_


def case(rewriter: Rewriter, node: exp.Case) -> Sql:
    """Each branch under the guard that it is taken and none before it was."""
    subject = rewriter.bind(rewriter.rewrite(node.this)) if node.this is not None else None
    passed: list[Sql] = []
    branches = []
    for branch in node.args["ifs"]:
        test = rewriter.under(passed, branch.this)
        taken = truth(rewriter, test) if subject is None else _equal(rewriter, subject, test)
        taken = rewriter.bind(rewriter.safe(taken))
        value = rewriter.under([*passed, is_true(taken)], branch.args["true"])
        passed.append(not_(is_true(taken)))
        branches.append(exp.If(this=taken.copy(), true=value))
    default = node.args.get("default")
    otherwise = None if default is None else rewriter.under(passed, default)
    given = [branch.args["true"] for branch in branches]
    refuse_unlike(rewriter, given if otherwise is None else [*given, otherwise])
    return exp.Case(ifs=branches, default=otherwise)


def _equal(rewriter: Rewriter, subject: Sql, test: Sql) -> Sql:
    left, right = alike(rewriter, [subject.copy(), test])
    return exp.EQ(this=left, expression=right)


def if_(rewriter: Rewriter, node: exp.If) -> Sql:
    """``if(a, b, c)`` is a CASE of one branch."""
    return case(rewriter, exp.Case(ifs=[node.copy()], default=node.args.get("false")))


def coalesce(rewriter: Rewriter, node: exp.Coalesce) -> Sql:
    """Each value under the guard that those before it are NULL."""
    values: list[Sql] = []
    for argument in [node.this, *node.expressions]:
        values.append(rewriter.under([is_null(v) for v in values], argument))
    refuse_unlike(rewriter, values)
    return call("coalesce", *values)


def one_kind(rewriter: Rewriter, node: Sql) -> Sql:
    """``greatest``, ``least`` and lists: a literal text among numbers is a slip."""
    rebuilt = rewriter.rebuild(node)
    first = [rebuilt.this] if isinstance(rebuilt.this, exp.Expr) else []
    refuse_unlike(rewriter, [*first, *rebuilt.expressions])
    return rebuilt
