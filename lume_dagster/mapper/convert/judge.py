"""Judge a program that was tried: what came out, what was lost, how likely it is right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lume_dagster.mapper.convert.facts import Facts, doubtful
from lume_dagster.mapper.convert.program import Converted, Loss, Program
from lume_dagster.mapper.proposal import Shown
from lume_dagster.mapper.trial import Tried

_SHOWN = 5


def judge(
    program: Program,
    tried: Tried,
    columns: Sequence[Facts],
    examples: Mapping[int, str | None],
) -> Converted | None:
    """What a program is worth; None where the engine refuses it."""
    if tried.refused is not None:
        return None
    given = [_given(columns, row, program) for row in range(len(tried.values))]
    loss = _loss(program, tried, columns, given)
    present = sum(given)
    good = sum(
        value is not None and error is None
        for value, error, is_given in zip(tried.values, tried.errors, given, strict=True)
        if is_given
    )
    valid = good / present if present else 1.0
    probability = _probability(program, valid, present, loss) if columns else program.prior
    probability = _by_examples(probability, tried, examples)
    texts = [value for facts in columns if facts.is_text for value in facts.values]
    unsure = doubtful(program.nulls, texts)
    return Converted(
        program.expression,
        program.kind,
        tuple(f.column.path for f in columns),
        round(probability, 4),
        loss,
        (*program.reasons, *(f"{word!r} is taken for no value." for word in unsure)),
        _shown(tried, columns),
        round(valid, 4),
        program.codes,
        program.review or bool(unsure) or bool(columns and not present),
    )


def _given(columns: Sequence[Facts], row: int, program: Program) -> bool:
    """Whether the row has a value at all."""
    texts = [f.texts[row] for f in columns if row < len(f.texts)]
    return any(t is not None and t.strip() and t.strip() not in program.nulls for t in texts)


def _loss(program: Program, tried: Tried, columns: Sequence[Facts], given: Sequence[bool]) -> Loss:
    failed, new_nulls, samples = 0, 0, []
    for row, is_given in enumerate(given):
        if not is_given:
            continue
        if tried.errors[row] is not None:
            failed += 1
            samples.append(_before(columns, row))
        elif tried.values[row] is None:
            new_nulls += 1
    shown = tuple(dict.fromkeys(samples))[:_SHOWN]
    return Loss(program.losses, failed, shown, new_nulls, _collapsed(program, tried, columns))


def _before(columns: Sequence[Facts], row: int) -> str:
    return " | ".join(f.texts[row] or "" for f in columns if row < len(f.texts))


_CANON = re.compile(r"[\s\W_]+")


def _collapsed(program: Program, tried: Tried, columns: Sequence[Facts]) -> int:
    """Distinct values that the program, which keeps values apart, made one."""
    if program.kind not in ("text", "code", "uuid"):
        return 0
    before: dict[str, set[str]] = {}
    for row, value in enumerate(tried.values):
        if value is not None and tried.errors[row] is None:
            before.setdefault(value, set()).add(_CANON.sub("", _before(columns, row)).casefold())
    return sum(len(texts) - 1 for texts in before.values())


def _probability(program: Program, valid: float, present: int, loss: Loss) -> float:
    """The prior, less for what failed or vanished: it may be the wrong program altogether."""
    if not present:
        return min(program.prior, 0.3)
    probability = program.prior
    if valid < 1:
        probability *= max(0.0, 1 - 1.2 * (1 - valid))
    if loss.new_nulls:
        probability *= 1 - 0.8 * loss.new_nulls / present
    if loss.dropped:
        probability *= 0.85
    if loss.collapsed:
        probability *= 0.7
    if present < 5:
        probability *= 0.9 + 0.02 * present
    return max(0.0, min(probability, 0.99))


def _by_examples(probability: float, tried: Tried, examples: Mapping[int, str | None]) -> float:
    """What a person said should come out weighs more than anything."""
    for row, wanted in sorted(examples.items()):
        if row >= len(tried.values):
            continue
        if _same(tried.values[row], wanted):
            probability = 1 - (1 - probability) * 0.4
        else:
            probability *= 0.05
    return probability


def _same(value: str | None, wanted: str | None) -> bool:
    if value is None or wanted is None:
        return value == wanted
    if value == wanted:
        return True
    try:
        return abs(float(value) - float(wanted)) <= 1e-9 * max(1.0, abs(float(wanted)))
    except ValueError:
        return False


def _shown(tried: Tried, columns: Sequence[Facts]) -> tuple[Shown, ...]:
    """A few different rows, before and after; those that fail come first of all."""
    rows: dict[str, Shown] = {}
    order = sorted(range(len(tried.values)), key=lambda r: (tried.errors[r] is None, r))
    for row in order:
        before = {f.column.path: f.texts[row] if row < len(f.texts) else None for f in columns}
        if all(text is None for text in before.values()):
            continue
        rows.setdefault(repr(before), Shown(before, tried.values[row], tried.errors[row]))
        if len(rows) >= _SHOWN:
            break
    return tuple(rows.values())
