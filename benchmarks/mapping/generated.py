"""Cases like the product's: a JSON Schema with descriptions and examples, and a table of another hand.

Made from ``concepts.txt`` with a fixed seed: columns are renamed, abbreviated or given placeholder
names, values are written in other forms, columns are dropped and strangers added on either side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from benchmarks.mapping.cases import Case, split_of
from benchmarks.mapping.generated_values import Concept, values_of
from lume_dagster.mapper.match.column import Column

CASES = 504
_ROWS = 60
TWINS = [
    *"previous first last planned actual minimum maximum primary secondary other original alternate".split(),
    *"billing shipping expected reported local total average new old internal external default".split(),
]
KINDS = (
    "schema", "strangers", "tables", "schema", "large", "tiny", "schema", "said", "strangers", "many", "schema", "tiny",
)  # fmt: skip
_HEADERS = ("same", "other", "short", "skeleton", "placeholder", "prefixed", "mixed")


def concepts() -> dict[str, list[Concept]]:
    """By domain."""
    found: dict[str, list[Concept]] = {}
    for line in (Path(__file__).with_name("concepts.txt")).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            found[line[3:]] = []
        elif line and not line.startswith("#"):
            found[list(found)[-1]].append(Concept(line))
    return found


def cases(count: int = CASES) -> Iterator[Case]:
    """Always the same ones."""
    domains = concepts()
    for number in range(count):
        chance = Random(f"mapping-{number}")
        yield _case(number, chance, domains)


def _case(number: int, chance: Random, domains: dict[str, list[Concept]]) -> Case:
    kind, mode = KINDS[number // len(_HEADERS) % len(KINDS)], _HEADERS[number % len(_HEADERS)]
    if kind == "many":
        return _many_tables(number, chance, domains)
    domain = chance.choice(sorted(domains))
    strangers = [c for name in sorted(domains) if name != domain for c in domains[name]]
    source, target = _drawn(kind, domains[domain], strangers, chance)
    names = _unique([_header(c, mode, place, chance) for place, c in enumerate(source)])
    described, examples = chance.random() < 0.7, chance.choice((0, 1, 3, 3))
    fields = tuple(_field(c, examples, chance, described=described) for c in target)
    columns = tuple(
        Column(path=name, name=name, values=values_of(c, chance, _ROWS, ours=False))
        for name, c in zip(names, source, strict=True)
    )
    there = {c.name: f.path for c, f in zip(target, fields, strict=True)}
    gold = {name: there[c.name] for name, c in zip(names, source, strict=True) if c.name in there}
    if kind == "tables":
        fields = _filled(fields, target, chance)
    if kind == "large":
        fields = _with_twins(fields, strangers, examples, chance, described=described)
        gold = _perhaps_twins(gold, mode, fields, chance)
    if kind in ("large", "said") and chance.random() < 0.5:
        columns = _only_said(columns, source, chance)
    title = f"generated/{number:03}-{domain}-{kind}-{mode}"
    splits = dict.fromkeys(names, split_of(title))
    return Case(title, "generated", columns, fields, gold, splits, kind)


def _drawn(
    kind: str, own: list[Concept], strangers: list[Concept], chance: Random
) -> tuple[list[Concept], list[Concept]]:
    """What the source and what the target is about."""
    target = _keep(own, chance, 0.5) + chance.sample(strangers, chance.choice((0, 0, 2, 5)))
    wanted = {name for c in target for name in c.names}
    others = [c for c in strangers if not wanted.intersection(c.names)]
    source = _keep(own, chance, 0.4) + chance.sample(others, chance.choice((0, 2, 4, 12)))
    if kind == "strangers":
        source = chance.sample(others, chance.choice((1, 2, 4, 8, 15)))
    if kind in ("strangers", "tiny"):
        target = chance.sample(target, min(len(target), chance.choice((1, 2, 3, 6))))
    if kind == "tiny":
        source = chance.sample(source, min(len(source), chance.choice((1, 2, 3))))
    target, source = _apart(target), _apart(source)
    chance.shuffle(source)
    return source, target


def _many_tables(number: int, chance: Random, domains: dict[str, list[Concept]]) -> Case:
    """Two databases in prose, without values; keys of other tables stand in every table."""
    every = sorted(domains)
    held = chance.sample(every, chance.randrange(3, 7))
    mode = chance.choice(("other", "mixed", "short"))
    columns: list[Column] = []
    gold: dict[str, str] = {}
    for domain in held:
        shown = chance.choice((domain, domain.rstrip("s"), f"{domain[:4]}_data", f"t_{number % 7}"))
        own = _keep(domains[domain], chance, 0.5)
        keys = [domains[name][0] for name in chance.sample(every, 2) if name != domain]
        concepts = _apart([*own, *keys])
        names = _unique([_header(c, mode, place, chance) for place, c in enumerate(concepts)])
        told = _only_said(
            tuple(Column(path=f"{shown}.{n}", name=n, table=shown) for n in names), concepts, chance
        )
        columns += [replace(column, table_description=f"Facts about {domain}") for column in told]
        gold |= {
            f"{shown}.{name}": f"{domain}.{_meant(c.name, chance)}"
            for name, c in zip(names, own, strict=False)
            if chance.random() < 0.7
        }
    fields = [field for domain in every for field in _tabled(domain, domains, chance)]
    there = {field.path for field in fields}
    gold = {ours: theirs for ours, theirs in gold.items() if theirs in there}
    columns = list({column.path: column for column in columns}.values())
    title = f"generated/{number:03}-many-{mode}"
    splits = dict.fromkeys((c.path for c in columns), split_of(title))
    return Case(title, "generated", tuple(columns), tuple(fields), gold, splits, "many")


def _meant(name: str, chance: Random) -> str:
    """As often as not a twin, of which only the target's author knows."""
    return f"{chance.choice(TWINS[:4])}_{name}" if chance.random() < 0.5 else name


def _tabled(domain: str, domains: dict[str, list[Concept]], chance: Random) -> list[Column]:
    keys = [domains[name][0] for name in chance.sample(sorted(domains), 4) if name != domain]
    fields = [_field(c, 0, chance, described=True) for c in _apart([*domains[domain], *keys])]
    twins = [_twin(field, word) for field in fields for word in TWINS[:4] if chance.random() < 0.5]
    return [
        replace(
            f, path=f"{domain}.{f.name}", table=domain, values=(), table_description=f"All {domain}"
        )
        for f in (*fields, *twins)
    ]


def _keep(own: list[Concept], chance: Random, least: float) -> list[Concept]:
    count = max(2, round(len(own) * chance.uniform(least, 1)))
    kept = set(chance.sample(range(len(own)), min(len(own), count)))
    return [c for place, c in enumerate(own) if place in kept]


def _filled(
    fields: tuple[Column, ...], target: list[Concept], chance: Random
) -> tuple[Column, ...]:
    """A target that is a table with rows, of which nothing is said."""
    return tuple(
        replace(field, description="", pattern="", values=values_of(c, chance, _ROWS, ours=False))
        for field, c in zip(fields, target, strict=True)
    )


def _perhaps_twins(
    gold: dict[str, str], mode: str, fields: tuple[Column, ...], chance: Random
) -> dict[str, str]:
    """Unless the names say which, the gold's author meant one of the twins as often as not."""
    if mode not in ("other", "placeholder", "prefixed", "mixed"):
        return gold
    return {ours: _perhaps_a_twin(theirs, fields, chance) for ours, theirs in gold.items()}


def _perhaps_a_twin(path: str, fields: tuple[Column, ...], chance: Random) -> str:
    twins = [field.path for field in fields if field.path.endswith(f"_{path}")]
    return chance.choice(twins) if twins and chance.random() < 0.5 else path


def _with_twins(
    fields: tuple[Column, ...],
    strangers: list[Concept],
    examples: int,
    chance: Random,
    *,
    described: bool,
) -> tuple[Column, ...]:
    """A large target: everything else there is, and of most fields some that are nearly the same."""
    names = {field.name for field in fields}
    others = [
        _field(c, examples, chance, described=described)
        for c in _apart(strangers)
        if c.name not in names
    ]
    every = [*fields, *others]
    twins = [
        _twin(field, word) for field in every for word in chance.sample(TWINS, chance.randrange(4))
    ]
    chance.shuffle(mixed := [*every, *twins])
    return tuple({field.path: field for field in mixed}.values())


def _twin(field: Column, word: str) -> Column:
    name = f"{word}_{field.name}"
    said = f"{field.description} ({word})" if field.description else ""
    return replace(field, path=name, name=name, description=said)


def _only_said(
    columns: tuple[Column, ...], source: list[Concept], chance: Random
) -> tuple[Column, ...]:
    """A source of which there is a description and no values: its words are other ones."""
    found = []
    for column, concept in zip(columns, source, strict=True):
        words = [w for w in concept.description.split() if chance.random() < 0.6]
        said = " ".join((*words, chance.choice(concept.others)))
        found.append(replace(column, values=(), description=said, type=concept.type))
    return tuple(found)


def _apart(concepts: list[Concept]) -> list[Concept]:
    return list({c.name: c for c in concepts}.values())


# -- names ----------------------------------------------------------------------------------------


def _header(concept: Concept, mode: str, place: int, chance: Random) -> str:
    if mode == "mixed":
        mode = chance.choice(("same", "other", "other", "short"))
    if mode == "placeholder":
        return f"col_{place + 1}"
    words = chance.choice(concept.others) if mode in ("other", "prefixed") else concept.name
    parts = re.split(r"[\s_-]+", words)
    if mode == "short":
        parts = [part[: chance.choice((3, 4))] if len(part) > 4 else part for part in parts]
    if mode == "skeleton":
        parts = [part[0] + re.sub("[aeiou]", "", part[1:]) for part in parts]
    if mode == "prefixed":
        parts = ["tbl", *parts]
    return _styled(
        parts, chance.choice(("snake", "camel", "upper", "spaced")) if mode != "mixed" else "snake"
    )


def _styled(parts: list[str], style: str) -> str:
    if style == "camel":
        return parts[0] + "".join(part.title() for part in parts[1:])
    joined = (" " if style == "spaced" else "_").join(parts)
    return joined.upper() if style == "upper" else joined.title() if style == "spaced" else joined


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    count: dict[str, int] = {}
    found = []
    for name in names:
        count[name] = count.get(name, 0) + 1
        found.append(name if count[name] == 1 else f"{name}_{count[name]}")
    return found


# -- fields ---------------------------------------------------------------------------------------


def _field(concept: Concept, examples: int, chance: Random, *, described: bool) -> Column:
    given = values_of(concept, chance, _ROWS, ours=True)
    enum = (
        tuple(concept.argument.split(","))
        if concept.rule == "enum" and concept.type == "string"
        else ()
    )
    enum = enum if chance.random() < 0.6 else ()
    pattern = ""
    if concept.rule == "code" and chance.random() < 0.4:
        pattern = (
            "^"
            + re.sub(
                "#+",
                lambda m: rf"\d{{{len(m.group())}}}",
                re.escape(concept.argument).replace(r"\#", "#"),
            )
            + "$"
        )
    bounded = concept.rule in ("int", "money") and chance.random() < 0.3
    low, high = (float(x) for x in concept.argument.split()) if bounded else (None, None)
    return Column(
        path=concept.name, name=concept.name, description=concept.description if described else "",
        type=concept.type, format=concept.format, enum=enum, pattern=pattern, least=low, most=high,
        values=tuple(dict.fromkeys((*[v for v in given if v][:examples], *enum))),
    )  # fmt: skip
