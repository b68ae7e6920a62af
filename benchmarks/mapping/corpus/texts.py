"""Columns of yes and no, phones, names, identifiers and lists."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator

from benchmarks.mapping.corpus.case import Case, Gold
from benchmarks.mapping.corpus.writing import DATE, MOMENT, NULLS, column, day_of, seeded

_SPELLINGS = {
    "yn": ("Y", "N"), "yes-no": ("Yes", "No"), "upper": ("YES", "NO"), "tf": ("T", "F"), "bits": ("1", "0"),
    "words": ("true", "false"), "caps": ("TRUE", "FALSE"), "on-off": ("on", "off"), "ja-nein": ("Ja", "Nein"),
    "oui-non": ("oui", "non"), "si-no": ("sí", "no"), "floats": ("1.0", "0.0"), "wahr": ("WAHR", "FALSCH"),
    "minus": ("-1", "0"), "enabled": ("Enabled", "Disabled"), "active": ("active", "inactive"),
    "marks": ("✓", "✗"), "jn": ("J", "N"), "vrai": ("Vrai", "Faux"),
}  # fmt: skip


def booleans() -> Iterator[Case]:
    for number, (slug, (true, false)) in enumerate(_SPELLINGS.items()):

        def make(rng: random.Random, true: str = true, false: str = false) -> tuple[str, Gold]:
            truth = rng.random() < 0.6
            return true if truth else false, truth

        name, source = (
            ("is_active", "active_flag"),
            ("subscribed", "Newsletter"),
            ("has_tax", "Tax?"),
        )[number % 3]
        if slug == "enabled":
            name, source = "is_enabled", "status"
        nulls = NULLS[number % len(NULLS)] if number % 4 == 2 else None
        yield column("boolean", f"bool-{slug}", {"type": "boolean"}, name, source, make, 24, nulls)

    def mess(rng: random.Random) -> tuple[str, Gold]:
        truth = rng.random() < 0.5
        return rng.choice(("yes", "Y", "TRUE", "1") if truth else ("no", "N", "FALSE", "0")), truth

    yield column("boolean", "bool-mess", {"type": "boolean"}, "verified", "verified", mess, 40)


_FIRST = "Anna Ben Clara David Emma Felix Grace Henry Ida Jonas Karl Lena Max Nora Oscar Paula Rosa Tom".split()
_LAST = "Adler Baker Costa Dubois Evans Fischer Garcia Hoffmann Ivanov Jones Keller Lopez Meyer Novak Rossi".split()


def _person(rng: random.Random) -> tuple[str, str]:
    return rng.choice(_FIRST), rng.choice(_LAST)


def others() -> Iterator[Case]:
    e164 = {"type": "string", "pattern": r"^\+[1-9]\d{6,14}$", "description": "Phone number, E.164"}

    def digits(rng: random.Random, n: int) -> str:
        return str(rng.randint(2, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(n - 1))

    def german(rng: random.Random) -> tuple[str, Gold]:
        a, b = digits(rng, 2), digits(rng, 7)
        return f"+49 ({a}) {b[:3]}-{b[3:]}", f"+49{a}{b}"

    yield column("phone", "phone-intl", e164, "phone", "Telefon", german)

    def zeros(rng: random.Random) -> tuple[str, Gold]:
        a, b = digits(rng, 3), digits(rng, 7)
        lead = rng.choice(("+41 ", "0041 "))
        return f"{lead}{a[:2]} {b}", f"+41{a[:2]}{b}"

    yield column("phone", "phone-zeros", e164, "phone", "Tel.", zeros)

    def trunk(rng: random.Random) -> tuple[str, Gold]:
        a, b = digits(rng, 2), digits(rng, 8)
        return f"+44 (0){a} {b[:4]} {b[4:]}", f"+44{a}{b}"

    yield column("phone", "phone-trunk", e164, "mobile", "Mobile No", trunk)
    for country, code, lead in (("US", "1", ""), ("DE", "49", "0"), ("FR", "33", "0")):

        def national(
            rng: random.Random, code: str = code, lead: str = lead, country: str = country
        ) -> tuple[str, Gold]:
            number = digits(rng, 9 if country == "FR" else 10)
            shown = (
                f"({number[:3]}) {number[3:6]}-{number[6:]}"
                if country == "US"
                else f"{lead}{number[:3]} {number[3:]}"
            )
            return shown, f"+{code}{number}"

        case = column("phone", f"phone-national-{country}", e164, "phone", "Phone", national)
        yield Case(
            case.id, case.family, case.target, case.name, case.columns, case.gold, country=country
        )

    yield from (*_identifiers(), *_plain_texts(), *_names(), *_lists())


def _identifiers() -> Iterator[Case]:
    def mail(rng: random.Random) -> tuple[str, Gold]:
        first, last = _person(rng)
        address = f"{first}.{last}@Example.com"
        return rng.choice((address, address.upper(), f" {address} ")), address.lower()

    yield column(
        "text", "email-case", {"type": "string", "format": "email"}, "email", "E-Mail", mail
    )

    def postal(rng: random.Random) -> tuple[str, Gold]:
        code = rng.choice((rng.randint(1000, 9999), rng.randint(10000, 99999)))
        return str(code), f"{code:05}"

    yield column(
        "text", "zip-zeros", {"type": "string", "pattern": r"^\d{5}$"}, "zip", "PLZ", postal
    )

    def sku(rng: random.Random) -> tuple[str, Gold]:
        code = f"{rng.choice('abcdef')}{rng.choice('ghijk')}-{rng.randint(100, 999)}"
        return code, code.upper()

    yield column(
        "text",
        "sku-upper",
        {"type": "string", "pattern": r"^[A-Z]{2}-\d{3}$"},
        "sku",
        "Artikel",
        sku,
    )

    def uuid(rng: random.Random) -> tuple[str, Gold]:
        raw = f"{rng.getrandbits(128):032x}"
        dashed = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        return "{" + dashed.upper() + "}", dashed

    yield column("text", "uuid-braces", {"type": "string", "format": "uuid"}, "id", "GUID", uuid)

    def bare(rng: random.Random) -> tuple[str, Gold]:
        raw = f"{rng.getrandbits(128):032x}"
        return raw, f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"

    yield column("text", "uuid-bare", {"type": "string", "format": "uuid"}, "id", "uid", bare)


def _plain_texts() -> Iterator[Case]:
    def blanks(rng: random.Random) -> tuple[str, Gold]:
        first, last = _person(rng)
        return f" {first}  {last}", f"{first} {last}"

    yield column("text", "blanks", {"type": "string"}, "customer", "Customer", blanks)
    for token in ("N/A", "NULL", "-", "?"):

        def nulls(rng: random.Random, token: str = token) -> tuple[str, Gold]:
            first, last = _person(rng)
            return (token, None) if rng.random() < 0.2 else (f"{first} {last}", f"{first} {last}")

        slug = {"N/A": "na", "NULL": "null", "-": "dash", "?": "question"}[token]
        yield column(
            "text", f"null-{slug}", {"type": ["string", "null"]}, "contact", "Kontakt", nulls
        )

    def plain(rng: random.Random) -> tuple[str, Gold]:
        text = f"{rng.choice(_LAST)} {rng.choice(('GmbH', 'Ltd', 'Inc.', 'SA'))}"
        return text, text

    yield column("text", "plain", {"type": "string"}, "company", "Firma", plain)


def _names() -> Iterator[Case]:
    for part, field_name in ((0, "first_name"), (1, "last_name")):

        def comma(rng: random.Random, part: int = part) -> tuple[str, Gold]:
            person = _person(rng)
            return f"{person[1]}, {person[0]}", person[part]

        yield column(
            "parts", f"split-comma-{field_name}", {"type": "string"}, field_name, "Name", comma
        )

        def space(rng: random.Random, part: int = part) -> tuple[str, Gold]:
            person = _person(rng)
            return " ".join(person), person[part]

        yield column(
            "parts", f"split-space-{field_name}", {"type": "string"}, field_name, "full_name", space
        )
    rng = seeded("joined")
    people = [_person(rng) for _ in range(25)]
    yield Case("gen-join-names", "parts", {"type": "string"}, "full_name",
               {"LAST_NM": [p[1] for p in people], "FIRST_NAME": [p[0] for p in people]},
               [f"{p[0]} {p[1]}" for p in people])  # fmt: skip
    moments = [
        dt.datetime.combine(day_of(rng), dt.time(rng.randint(0, 23), rng.randint(0, 59)))
        for _ in range(25)
    ]
    yield Case("gen-join-moment", "parts", dict(MOMENT), "started_at",
               {"Date": [m.strftime("%d/%m/%Y") for m in moments], "Time": [m.strftime("%I:%M %p") for m in moments]},
               [str(m) for m in moments])  # fmt: skip
    days = [day_of(rng) for _ in range(25)]
    yield Case("gen-join-days", "parts", dict(DATE), "measured",
               {"Year": [str(d.year) for d in days], "Month": [str(d.month) for d in days], "Day": [str(d.day) for d in days]},
               [d.isoformat() for d in days])  # fmt: skip
    spots = [(round(rng.uniform(-80, 80), 4), round(rng.uniform(-170, 170), 4)) for _ in range(25)]
    for place, name in ((0, "latitude"), (1, "longitude")):
        yield Case(f"gen-split-{name}", "parts", {"type": "number"}, name,
                   {"coords": [f"{a}, {b}" for a, b in spots]}, [spot[place] for spot in spots])  # fmt: skip


def _lists() -> Iterator[Case]:
    target = {"type": "array", "items": {"type": "string"}}
    words = "red green blue black white silver gold".split()
    writers: dict[str, Callable[[list[str]], str]] = {
        "comma": ", ".join, "pipe": "|".join, "semicolon": "; ".join, "messy": " ;".join,
        "json": lambda items: "[" + ", ".join(f'"{i}"' for i in items) + "]",
        "python": lambda items: "[" + ", ".join(f"'{i}'" for i in items) + "]",
    }  # fmt: skip
    for slug, write in writers.items():

        def make(rng: random.Random, write: Callable[[list[str]], str] = write) -> tuple[str, Gold]:
            items = rng.sample(words, rng.randint(1, 4))
            return write(items), items

        yield column("list", f"list-{slug}", target, "colours", "Colors", make)
