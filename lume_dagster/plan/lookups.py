"""Lookups: the value a seed holds for a key, joined once for each seed and key."""

from __future__ import annotations

from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.plan.rewrite import Rewriter
from lume_dagster.plan.sql import Sql, all_of, cast, is_null, present

_USAGE = "lookup takes a seed's name, a key and a column's name: lookup('airports', dest, 'name')."


def look_up(rewriter: Rewriter, node: exp.Anonymous) -> Sql:
    """An unknown key is an error; a key that is NULL finds nothing and is none."""
    return _look_up(rewriter, node, strict=True)


def try_look_up(rewriter: Rewriter, node: exp.Anonymous) -> Sql:
    """An unknown key gives NULL."""
    return _look_up(rewriter, node, strict=False)


def _look_up(rewriter: Rewriter, node: exp.Anonymous, *, strict: bool) -> Sql:
    if rewriter.variables:
        raise FlowError("lookup cannot be used inside a list (each).")
    seed, key, wanted = _arguments(node)
    table, slot = rewriter.scope.seeds.slot(seed, wanted)
    rewriter.seeds.add((seed, wanted))
    chain = rewriter.scope.chain
    asked = rewriter.safe(rewriter.walk(key))
    is_text = rewriter.type_of(asked) == "VARCHAR"
    bound = chain.bind(asked if is_text else cast(asked, "VARCHAR"), "VARCHAR")
    if strict:
        missing = all_of([present(bound), is_null(chain.look_up(table, bound, "k"))])
        rewriter.fail("LOOKUP_NOT_FOUND", f"is not in the seed {seed}", missing, bound)
    return chain.look_up(table, bound, slot)


def _arguments(node: exp.Anonymous) -> tuple[str, Sql, str]:
    try:
        seed, key, wanted = node.expressions
    except ValueError:
        raise FlowError(_USAGE) from None
    if not all(isinstance(name, exp.Literal) and name.is_string for name in (seed, wanted)):
        raise FlowError(_USAGE)
    return seed.name, key, wanted.name
