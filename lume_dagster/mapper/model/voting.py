"""Does the model come to what was found offline, and, where it does not, does it say so again."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.model.batches import Batch
from lume_dagster.mapper.model.prompt import digest
from lume_dagster.mapper.model.rounds import Case, Setup, ask_once, prompt_of
from lume_dagster.mapper.model.trying import canonical, columns_in
from lume_dagster.mapper.model.values import Answer


def agreed(setup: Setup, batch: Batch, settled: dict[str, Answer]) -> None:
    """Note on each answer whether it comes to the offline expression: the same text or values.

    Where the model was shown an expression there is no telling: it may have copied it.
    """
    for field in batch.fields:
        offline = setup.question.offline.get(field.path)
        answer = settled.get(field.path)
        if answer is None or offline is None or field.path in setup.question.current:
            continue
        if answer.agrees is None:
            same = answer.expression is not None and _same(setup, field, answer.expression, offline)
            settled[field.path] = replace(answer, agrees=same)


def _same(setup: Setup, field: SchemaField, one: str, other: str) -> bool:
    if canonical(one) == canonical(other):
        return True
    mine, theirs = (_outputs(setup, field, text) for text in (one, other))
    return bool(mine) and mine == theirs


def _outputs(setup: Setup, field: SchemaField, expression: str) -> tuple[str | None, ...]:
    used = columns_in(expression, setup.question.columns)
    return setup.workbench.judge(field, expression, used).outputs


def vote(setup: Setup, batch: Batch, settled: dict[str, Answer], times: int) -> None:
    """Ask again where model and offline differ, the columns in another order; most votes win.

    Without a majority there is no answer.
    """
    doubtful = [f for f in batch.fields if f.path in settled and settled[f.path].agrees is False]
    if not doubtful:
        return
    ballots: dict[str, list[Answer]] = {f.path: [settled[f.path]] for f in doubtful}
    for number in range(1, times):
        shuffled = _shuffled(setup, batch, doubtful, number)
        cases = [Case(field) for field in doubtful]
        for case, given, outcome in ask_once(setup, shuffled, cases):
            path = case.field.path
            stands = None if outcome.faults else outcome.expression
            ballots[path].append(
                Answer(path, stands, outcome.sources, given.confidence, given.reason)
            )
    for field in doubtful:
        settled[field.path] = _elected(ballots[field.path], times)
    agreed(setup, batch, settled)


def _shuffled(setup: Setup, batch: Batch, fields: list[SchemaField], number: int) -> Batch:
    """Always the same order for the same question."""
    prompt, _ = prompt_of(setup, batch, [Case(field) for field in fields])
    columns = list(batch.columns)
    seed = int(digest([prompt.text, str(number)])[:16], 16)
    random.Random(seed).shuffle(columns)  # noqa: S311 - an order, not a secret
    return replace(batch, fields=tuple(fields), columns=tuple(columns))


def _elected(ballots: list[Answer], times: int) -> Answer:
    keys = [None if a.expression is None else canonical(a.expression) for a in ballots]
    counts = Counter(keys)
    first = ballots[0]
    for key, answer in zip(keys, ballots, strict=True):
        if counts[key] * 2 > times:
            return replace(answer, rounds=first.rounds, votes=(counts[key], times))
    said = f"asked {times} times, the model gave different answers."
    return Answer(first.path, reason=said, rounds=first.rounds, agrees=False, votes=(0, times))
