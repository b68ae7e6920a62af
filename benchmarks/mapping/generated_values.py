"""The values of generated cases, by the rules that ``concepts.txt`` names."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

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


def values_of(
    concept: Concept, chance: Random, count: int, *, ours: bool
) -> tuple[str | None, ...]:
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
    """By the rule of the concept; the words of a name are drawn whether they are needed or not."""
    pick = {name: chance.choice(words) for name, words in WORDS.items()}
    if concept.rule in pick:
        return pick[concept.rule]
    if concept.rule == "bool":
        return chance.choice(booleans)
    if concept.rule in ("date", "datetime"):
        return _moment(concept, chance, dates)
    return RULES[concept.rule](concept.argument, chance, pick)


def _moment(concept: Concept, chance: Random, dates: str) -> str:
    first, last = map(int, concept.argument.split())
    passed = timedelta(minutes=chance.randrange((last - first) * 525_600))
    moment = datetime(first, 1, 1, tzinfo=UTC) + passed
    return moment.strftime(dates if concept.rule == "date" else f"{dates} %H:%M")


def _whole(argument: str, chance: Random, _: dict[str, str]) -> str:
    least, most = map(int, argument.split())
    return str(chance.randint(least, most))


def _money(argument: str, chance: Random, _: dict[str, str]) -> str:
    least, most = map(float, argument.split())
    return f"{chance.uniform(least, most):.2f}"


def _uuid(_: str, chance: Random, __: dict[str, str]) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _phone(_: str, chance: Random, __: dict[str, str]) -> str:
    first, *rest = (chance.randrange(20, 80), chance.randrange(10, 99), chance.randrange(10, 99))
    return f"+41 {first} {chance.randrange(100, 999)} {rest[0]} {rest[1]}"


#: What a rule of ``concepts.txt`` makes of its argument.
RULES: dict[str, Callable[[str, Random, dict[str, str]], str]] = {
    "code": lambda form, chance, _: re.sub("#", lambda _: str(chance.randrange(10)), form),
    "full": lambda _, __, pick: f"{pick['first']} {pick['last']}",
    "email": lambda _, __, pick: f"{pick['first']}.{pick['last']}@example.com".lower(),
    "phone": _phone,
    "street": lambda _, chance, pick: f"{chance.randrange(1, 200)} {pick['street']} Street",
    "postal": lambda _, chance, __: str(chance.randrange(1000, 99999)),
    "product": lambda _, chance, p: f"{p['kind']} {p['thing']} {chance.randrange(100)}".title(),
    "sentence": lambda _, chance, __: " ".join(
        chance.choice(WORDS["filler"]) for _ in range(chance.randrange(3, 9))
    ),
    "url": lambda _, chance, p: f"https://example.com/{p['thing']}/{chance.randrange(1000)}.jpg",
    "uuid": _uuid,
    "enum": lambda words, chance, _: chance.choice(words.split(",")),
    "int": _whole,
    "year": _whole,
    "money": _money,
}
