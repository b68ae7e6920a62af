"""Comparisons and conditions: a text beside a number, a date or a truth value is converted first.

Left to the engine, one text that does not read as the other type would stop the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time

from sqlglot import exp

from lume_dagster.errors import PlanError
from lume_dagster.plan.rewrite import Rewriter
from lume_dagster.plan.risks import may_fail
from lume_dagster.plan.sql import Sql, try_cast, when
from lume_dagster.plan.strict import Conversion, convert, family

#: Whole numbers up to here are exact as a double, and a text such as 1.5 compares with them.
_EXACT = 2**53
_BESIDE = {
    "integer": "BIGINT", "decimal": "DOUBLE", "float": "DOUBLE", "date": "DATE", "time": "TIME",
    "timestamp": "TIMESTAMP", "instant": "TIMESTAMP", "uuid": "UUID", "boolean": "BOOLEAN",
}  # fmt: skip
#: What a literal text must be to stand beside a value; the engine reads more, but never less.
_READERS: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(("integer", "decimal", "float"), float),
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "instant": datetime.fromisoformat,
    "time": time.fromisoformat,
}
_SPECIAL = frozenset({"infinity", "-infinity", "epoch"})  # texts that the engine reads as dates
#: Nodes that are true, false or NULL, whatever they are made of.
_TRUTHS = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Null)


def compare(rewriter: Rewriter, node: Sql) -> Sql:
    """``=``, ``<``, ``BETWEEN``, ``IN`` and their kin, all operands of one kind."""
    rebuilt = rewriter.rebuild(node)
    if isinstance(node, exp.In | exp.Between):
        rebuilt.set("this", _once(rewriter, rebuilt.this))
    names = [n for n in ("this", "expression", "low", "high") if rebuilt.args.get(n) is not None]
    listed = rebuilt.args.get("expressions") or []
    operands = alike(rewriter, [*(rebuilt.args[n] for n in names), *listed])
    for name, operand in zip(names, operands, strict=False):
        rebuilt.set(name, operand)
    if listed:
        rebuilt.set("expressions", operands[len(names) :])
    return rebuilt


def _once(rewriter: Rewriter, value: Sql) -> Sql:
    """What the engine compares with each of several values; it writes it out for each."""
    tried = rewriter.bind(rewriter.safe(value))
    if rewriter.variables and may_fail(tried):  # in an item of a list nothing is bound
        rewriter.scope.tried.twice = True
    return tried


def null_if(rewriter: Rewriter, node: exp.Nullif) -> Sql:
    """``nullif(x, 1)``: compared as any two values, but what stays is ``x`` as it was."""
    rebuilt = rewriter.rebuild(node)
    kept = rewriter.bind(rewriter.safe(rebuilt.this))
    left, right = alike(rewriter, [kept, rebuilt.expression])
    if left is kept and right is rebuilt.expression:
        return exp.Nullif(this=kept, expression=right)
    return when(exp.EQ(this=left, expression=right), exp.null(), kept)


def alike(rewriter: Rewriter, operands: Sequence[Sql]) -> list[Sql]:
    """The operands with texts converted to what they are compared with.

    Raises:
        PlanError: a literal text can never be what it is compared with.
    """
    kinds = [_family(rewriter, operand) for operand in operands]
    if "text" not in kinds or not set(kinds) & _BESIDE.keys():
        return list(operands)
    at = next(i for i, kind in enumerate(kinds) if kind in _BESIDE)
    to = _type_beside(operands, kinds, kinds[at])
    return [
        _converted(rewriter, operand, kinds[at], to) if kind == "text" else operand
        for operand, kind in zip(operands, kinds, strict=True)
    ]


def _type_beside(operands: Sequence[Sql], kinds: Sequence[str], kind: str) -> str:
    """What texts become beside these: numbers stay exact, and 1.5 is no reason to fail."""
    others = [o for o, k in zip(operands, kinds, strict=True) if k in ("integer", "decimal")]
    if kind == "integer" and all(_is_small(other) for other in others):
        return "DOUBLE"
    if kind == "integer" and any(_literal_number(other) is not None for other in others):
        return "HUGEINT"
    return _BESIDE[kind]


def _converted(rewriter: Rewriter, operand: Sql, kind: str, to: str) -> Sql:
    if _is_text(operand):
        _refuse_odd(operand, kind)
        return operand  # the engine reads it once, as it always did
    if kind == "boolean":
        return truth(rewriter, operand)

    def make(x: Sql, bind: Callable[[Sql], Sql]) -> Conversion:
        conversion = convert(x, "VARCHAR", to, bind)
        assert conversion is not None  # noqa: S101 - of a text there is one
        return conversion

    return rewriter.strict(operand, make)


def logic(rewriter: Rewriter, node: Sql) -> Sql:
    """AND, OR and NOT over what is true or false."""
    rebuilt = rewriter.rebuild(node)
    for name in ("this", "expression"):
        if rebuilt.args.get(name) is not None:
            rebuilt.set(name, truth(rewriter, rebuilt.args[name]))
    return rebuilt


def truth(rewriter: Rewriter, condition: Sql) -> Sql:
    """A condition; a text counts as what the engine takes for true or false, anything else fails.

    Raises:
        PlanError: a literal text as a condition.
    """
    if isinstance(condition.unnest(), _TRUTHS) or _family(rewriter, condition) != "text":
        return condition
    if _is_text(condition):
        raise PlanError(f"{condition.sql('duckdb')} is a text and no condition.")
    return rewriter.strict(
        condition,
        lambda x, _: Conversion(
            try_cast(x, "BOOLEAN"), "INVALID_BOOLEAN", "is neither true nor false"
        ),
    )


def refuse_unlike(rewriter: Rewriter, values: Sequence[Sql]) -> None:
    """Refuse results of one choice that can never be of one type.

    Raises:
        PlanError: a literal text beside a number or a date that does not read as one.
    """
    texts = [value for value in values if _is_text(value)]
    if not texts or len(texts) == len(values):
        return
    for kind in (_family(rewriter, value) for value in values if not _is_text(value)):
        for value in texts:
            _refuse_odd(value, kind)


def _refuse_odd(value: Sql, kind: str) -> None:
    written = value.unnest().name.strip()
    reader = _READERS.get(kind)
    if reader is None or _may_read(reader, written):
        return
    raise PlanError(
        f"the text {written!r} stands beside a value of another kind ({kind}).",
        hint="write all of them as the same, with a CAST where needed.",
    )


def _may_read(reader: Callable[[str], object], written: str) -> bool:
    """Whether the engine might read it: it reads dates and numbers that Python does not."""
    try:
        reader(written)
    except ValueError:
        return any(sign.isdigit() for sign in written) or written.lower() in _SPECIAL
    return True


def _family(rewriter: Rewriter, value: Sql) -> str:
    if _is_text(value):
        return "text"
    number = _literal_number(value)
    if number is not None:
        return "integer" if isinstance(number, int) else "decimal"
    return family(rewriter.type_of(value))


def _is_text(value: Sql) -> bool:
    inner = value.unnest()
    return isinstance(inner, exp.Literal) and bool(inner.is_string)


def _is_small(value: Sql) -> bool:
    number = _literal_number(value)
    return number is not None and abs(number) <= _EXACT


def _literal_number(value: Sql) -> int | float | None:
    inner = value.unnest()
    sign = -1 if isinstance(inner, exp.Neg) else 1
    literal = inner.this.unnest() if isinstance(inner, exp.Neg) else inner
    if not isinstance(literal, exp.Literal) or literal.is_string:
        return None
    written = literal.name
    return sign * (int(written) if written.isdigit() else float(written))
