"""Cases like the product's: a JSON Schema with descriptions and examples, and a table of another hand.

Made from ``concepts.txt`` with a fixed seed: columns are renamed, abbreviated or given placeholder
names, values are written in other forms, columns are dropped and strangers added on either side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.mapping.cases import Case, split_of
from lume_dagster.mapper.match.column import Column

CASES = 336
_ROWS = 60
_WORDS = {
    "first": "Anna Ben Carla David Elif Frank Gita Hugo Ines Jan Karin Liam Maya Noah Olga Paul Rosa Sven Tara Uwe",
    "last": "Smith Keller Rossi Novak Jensen Patel Garcia Meier Dubois Kowalski Brown Silva Larsen Wang Kim Haas",
    "city": "Zurich London Boston Lyon Oslo Madrid Porto Graz Leeds Basel Genoa Turku Ghent Dallas Kyoto Lima",
    "country": "Switzerland France Germany Spain Norway Japan Peru Canada Brazil Italy Poland India Kenya Chile",
    "street": "Main Oak Station Church Mill Park Lake Hill School King River Garden Market",
    "thing": "drill lamp shovel paint hammer saw kettle brush ladder garden handbook history atlas guide stories",
    "kind": "pro compact classic large mini deluxe heavy small basic premium new complete",
    "filler": "please call before delivery leave at the door gift wrap urgent second attempt invoice attached thanks",
}
WORDS = {name: text.split() for name, text in _WORDS.items()}
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y", "%Y%m%d")
_BOOLEANS = (("true", "false"), ("Y", "N"), ("yes", "no"), ("1", "0"))
TWINS = [
    *"previous first last planned actual minimum maximum primary secondary other original alternate".split(),
    *"billing shipping expected reported local total average new old internal external default".split(),
]
KINDS = ("schema", "schema", "tables", "schema", "large", "schema", "said", "many")
_HEADERS = ("same", "other", "short", "skeleton", "placeholder", "prefixed", "mixed")


class Concept:
    """One thing a column can be about."""

    def __init__(self, line: str) -> None:
        name, others, kind, values, description = (part.strip() for part in line.split("|"))
        self.name, self.others, self.description = (
            name,
            [o.strip() for o in others.split(";")],
            description,
        )
        self.names = {name, *self.others}
        self.type, _, self.format = kind.partition(":")
        self.rule, _, self.argument = values.partition(" ")


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
    kind = KINDS[number // len(_HEADERS) % len(KINDS)]
    if kind == "many":
        return _many_tables(number, chance, domains)
    domain = chance.choice(sorted(domains))
    own = domains[domain]
    strangers = [c for name in sorted(domains) if name != domain for c in domains[name]]
    target = _keep(own, chance, 0.5) + chance.sample(strangers, chance.choice((0, 0, 2, 5)))
    wanted = {name for c in target for name in c.names}
    others = [c for c in strangers if not wanted.intersection(c.names)]
    source = _keep(own, chance, 0.4) + chance.sample(others, chance.choice((0, 2, 4, 12)))
    target, source = _apart(target), _apart(source)
    chance.shuffle(source)
    mode = _HEADERS[number % len(_HEADERS)]
    names = _unique([_header(c, mode, place, chance) for place, c in enumerate(source)])
    described, examples = chance.random() < 0.7, chance.choice((0, 1, 3, 3))
    fields = tuple(_field(c, described, examples, chance) for c in target)
    columns = tuple(
        Column(path=name, name=name, values=_values(c, chance, _ROWS, ours=False))
        for name, c in zip(names, source, strict=True)
    )
    there = {c.name: f.path for c, f in zip(target, fields, strict=True)}
    gold = {name: there[c.name] for name, c in zip(names, source, strict=True) if c.name in there}
    if kind == "tables":
        fields = _filled(fields, target, chance)
    if kind == "large":
        fields = _with_twins(fields, strangers, described, examples, chance)
        if mode in ("other", "placeholder", "prefixed", "mixed"):
            gold = {ours: _perhaps_a_twin(theirs, fields, chance) for ours, theirs in gold.items()}
    if kind in ("large", "said") and chance.random() < 0.5:
        columns = _only_said(columns, source, chance)
    title = f"generated/{number:03}-{domain}-{kind}-{mode}"
    return Case(
        title, "generated", columns, fields, gold, dict.fromkeys(names, split_of(title)), kind
    )


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
    fields = [_field(c, True, 0, chance) for c in _apart([*domains[domain], *keys])]
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
        replace(field, description="", pattern="", values=_values(c, chance, _ROWS, ours=False))
        for field, c in zip(fields, target, strict=True)
    )


def _perhaps_a_twin(path: str, fields: tuple[Column, ...], chance: Random) -> str:
    """Who made the gold meant one of the twins as often as not, and the source does not say so."""
    twins = [field.path for field in fields if field.path.endswith(f"_{path}")]
    return chance.choice(twins) if twins and chance.random() < 0.5 else path


def _with_twins(
    fields: tuple[Column, ...],
    strangers: list[Concept],
    described: bool,
    examples: int,
    chance: Random,
) -> tuple[Column, ...]:
    """A large target: everything else there is, and of most fields some that are nearly the same."""
    names = {field.name for field in fields}
    others = [
        _field(c, described, examples, chance) for c in _apart(strangers) if c.name not in names
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


# -- values ---------------------------------------------------------------------------------------


def _field(concept: Concept, described: bool, examples: int, chance: Random) -> Column:
    given = _values(concept, chance, _ROWS, ours=True)
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


def _values(concept: Concept, chance: Random, count: int, *, ours: bool) -> tuple[str | None, ...]:
    """``ours``: as the target writes them; else in the manner of one source."""
    dates = _DATES[0] if ours else chance.choice(_DATES)
    booleans = _BOOLEANS[0] if ours else chance.choice(_BOOLEANS)
    manner = "plain" if ours else chance.choice(("plain", "plain", "plain", "upper", "unit"))
    missing = 0 if ours else chance.choice((0, 0, 0.1, 0.4))
    found = []
    for _ in range(count):
        value = _value(concept, chance, dates, booleans)
        if manner == "upper":
            value = value.upper()
        if manner == "unit" and concept.rule == "money":
            value = f"${float(value):,.2f}"
        found.append(None if chance.random() < missing else value)
    return tuple(found)


def _value(concept: Concept, chance: Random, dates: str, booleans: tuple[str, str]) -> str:
    rule, argument = concept.rule, concept.argument
    numbers = (
        [float(x) for x in argument.split()]
        if rule in ("int", "money", "year", "date", "datetime")
        else []
    )
    pick = {name: chance.choice(words) for name, words in WORDS.items()}
    match rule:
        case "code":
            return re.sub("#", lambda _: str(chance.randrange(10)), argument)
        case "first" | "last" | "city" | "country":
            return pick[rule]
        case "full":
            return f"{pick['first']} {pick['last']}"
        case "email":
            return f"{pick['first']}.{pick['last']}@example.com".lower()
        case "phone":
            return f"+41 {chance.randrange(20, 80)} {chance.randrange(100, 999)} {chance.randrange(10, 99)} {chance.randrange(10, 99)}"
        case "street":
            return f"{chance.randrange(1, 200)} {pick['street']} Street"
        case "postal":
            return str(chance.randrange(1000, 99999))
        case "product":
            return f"{pick['kind']} {pick['thing']} {chance.randrange(100)}".title()
        case "sentence":
            return " ".join(chance.choice(WORDS["filler"]) for _ in range(chance.randrange(3, 9)))
        case "url":
            return f"https://example.com/{pick['thing']}/{chance.randrange(1000)}.jpg"
        case "uuid":
            text = f"{chance.getrandbits(128):032x}"
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        case "bool":
            return chance.choice(booleans)
        case "enum":
            return chance.choice(argument.split(","))
        case "int" | "year":
            return str(chance.randint(int(numbers[0]), int(numbers[1])))
        case "money":
            return f"{chance.uniform(*numbers):.2f}"
        case "date" | "datetime":
            day = datetime(int(numbers[0]), 1, 1) + timedelta(
                minutes=chance.randrange(int(numbers[1] - numbers[0]) * 525_600)
            )
            return day.strftime(dates if rule == "date" else f"{dates} %H:%M")
    raise ValueError(f"there is no rule {rule}")
