"""Put candidate parts and constants together until they are the outputs: cheapest first.

The search is bounded by counts of steps, never by the clock: the same input, the same programs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.node import Node, concat, constant
from lume_dagster.mapper.synthesis.propose_code import code_atoms
from lume_dagster.mapper.synthesis.propose_date import date_atoms
from lume_dagster.mapper.synthesis.propose_number import number_atoms
from lume_dagster.mapper.synthesis.propose_text import bases, text_atoms
from lume_dagster.mapper.synthesis.setting import Setting

_ALIKE = 6  # parts that are the same on the examples
_LONGEST_CONSTANT = 24
_MOST_PARTS = 9
_MOST_PUSHES = 25_000
_THROUGH_DIGITS, _THROUGH_LETTERS = 1.5, 0.5
_AGAIN = 8  # times a place in the outputs is left


@dataclass(frozen=True, slots=True)
class Part:
    """A candidate with what it gives on the examples, and its cost."""

    node: Node
    texts: tuple[str, ...]
    cost: float


def parts(setting: Setting) -> list[Part]:
    """The candidates that fit; of those that are alike on the examples, the cheapest few."""
    pieces = bases(setting)
    made: dict[Node, None] = {}
    for propose in (text_atoms, number_atoms, date_atoms, code_atoms):
        made.update(dict.fromkeys(propose(setting, pieces)))
    costed = sorted(
        (Part(node, setting.texts(node) or (), ir.cost(node)) for node in made),
        key=lambda part: part.cost,
    )
    kept: dict[tuple[str, ...], dict[object, Part]] = {}
    for part in costed:
        alike = kept.setdefault(part.texts, {})
        if len(alike) < _ALIKE:
            alike.setdefault(setting.unseen(part.node), part)
    return sorted((p for alike in kept.values() for p in alike.values()), key=lambda p: p.cost)


def programs(setting: Setting, most: int, pushes: int = _MOST_PUSHES) -> list[tuple[float, Node]]:
    """The cheapest trees that give the outputs, with their costs."""
    found = _by_first_letter(parts(setting))
    wanted = setting.wanted
    ends = tuple(map(len, wanted))
    start = (0,) * len(wanted)
    queue: list[tuple[float, int, tuple[int, ...], tuple[Node, ...]]] = [(0.0, 0, start, ())]
    count, left = 0, dict[tuple[int, ...], int]()
    solved: list[tuple[float, Node]] = []
    while queue and len(solved) < most:
        cost, _, at, made = heapq.heappop(queue)
        if at == ends:
            solved.append((cost, concat(made)))
            continue
        left[at] = left.get(at, 0) + 1
        if left[at] > _AGAIN or len(made) >= _MOST_PARTS or count > pushes:
            continue
        for price, after, node in _following(found, wanted, at, made):
            count += 1
            total = cost + price + _cut_through(wanted, at)
            heapq.heappush(queue, (total, count, after, (*made, node)))
    return solved


def _by_first_letter(found: Sequence[Part]) -> dict[str, list[Part]]:
    table: dict[str, list[Part]] = {}
    for part in found:
        table.setdefault(part.texts[0][0], []).append(part)
    return table


def _following(
    found: dict[str, list[Part]],
    wanted: Sequence[str],
    at: tuple[int, ...],
    made: tuple[Node, ...],
) -> Iterator[tuple[float, tuple[int, ...], Node]]:
    """The parts that may come next, and where each leads."""
    if any(i >= len(out) for i, out in zip(at, wanted, strict=True)):
        return
    for part in found.get(wanted[0][at[0]], ()):
        if all(map(str.startswith, wanted, part.texts, at)):
            yield (
                part.cost,
                tuple(i + len(t) for i, t in zip(at, part.texts, strict=True)),
                part.node,
            )
    if made and made[-1].op == "text":
        return
    for text in _shared(wanted, at):
        node = constant(text)
        alone = 3.0 if len(wanted) == 1 and any(map(str.isalnum, text)) else 0.0
        yield ir.cost(node) + alone, tuple(i + len(text) for i in at), node


def _cut_through(wanted: Sequence[str], at: Sequence[int]) -> float:
    """What it costs to begin a part in the midst of a number or a word of every output."""
    pairs = [out[i - 1 : i + 1] for out, i in zip(wanted, at, strict=True) if i]
    if pairs and all(pair.isdigit() for pair in pairs):
        return _THROUGH_DIGITS
    return _THROUGH_LETTERS if pairs and all(pair.isalpha() for pair in pairs) else 0.0


def _shared(wanted: Sequence[str], at: Sequence[int]) -> Iterator[str]:
    """What all outputs go on with, letter by letter longer."""
    rests = [out[i : i + _LONGEST_CONSTANT] for i, out in zip(at, wanted, strict=True)]
    for size in range(1, min(map(len, rests)) + 1):
        text = rests[0][:size]
        if any(not rest.startswith(text) for rest in rests):
            return
        yield text
