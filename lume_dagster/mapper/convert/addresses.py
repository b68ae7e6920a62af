"""The parts of an address that stands in one column: street, number, postcode, city, state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Program

_SURE, _GUESS = 0.94, 0.75
_FEWEST = 2  # addresses; one alone may be read in many ways
#: What columns of whole addresses are called.
NAMES = frozenset("address addr adresse anschrift direccion adres indirizzo location".split())

#: A part, and the words by which a field asks for it.
_ASKED: Mapping[str, tuple[str, ...]] = {
    "number": ("house number", "house no", "street number", "hausnummer", "housenumber"),
    "zip": ("zip", "zip code", "zipcode", "postal code", "postcode", "post code", "plz"),
    "city": ("city", "town", "ort", "stadt", "ville", "ciudad", "locality"),
    "state": ("state", "state code", "province"),
    "street": ("street", "street name", "strasse", "straße", "rue", "calle", "road"),
}
_STREET_ALONE = ("street name", "without number", "without the number", "without house number")
_STREET_WHOLE = ("street and number", "street address", "address line", "with number")


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to write addresses: a pattern, and the group of each part."""

    pattern: str
    groups: Mapping[str, int]


_WAYS = (
    _Way(
        r"^(.+?)\s+(\d+\s?[A-Za-z]?(?:[-/]\d+)?),\s*(?:[A-Z]{1,2}-)?(\d{4,5})\s+([^\d,]+)$",
        {"street": 1, "number": 2, "zip": 3, "city": 4},
    ),
    _Way(
        r"^(\d+[A-Za-z]?)\s+([^,]+),\s*([^,\d]+),\s*([A-Z]{2})\s+(\d{5}(?:-\d{4})?)$",
        {"number": 1, "street": 2, "city": 3, "state": 4, "zip": 5},
    ),
    _Way(
        r"^(\d+[A-Za-z]?),?\s+([^,\d]+),\s*(?:[A-Z]{1,2}-)?(\d{4,5})\s+([^\d,]+)$",
        {"number": 1, "street": 2, "zip": 3, "city": 4},
    ),
    _Way(
        r"^(\d+[A-Za-z]?)\s+([^,]+),\s*([^,\d]+),?\s+([A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2})$",
        {"number": 1, "street": 2, "city": 3, "zip": 4},
    ),
    _Way(r"^(?:[A-Z]{1,2}-)?(\d{4,5})\s+([^\d,]+)$", {"zip": 1, "city": 2}),
)


def address_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """Programs for a part of the addresses of a column that are all written in one way."""
    asked = _asked(want)
    values = [" ".join(value.split()) for value in facts.values]
    if asked is None or len(values) < _FEWEST:
        return
    way = next((way for way in _WAYS if all(re.fullmatch(way.pattern, v) for v in values)), None)
    if way is None or asked not in way.groups:
        return
    part = _part(facts, way, asked)
    if asked == "street" and "number" in way.groups:
        yield from _streets(facts, part, want)
        return
    why = f"The values are addresses; the {_WORDS[asked]} is taken."
    sure = _is_of(facts, want, asked)
    yield Program(part, "part", _SURE if sure else _GUESS, (why,), review=not sure)


def _is_of(facts: Facts, want: Want, asked: str) -> bool:
    """Whether both names speak of the same address: no ``birth_city`` is in a billing address."""
    of_the_part = {word for phrase in _ASKED[asked] for word in phrase.split()}
    return set(want.words) - of_the_part - NAMES == set(facts.name_words) - NAMES - of_the_part


_WORDS = {
    "zip": "postcode",
    "number": "house number",
    "city": "city",
    "state": "state",
    "street": "street",
}


def _asked(want: Want) -> str | None:
    """The one part that the field's name or title asks for."""
    named = " ".join(want.words)
    found = [part for part, phrases in _ASKED.items() if _says(named, phrases)]
    if "number" in found or found == ["street"]:
        return "number" if "number" in found else "street"
    return found[0] if len(found) == 1 else None


def _says(words: str, phrases: Sequence[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", words) for phrase in phrases)


def _streets(facts: Facts, part: str, want: Want) -> Iterator[Program]:
    """Whether the house number belongs to the street is seldom said."""
    same = _is_of(facts, want, "street")
    if not want.says(*_STREET_WHOLE):
        told = same and want.says(*_STREET_ALONE)
        why = "The values are addresses; the street is taken without its number."
        yield Program(part, "part", _SURE if told else _GUESS, (why,), review=not told)
    if not want.says(*_STREET_ALONE):
        whole = f"trim(split_part({_text(facts)}, ',', 1))"
        told = same and want.says(*_STREET_WHOLE)
        why = "The values are addresses; the street is taken with its number."
        yield Program(whole, "part", _SURE if told else _GUESS - 0.1, (why,), review=not told)


def _part(facts: Facts, way: _Way, asked: str) -> str:
    found = f"regexp_extract({_text(facts)}, {sql_text(way.pattern)}, {way.groups[asked]})"
    return f"nullif(trim({found}), '')"


def _text(facts: Facts) -> str:
    untidy = any(text != " ".join(text.split()) for text in facts.texts if text)
    return f"squash({facts.read})" if untidy else facts.read
