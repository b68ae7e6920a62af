"""The table of what is special in an expression; an entry here is all a new form needs."""

from __future__ import annotations

from sqlglot import exp

from lume_dagster.plan import (
    choices,
    comparisons,
    conversions,
    items,
    json_values,
    literals,
    lookups,
)
from lume_dagster.plan.figures import NUMBER_TEXTS
from lume_dagster.plan.helpers import EXPANSIONS
from lume_dagster.plan.rewrite import Handlers

HANDLERS = Handlers(
    nodes={
        exp.Cast: conversions.cast_,
        exp.TryCast: conversions.try_cast,
        exp.StrToTime: conversions.strptime,
        exp.Div: conversions.divide,
        exp.IntDiv: conversions.divide,
        exp.Mod: conversions.divide,
        exp.Case: choices.case,
        exp.If: choices.if_,
        exp.Coalesce: choices.coalesce,
        exp.Nullif: comparisons.null_if,
        exp.Bracket: json_values.item,
        exp.Length: json_values.length,
        exp.Escape: conversions.escape,
        exp.UnixToTime: conversions.from_microseconds,
        **dict.fromkeys((exp.Ln, exp.Log, exp.Sqrt, exp.Exp, exp.Pow), conversions.finite),
        **dict.fromkeys((exp.RegexpExtract, exp.RegexpExtractAll), conversions.with_pattern),
        exp.RegexpReplace: conversions.with_pattern,
        **dict.fromkeys((exp.Greatest, exp.Least, exp.Array), choices.one_kind),
        **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), comparisons.compare),
        **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), comparisons.compare),
        **dict.fromkeys((exp.In, exp.Between), comparisons.compare),
        **dict.fromkeys((exp.And, exp.Or, exp.Not), comparisons.logic),
    },
    calls={
        "lookup": lookups.look_up,
        "try_lookup": lookups.try_look_up,
        "try_strptime": conversions.try_strptime,
        **dict.fromkeys(EXPANSIONS, conversions.helper),
        **dict.fromkeys(NUMBER_TEXTS, conversions.number_text),
        **dict.fromkeys(items.OVER_ITEMS, items.figure),
    },
    examine=literals.refuse_unfit,
)
