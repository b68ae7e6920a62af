"""Files that were made for their schema: nearly every field has its column, and little is said of it.

As people bring them most often: an export in their own language, and a schema of names and types.
Of the domains of ``product.txt`` that are dev, with a fixed seed; they are only learned from.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.mapping.cases import Case, split_of
from benchmarks.mapping.product import Field, Manner, domains, made_of

CASES = 240
_HEADERS = (
    "same", "language", "other", "language", "language", "mixed", "short", "language", "same",
    "other",
)  # fmt: skip
_SIZES = (6, 9, 12, 15, 18)
_LOST = (0, 0.05, 0.15, 0.3)


def cases(count: int = CASES) -> Iterator[Case]:
    """Always the same ones; every domain has as many as every other."""
    own = {name: f for name, f in domains().items() if split_of(f"product/{name}") == "dev"}
    every = sorted(own)
    for number in range(count):
        chance = Random(f"whole-{number}")
        domain, turn = every[number % len(every)], number // len(every)
        manner = Manner(
            _HEADERS[turn % len(_HEADERS)],
            rows=(3, 12, 12, 12, 40),
            described=(0, 0, 0, 0.3),
            examples=(0, 0, 0, 0.3),
            titled=(0, 0, 0, 0.5),
            flat=0.7,
        )
        yield _case(f"whole/{domain}/{number:03}-{manner.headers}", own, domain, manner, chance)


def _case(
    title: str, own: dict[str, list[Field]], domain: str, manner: Manner, chance: Random
) -> Case:
    wanted = _wanted(own, domain, chance)
    lost = chance.choice(_LOST)
    held = [field for field in wanted if chance.random() >= lost] or wanted[:1]
    names = frozenset(name for field in wanted for name in field.names)
    rest = [field for field in own[domain] if not field.names & names]
    extra = chance.sample(rest, min(len(rest), chance.choice((0, 0, 1, 2))))
    junk = [None] * chance.choice((0, 0, 1, 2))
    return made_of(wanted, held, [*extra, *junk], manner, chance).case(title, "dev", "whole")


def _wanted(own: dict[str, list[Field]], domain: str, chance: Random) -> list[Field]:
    """Fields of the domain, and where it has too few of them, of others."""
    size = chance.choice(_SIZES)
    wanted = chance.sample(own[domain], min(len(own[domain]), size))
    wanted.sort(key=own[domain].index)
    others = [field for name, fields in own.items() if name != domain for field in fields]
    for field in chance.sample(others, len(others)):
        if len(wanted) >= size:
            break
        if not any(field.names & each.names or field.path == each.path for each in wanted):
            wanted.append(field)
    return wanted
