"""Cases of two tables cut from one: columns and rows partly shared, names and values made noisy.

The way public families were fabricated, from our own concepts and with a fixed seed: what is known
of such targets, which have rows instead of a schema, need not come from the families it is judged on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from string import ascii_lowercase, digits

from benchmarks.mapping.cases import Case, split_of
from benchmarks.mapping.generated import TWINS, concepts
from benchmarks.mapping.generated_values import Concept, values_of
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.profile.texts import number_of

CASES = 160
REAL_CASES = 160
SCHEMA_CASES = 200
_ROWS = 80
_MANNERS = ("same", "prefix", "vowels", "short", "joined", "joined", "all", "all")
_Table = list[tuple[str, tuple[str | None, ...]]]


def cases(count: int = CASES) -> Iterator[Case]:
    """Always the same ones, of our own concepts."""
    domains = concepts()
    for number in range(count):
        chance = Random(f"fabricated-{number}")
        domain = chance.choice(sorted(domains))
        yield _case(f"fabricated/{number:03}", domain, _whole(domain, chance, domains), chance)


def real_cases(tables: Mapping[str, _Table], count: int = REAL_CASES) -> Iterator[Case]:
    """The same of real tables, which have other names and values than anybody invents."""
    every = sorted(tables)
    for number in range(count):
        chance = Random(f"real-{number}")
        name = every[number % len(every)]
        yield _case(f"real/{number:03}", name, _rows_of(tables[name], chance), chance)


def schema_cases(tables: Mapping[str, _Table], count: int = SCHEMA_CASES) -> Iterator[Case]:
    """Of both, with a target that is a schema: types, some examples, and no rows."""
    domains, every = concepts(), sorted(tables)
    for number in range(count):
        chance = Random(f"real-schema-{number}")
        name = every[number // 2 % len(every)]
        whole = _rows_of(tables[name], chance)
        if number % 2:
            name = chance.choice(sorted(domains))
            whole = _whole(name, chance, domains)
        case = _case(f"real-schema/{number:03}", name, whole, chance)
        yield _without_headers(_of_schema(case, chance), chance)


def _of_schema(case: Case, chance: Random) -> Case:
    most = chance.choice((0, 0, 1, 3))
    return replace(case, target=tuple(_typed(column, most) for column in case.target))


def _typed(column: Column, examples: int) -> Column:
    given = [value for value in column.values if value]
    numbers = [number_of(value) for value in given]
    kind = "string" if None in numbers or not numbers else "number"
    if kind == "number" and all(value.lstrip("-").isdigit() for value in given):
        kind = "integer"
    return replace(column, values=tuple(dict.fromkeys(given))[:examples], type=kind)


def _without_headers(case: Case, chance: Random) -> Case:
    """One in six sources has numbers for headers."""
    if chance.random() < 5 / 6:
        return case
    form = chance.choice(("col{}", "Column {}", "V{}", "field_{}"))
    named = {column.path: form.format(n + 1) for n, column in enumerate(case.source)}
    return replace(
        case,
        source=tuple(replace(c, path=named[c.path], name=named[c.path]) for c in case.source),
        gold={named[ours]: theirs for ours, theirs in case.gold.items()},
        splits={named[ours]: split for ours, split in case.splits.items()},
    )


def _rows_of(table: _Table, chance: Random) -> _Table:
    """Some rows that follow one another, as many as a case needs."""
    first = chance.randrange(max(1, len(table[0][1]) - 2 * _ROWS))
    return [(name, values[first : first + 2 * _ROWS]) for name, values in table]


def _case(number: str, domain: str, whole: _Table, chance: Random) -> Case:
    """Rows apart or shared, columns shared or few of them, and two kinds of noise."""
    rows = chance.choice((0, 30, 50, 50, 100))
    columns = chance.choice((0.1, 0.3, 0.5, 0.5, 0.7, 1.0, 1.0))
    ours, theirs = _cut(whole, columns, chance)
    count = min(_ROWS, len(whole[0][1]) // 2)
    first, second = count, count - count * rows // 100
    source = [(name, values[:first]) for name, values in ours]
    target = [(name, values[second : second + count]) for name, values in theirs]
    if chance.random() < 0.5:
        target = [(name, _noisy(values, chance)) for name, values in target]
    manner = chance.choice(_MANNERS)
    shared = {name for name, _ in ours} & {name for name, _ in theirs}
    renamed = _renamed([name for name, _ in target], domain, manner, chance)
    gold = {name: renamed[name] for name, _ in source if name in shared}
    chance.shuffle(target)
    title = f"{number}-{domain}-{manner}"
    return Case(
        title,
        "generated",
        tuple(Column(path=name, name=name, values=values) for name, values in source),
        tuple(Column(renamed[name], renamed[name], values=values) for name, values in target),
        gold,
        dict.fromkeys((name for name, _ in source), split_of(title)),
        number.partition("/")[0],
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
    bare = chance.random() < 0.5
    return tuple(
        _mistyped(v, chance, bare=bare) if v and chance.random() < 0.5 else v for v in values
    )


def _mistyped(value: str, chance: Random, *, bare: bool) -> str:
    """Other letters or digits here and there; bare: without spaces and marks too."""
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        number = float(value) * chance.uniform(0.7, 1.3)
        return f"{number:.2f}" if "." in value else str(round(number))
    typed = ascii_lowercase + digits if bare else ascii_lowercase
    letters = [
        chance.choice(typed) if c.isalnum() and chance.random() < 0.15 else c
        for c in value
        if c.isalnum() or not bare
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
        first = _rewritten(
            name, domain, chance.choice(("same", "vowels", "short", "joined")), chance
        )
        return first if chance.random() < 0.5 else f"{domain}_{first}"
    if manner == "prefix":
        return f"{domain}_{name}"
    if manner == "vowels":
        return re.sub("(?<=[A-Za-z])[aeiou]", "", name)
    if manner in ("short", "joined"):
        words = [word for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if word]
        lengths = (2, 3, 4) if manner == "short" else (1, 2, 3, 6) if len(words) > 1 else (2, 3, 6)
        starts = [word[: chance.choice(lengths)] for word in words]
        return "_".join(starts) if manner == "short" else _joined(starts, name)
    return name


def _joined(starts: Sequence[str], name: str) -> str:
    """Without a mark between, in capitals or with humps: ``CUSNA``, ``CusNa``."""
    if name.islower() and "_" in name:
        return "".join(starts).upper()
    return "".join(start[0].upper() + start[1:] for start in starts)
