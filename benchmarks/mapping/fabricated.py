"""Cases of two tables cut from one: columns and rows partly shared, names and values made noisy.

The way public families were fabricated, from our own concepts and with a fixed seed: what is known
of such targets, which have rows instead of a schema, need not come from the families it is judged on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random
from string import ascii_lowercase

from benchmarks.mapping.cases import Case, split_of
from benchmarks.mapping.generated import TWINS, concepts
from benchmarks.mapping.generated_values import Concept, values_of
from lume_dagster.mapper.match.column import Column

CASES = 160
_ROWS = 80
_Table = list[tuple[str, tuple[str | None, ...]]]


def cases(count: int = CASES) -> Iterator[Case]:
    """Always the same ones."""
    domains = concepts()
    for number in range(count):
        yield _case(number, Random(f"fabricated-{number}"), domains)


def _case(number: int, chance: Random, domains: dict[str, list[Concept]]) -> Case:
    """Rows apart or shared, columns shared or few of them, and two kinds of noise."""
    domain = chance.choice(sorted(domains))
    whole = _whole(domain, chance, domains)
    rows = chance.choice((0, 30, 50, 50, 100))
    columns = chance.choice((0.1, 0.3, 0.5, 0.5, 0.7, 1.0, 1.0))
    ours, theirs = _cut(whole, columns, chance)
    first, second = _ROWS, _ROWS - _ROWS * rows // 100
    source = [(name, values[:first]) for name, values in ours]
    target = [(name, values[second : second + _ROWS]) for name, values in theirs]
    if chance.random() < 0.5:
        target = [(name, _noisy(values, chance)) for name, values in target]
    manner = chance.choice(("same", "prefix", "vowels", "short", "all"))
    shared = {name for name, _ in ours} & {name for name, _ in theirs}
    renamed = _renamed([name for name, _ in target], domain, manner, chance)
    gold = {name: renamed[name] for name, _ in source if name in shared}
    chance.shuffle(target)
    title = f"fabricated/{number:03}-{domain}-{manner}"
    return Case(
        title,
        "generated",
        tuple(Column(path=name, name=name, values=values) for name, values in source),
        tuple(Column(renamed[name], renamed[name], values=values) for name, values in target),
        gold,
        dict.fromkeys((name for name, _ in source), split_of(title)),
        "fabricated",
    )


def _whole(domain: str, chance: Random, domains: dict[str, list[Concept]]) -> _Table:
    """A table of the domain, with columns of others, and some that are nearly the same."""
    others = [c for name in sorted(domains) if name != domain for c in domains[name]]
    every = [*domains[domain], *chance.sample(others, chance.choice((0, 4, 12)))]
    found: dict[str, tuple[str | None, ...]] = {}
    for concept in every:
        found[concept.name] = values_of(concept, chance, 2 * _ROWS, ours=False)
        if chance.random() < 0.25:
            name = f"{concept.name}_{chance.choice(TWINS)}"
            found[name] = values_of(concept, chance, 2 * _ROWS, ours=False)
    return list(found.items())


def _cut(whole: _Table, share: float, chance: Random) -> tuple[_Table, _Table]:
    """Two parts that have a share of the columns in common; each has the rest of its own."""
    shuffled = chance.sample(whole, len(whole))
    common = max(1, round(share * len(shuffled)))
    rest = shuffled[common:]
    half = len(rest) // 2
    ours, theirs = {n for n, _ in rest[:half]}, {n for n, _ in rest[half:]}
    source, target = (
        [column for column in whole if column[0] not in left_out] for left_out in (theirs, ours)
    )
    return source, target


def _noisy(values: Sequence[str | None], chance: Random) -> tuple[str | None, ...]:
    """Every other value mistyped; a number is another one of its magnitude."""
    return tuple(_mistyped(v, chance) if v and chance.random() < 0.5 else v for v in values)


def _mistyped(value: str, chance: Random) -> str:
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        number = float(value) * chance.uniform(0.7, 1.3)
        return f"{number:.2f}" if "." in value else str(round(number))
    letters = [
        chance.choice(ascii_lowercase) if c.isalpha() and chance.random() < 0.15 else c
        for c in value
    ]
    return "".join(letters)


def _renamed(names: Sequence[str], domain: str, manner: str, chance: Random) -> dict[str, str]:
    """The names of the second table, each still another's than the others."""
    found: dict[str, str] = {}
    for name in names:
        new = _rewritten(name, domain, manner, chance)
        while new in found.values():
            new += str(len(found))
        found[name] = new
    return found


def _rewritten(name: str, domain: str, manner: str, chance: Random) -> str:
    if manner == "all":
        first = _rewritten(name, domain, chance.choice(("same", "vowels", "short")), chance)
        return first if chance.random() < 0.5 else f"{domain}_{first}"
    if manner == "prefix":
        return f"{domain}_{name}"
    if manner == "vowels":
        return re.sub("(?<=[a-z])[aeiou]", "", name)
    if manner == "short":
        return "_".join(word[: chance.choice((2, 3, 4))] for word in name.split("_"))
    return name
