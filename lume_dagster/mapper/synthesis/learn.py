"""Learn a transformation from a few examples: search, rank by the unlabelled rows, doubt."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lume_dagster.errors import FlowError
from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.branch import branched, memorised
from lume_dagster.mapper.synthesis.doubt import doubts
from lume_dagster.mapper.synthesis.node import Node, Row
from lume_dagster.mapper.synthesis.program import Program
from lume_dagster.mapper.synthesis.search import programs
from lume_dagster.mapper.synthesis.setting import Setting

MOST_PROGRAMS = 10
MOST_EXAMPLES = 40
MOST_UNLABELLED = 30
MOST_COLUMNS = 8
LONGEST = 1_000  # letters of a value that is looked into
_EMPTY_COSTS = 9.0  # a program that has nothing for any unlabelled row, against one that has
_NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Example:
    """A record, by source path, and what should come out of it."""

    before: Mapping[str, str | None]
    after: str


def learn(
    examples: Sequence[Example],
    inputs: Mapping[str, Sequence[str | None]],
    *,
    most: int = 5,
) -> tuple[Program, ...]:
    """Programs that give each example's output, best first; none where none is found.

    ``inputs`` are values without outputs, by source path: they rank the programs, and tell how far
    the examples leave open what is meant.

    Raises:
        FlowError: two examples with the same input want different outputs.
    """
    told = _distinct(examples)
    if not told or not all(example.after for example in told):
        return ()
    setting = _setting(told, inputs)
    found = (
        programs(setting, 3 * MOST_PROGRAMS)
        or programs(replace(setting, deep=True), 3 * MOST_PROGRAMS)
        or branched(setting)
        or memorised(setting)
    )
    return _ranked(setting, found)[:most]


def _distinct(examples: Sequence[Example]) -> list[Example]:
    known: dict[tuple[tuple[str, str | None], ...], Example] = {}
    for example in examples:
        key = tuple(sorted(example.before.items()))
        before = known.setdefault(key, example)
        if before.after != example.after:
            shown = ", ".join(f"{path}={value!r}" for path, value in key)
            raise FlowError(
                f"two examples contradict each other: {shown} becomes {before.after!r} in one and "
                f"{example.after!r} in the other.",
                hint="keep one of them, or give the column by which they differ.",
            )
    return list(known.values())[:MOST_EXAMPLES]


def _setting(told: Sequence[Example], inputs: Mapping[str, Sequence[str | None]]) -> Setting:
    paths = _likely(told)
    labelled = [{path: example.before.get(path) for path in paths} for example in told]
    rows = rows_of({path: inputs.get(path, ()) for path in paths})
    new = {tuple(row.items()): row for row in rows if row not in labelled}
    beside = [row for row in new.values() if any(row.values()) and not _too_long(row)]
    step = max(1, len(beside) // MOST_UNLABELLED)
    chosen = beside[::step][:MOST_UNLABELLED]
    complete = not beside and any(any(row.values()) for row in rows)
    return Setting(paths, labelled, tuple(e.after for e in told), chosen, complete=complete)


def _too_long(row: Row) -> bool:
    return any(len(value or "") > LONGEST for value in row.values())


def _likely(told: Sequence[Example]) -> tuple[str, ...]:
    """The columns to look into: where there are many, those that share most with the outputs."""
    paths = list(dict.fromkeys(path for example in told for path in example.before))
    short = [p for p in paths if not any(_too_long({p: e.before.get(p)}) for e in told)]
    if len(short) <= MOST_COLUMNS:
        return tuple(short)
    shared = {p: sum(_shared(e.before.get(p) or "", e.after) for e in told) for p in short}
    chosen = set(sorted(short, key=lambda p: -shared[p])[:MOST_COLUMNS])
    return tuple(p for p in short if p in chosen)


def _shared(text: str, output: str) -> int:
    """How many letters of the output stand in words that a text has, whatever their case."""
    words = set(re.findall(r"\w+", text.lower()))
    return sum(len(word) for word in re.findall(r"\w+", output.lower()) if word in words)


def rows_of(inputs: Mapping[str, Sequence[str | None]]) -> list[Row]:
    """Values by column, as records; as many as the longest column has."""
    length = max(map(len, inputs.values()), default=0)
    return [
        {path: values[i] if i < len(values) else None for path, values in inputs.items()}
        for i in range(length)
    ]


def _ranked(setting: Setting, found: Sequence[tuple[float, Node]]) -> tuple[Program, ...]:
    scored = []
    for order, (cost, tree) in enumerate(found):
        given = setting.unseen(tree)
        share = sum(bool(v) for v in given) / len(given) if given else 1.0
        again = ir.surprise(tree) - ir.cost(tree)
        scored.append((cost + again + _EMPTY_COSTS * round(1 - share, 2), order, share, tree))
    scored.sort(key=lambda entry: entry[:2])
    made = []
    for score, _, share, tree in scored[:MOST_PROGRAMS]:
        ambiguity = _disagreement(setting, tree, [(s - score, t) for s, _, _, t in scored])
        program = Program(tree, round(score, 4), round(share, 4), round(ambiguity, 4))
        made.append(replace(program, doubts=doubts(program, setting)))
    return tuple(made)


def _disagreement(setting: Setting, tree: Node, rivals: Sequence[tuple[float, Node]]) -> float:
    """How likely another program is right where it says something else, over the unlabelled rows.

    A program that costs more is less likely, by a factor of e for each ``_NEAR``.
    """
    given = setting.unseen(tree)
    if not given:
        return 0.0
    weights = [math.exp(-max(0.0, more) / _NEAR) for more, _ in rivals]
    others = [setting.unseen(rival) for _, rival in rivals]
    total = sum(weights)
    doubted = 0.0
    for i, value in enumerate(given):
        doubted += sum(w for w, o in zip(weights, others, strict=True) if o[i] and o[i] != value)
    return doubted / total / len(given)


def next_question(
    programs_: Sequence[Program], inputs: Mapping[str, Sequence[str | None]]
) -> Row | None:
    """The row on which the programs differ most: the one whose example would tell most.

    None where they all agree; a row for which none has a value comes last.
    """
    best: tuple[int, int] = (1, 0)
    chosen: Row | None = None
    for row in rows_of(inputs):
        answers = {ir.evaluate(p.tree, row) for p in programs_}
        rank = (len(answers), len(answers - {None}))
        if any(row.values()) and len(answers) > 1 and rank > best:
            best, chosen = rank, row
    return chosen
