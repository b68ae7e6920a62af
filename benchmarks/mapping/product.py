"""Cases as people bring them: a small target schema, nested and described, and somebody's file.

Made from ``product.txt`` with a fixed seed. Whole domains are dev or test, by the hash of their
names: what is fitted on dev has never seen a field of test.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from benchmarks.mapping.cases import Case, split_of
from benchmarks.mapping.generated_values import Concept, values_of
from lume_dagster.mapper.match.column import Column

CASES = 720
#: How the headers of a file are written; the ones that are met most come most.
MANNERS = (
    "same", "other", "same", "short", "language", "mixed", "prefixed", "same", "mixed",
    "placeholder", "other", "letters",
)  # fmt: skip
_LANGUAGES = ("de", "fr", "es")
_PREFIXES = ("cust_", "tbl_x_", "src_", "f_", "x_", "data.", "dwh_")
_PLACEHOLDERS = ("col{}", "Column {}", "Unnamed: {}", "field_{}", "F{}", "var{}", "_c{}")
_JUNK = (
    "row_id", "etl_batch", "checksum", "flag3", "internal code", "_ingested", "reserved", "version",
    "tmp", "legacy ref", "misc", "x1", "c5", "Unnamed: 0", "col7", "field_3",
)  # fmt: skip
_UNITS = (" kg", " €", " CHF", " %", " h")


@dataclass(frozen=True)
class Field:
    """One thing a field can be about, and what it is called where."""

    path: str
    others: tuple[str, ...]
    headers: tuple[str, ...]
    short: tuple[str, ...]
    foreign: tuple[str, ...]  # in the order of the languages
    concept: Concept

    @property
    def names(self) -> frozenset[str]:
        """Everything it may be called, to keep strangers apart."""
        written = (self.path.rpartition(".")[2], *self.others, *self.headers, *self.short)
        return frozenset(re.sub(r"[\W_]", "", name.lower()) for name in (*written, *self.foreign))


@cache
def domains() -> dict[str, list[Field]]:
    """The fields of each domain, in the order of the file."""
    found: dict[str, list[Field]] = {}
    for line in Path(__file__).with_name("product.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            found[line[3:]] = []
        elif line and not line.startswith("#"):
            found[list(found)[-1]].append(_field(line))
    return found


def _field(line: str) -> Field:
    path, others, headers, short, *foreign, kind, values, said = map(str.strip, line.split("|"))
    lists = [tuple(part.strip() for part in each.split(";")) for each in (others, headers, short)]
    concept = Concept(f"{path}||{kind}|{values}|{said}")
    return Field(path, lists[0], lists[1], lists[2], tuple(foreign), concept)


def cases(count: int = CASES) -> Iterator[Case]:
    """Always the same ones; every domain has as many as every other."""
    every = sorted(domains())
    for number in range(count):
        chance = Random(f"product-{number}")
        manner = MANNERS[number // len(every) % len(MANNERS)]
        yield _case(number, every[number % len(every)], manner, chance)


@dataclass(frozen=True)
class Manner:
    """How headers are written, how much there is of a file, and how much is said of its fields."""

    headers: str
    rows: tuple[int, ...] = (1, 3, 12, 40, 40, 60)
    described: tuple[float, ...] = (0, 0.5, 1, 1)  # one of these is the share of fields
    examples: tuple[float, ...] = (0, 0, 0.4)
    titled: tuple[float, ...] = (0, 0, 0.5)
    flat: float = 0.0  # how often a schema has no objects


def _case(number: int, domain: str, headers: str, chance: Random) -> Case:
    own = domains()[domain]
    wanted = chance.sample(own, min(len(own), chance.choice((1, 2, 4, 6, 8, 10, 12, 14))))
    wanted.sort(key=own.index)
    lost = chance.choice((0, 0.1, 0.3, 1.0 if len(wanted) <= 4 else 0.5))
    held = [field for field in wanted if chance.random() >= lost]
    extra = _extra(domain, wanted, chance)
    made = made_of(wanted, held, extra if held or extra else [None], Manner(headers), chance)
    if headers in ("same", "other", "mixed") and chance.random() < 0.12:
        made = _with_namesake(made, domain, chance)
    title = f"product/{domain}/{number:03}-{headers}"
    return made.case(title, split_of(f"product/{domain}"), headers)


@dataclass(frozen=True)
class Made:
    """A file and a schema; ``names`` are the columns and ``paths`` the fields, by what they are about."""

    source: tuple[Column, ...]
    target: tuple[Column, ...]
    names: dict[str, str]
    paths: dict[str, str]

    def case(self, title: str, split: str, manner: str) -> Case:
        """As a matching problem."""
        gold = {name: self.paths[path] for path, name in self.names.items()}
        splits = dict.fromkeys((column.path for column in self.source), split)
        return Case(title, "product", self.source, self.target, gold, splits, manner)


def made_of(
    wanted: Sequence[Field],
    held: Sequence[Field],
    extra: Sequence[Field | None],
    manner: Manner,
    chance: Random,
) -> Made:
    """A schema of the wanted fields, and a file with the held ones and others."""
    given = _unique(held, extra, manner.headers, chance)
    rows = chance.choice(manner.rows)
    source = tuple(
        Column(path=name, name=name, values=_values(field, rows, manner.headers, chance))
        for name, field in given
    )
    paths = _paths(wanted, chance.choice(("snake", "snake", "camel")), chance)
    if manner.flat and chance.random() < manner.flat:
        paths = {field: path.replace(".", "_") for field, path in paths.items()}
    target = _targets(wanted, paths, manner, chance)
    names = {field.path: name for name, field in given if field is not None and field in held}
    if manner.headers == "same":
        source, names = _renamed(source, names, paths, chance)
    return Made(source, target, names, paths)


def _extra(domain: str, wanted: Sequence[Field], chance: Random) -> list[Field | None]:
    """What the file has besides: of the same domain, of others, and what belongs nowhere."""
    names = frozenset(name for field in wanted for name in field.names)
    own = [f for f in domains()[domain] if f not in wanted and not f.names & names]
    others = [f for d, fs in domains().items() if d != domain for f in fs if not f.names & names]
    more: list[Field | None] = [*chance.sample(own, chance.randint(0, min(len(own), 6)))]
    more += chance.sample(others, chance.choice((0, 0, 1, 3, 8)))
    more += [None] * chance.choice((0, 0, 1, 2))
    return more


# -- the file ------------------------------------------------------------------------------------


def _unique(
    held: Sequence[Field], extra: Sequence[Field | None], manner: str, chance: Random
) -> list[tuple[str, Field | None]]:
    """Shuffled columns, each with a header that no other has."""
    every = [*held, *extra]
    chance.shuffle(every)
    style = chance.choice(("snake", "camel", "upper", "title", "spaced", "kebab", "as is"))
    start, form = chance.choice(_PREFIXES), chance.choice(_PLACEHOLDERS)
    language, first = chance.randrange(len(_LANGUAGES)), chance.randrange(2)
    found: dict[str, Field | None] = {}
    for place, field in enumerate(every):
        if manner == "placeholder":
            name = form.format(place + first)
        elif manner == "letters":
            name = chr(ord("A") + place) if place < 26 else f"A{chr(ord('A') + place - 26)}"
        else:
            name = _header(field, manner, language, chance)
            name = _styled(start + name if manner == "prefixed" else name, style)
        while name in found:
            name = f"{name}_2"
        found[name] = field
    return list(found.items())


def _header(field: Field | None, manner: str, language: int, chance: Random) -> str:
    if field is None:
        return chance.choice(_JUNK)
    if manner == "mixed":
        manner = chance.choice(("same", "other", "other", "short"))
    if manner == "short":
        return chance.choice(field.short)
    if manner == "language":
        return field.foreign[language]
    own = (field.path.rpartition(".")[2], *field.others[:1])
    return chance.choice(own if manner == "same" else field.headers)


def _styled(name: str, style: str) -> str:
    if style == "as is":
        return name
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = [word for word in re.split(r"[\s_'.-]+|(?<=[a-z])(?=[A-Z])", plain) if word]
    if style == "camel":
        return words[0].lower() + "".join(word.title() for word in words[1:])
    if style == "title":
        return " ".join(word.title() for word in words)
    joined = {"kebab": "-", "spaced": " "}.get(style, "_").join(words)
    return joined.upper() if style == "upper" else joined.lower()


def _renamed(
    source: tuple[Column, ...], names: dict[str, str], paths: dict[str, str], chance: Random
) -> tuple[tuple[Column, ...], dict[str, str]]:
    """Headers that are the target's own names, in a spelling of their own."""
    style = chance.choice(("snake", "camel", "upper", "title", "as is"))
    taken = {c.path for c in source} - set(names.values())
    new: dict[str, str] = {}
    for path, name in names.items():
        held = paths[path].split(".")
        short, long = _styled(held[-1], style), _styled(" ".join(held), style)
        given = short if short not in taken and chance.random() < 0.8 else long
        new[name] = name if given in taken else given
        taken.add(new[name])
    renamed = tuple(
        Column(path=new.get(c.path, c.path), name=new.get(c.path, c.path), values=c.values)
        for c in source
    )
    return renamed, {path: new[name] for path, name in names.items()}


def _with_namesake(made: Made, domain: str, chance: Random) -> Made:
    """A column that has the last name of a field in an object, and is about something else.

    ``type`` is the aircraft's where the field is an ``engine.type``, made from ``engine``.
    """
    source, names, paths = made.source, made.names, made.paths
    nested = [path for path in names if "." in paths[path]]
    if not nested:
        return made
    path = chance.choice(nested)
    within, _, last = paths[path].rpartition(".")
    own = chance.choice((within, f"{within}_{last}"))
    taken = {c.path for c in source} - {names[path]}
    if {own, last} & taken:
        return made
    other = chance.choice([f for f in domains()[domain] if f.path not in paths] or [None])
    rows = len(source[0].values)
    namesake = Column(path=last, name=last, values=_values(other, rows, "same", chance))
    renamed = tuple(
        Column(path=own, name=own, values=c.values) if c.path == names[path] else c for c in source
    )
    return replace(made, source=(*renamed, namesake), names={**names, path: own})


def _values(field: Field | None, rows: int, manner: str, chance: Random) -> tuple[str | None, ...]:
    if field is None:
        most = chance.choice((2, 10, 10**6))
        return tuple(str(chance.randrange(most)) for _ in range(rows))
    if chance.random() < 0.04:
        return (None,) * rows
    values = values_of(field.concept, chance, rows, ours=False)
    rule, odd = field.concept.rule, chance.random()
    if rule == "enum" and field.concept.type == "string" and odd < 0.25:
        return tuple(v and v[: 1 + round(odd * 8)].upper() for v in values)
    if rule in ("money", "int") and manner == "language" and odd < 0.6:
        return tuple(v and v.replace(",", "").replace(".", ",") for v in values)
    if rule in ("money", "int") and odd > 0.92:
        unit = chance.choice(_UNITS)
        return tuple(v and f"{v}{unit}" for v in values)
    return values


# -- the schema ----------------------------------------------------------------------------------


def _paths(wanted: Sequence[Field], style: str, chance: Random) -> dict[str, str]:
    """What each field is called in the schema, no two the same."""
    found: dict[str, str] = {}
    for field in wanted:
        path = _target_path(field, style, chance)
        free = (p for p in (path, field.path, f"{path}_2") if p not in found.values())
        found[field.path] = next(free)
    return found


def _target_path(field: Field, style: str, chance: Random) -> str:
    """Its own name or another one, in objects or flat."""
    within, _, name = field.path.rpartition(".")
    other = chance.choice(field.others) if chance.random() < 0.35 else name
    parts = [within, other] if within and chance.random() < 0.75 else [other]
    if within and len(parts) == 1 and other == name:
        parts = [f"{within}_{name}"]
    return ".".join(_styled(part, style) for part in parts)


def _targets(
    wanted: Sequence[Field], paths: dict[str, str], manner: Manner, chance: Random
) -> tuple[Column, ...]:
    """As much is said of each field as people write."""
    described = chance.choice(manner.described)
    examples, titled = chance.choice(manner.examples), chance.choice(manner.titled)
    return tuple(
        _target(field, paths[field.path], chance, (described, examples, titled)) for field in wanted
    )


def _target(field: Field, path: str, chance: Random, likely: tuple[float, float, float]) -> Column:
    concept = field.concept
    described, examples, titled = (chance.random() < share for share in likely)
    listed = concept.rule == "enum" and concept.type == "string" and chance.random() < 0.6
    enum = tuple(concept.argument.split(",")) if listed else ()
    coded = concept.rule == "code" and chance.random() < 0.3
    bounded = concept.rule in ("int", "money", "year") and chance.random() < 0.25
    low, high = (float(x) for x in concept.argument.split()) if bounded else (None, None)
    shown = values_of(concept, chance, 3, ours=True) if examples else ()
    title = chance.choice(field.headers).capitalize() if titled else ""
    said = concept.description if described else ""
    if said and concept.rule == "enum" and concept.type == "string" and chance.random() < 0.3:
        said += f": {', '.join(concept.argument.split(',')[:3])}"
    return Column(
        path=path, name=path.rpartition(".")[2], table=path.rpartition(".")[0],
        description=". ".join(text for text in (title, said) if text), type=concept.type,
        format=concept.format if chance.random() < 0.8 else "", enum=enum, least=low, most=high,
        pattern=_pattern(concept.argument) if coded else "",
        values=tuple(dict.fromkeys((*(v for v in shown if v), *enum))),
    )  # fmt: skip


def _pattern(form: str) -> str:
    digits = re.sub("#+", lambda m: rf"\\d{{{len(m.group())}}}", form)
    return f"^{digits.replace('.', '[.]')}$"
