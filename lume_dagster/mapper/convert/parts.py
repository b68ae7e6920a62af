"""One column into several fields, and several columns into one: names, places, date and time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lume_dagster.mapper.convert.dates import date_programs
from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.moments import time_programs
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.terms.words import words_of

_FIRST = (
    "first name",
    "given name",
    "forename",
    "vorname",
    "prénom",
    "nombre",
    "firstname",
    "fname",
)
_LAST = (
    "last name",
    "surname",
    "family name",
    "nachname",
    "nom de famille",
    "apellido",
    "lastname",
    "lname",
)
_FULL = ("full name", "name", "fullname", "contact", "person", "customer name")
_PAIR = re.compile(r"\(?\s*-?\d{1,3}(\.\d+)?\s*[,;/ ]\s*-?\d{1,3}(\.\d+)?\s*\)?")
_TITLE = re.compile(r"(?i)^(mr|mrs|ms|dr|prof|herr|frau)\.? ")


def split_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """A part of a text: a first or last name, a latitude or longitude."""
    values = facts.values
    if not values:
        return
    if want.field.type == "string" and not want.says(*_FULL[:1]):
        yield from _names(facts, want)
    if want.field.type == "number" and all(_PAIR.fullmatch(v) for v in values):
        place = (
            1
            if want.says("lat", "latitude")
            else 2
            if want.says("lon", "lng", "long", "longitude")
            else 0
        )
        if place and all(len(re.findall(r"-?\d+(?:\.\d+)?", v)) == 2 for v in values):
            mark = next(m for m in (",", ";", "/", " ") if all(m in v for v in values))
            text = facts.read
            if any("(" in v for v in values):
                text = f"regexp_replace({text}, '[()]', '', 'g')"
            part = f"split_part({text}, {sql_text(mark)}, {place})"
            why = f"The {'first' if place == 1 else 'second'} of two numbers is the one."
            yield Program(f"CAST({part} AS DOUBLE)", "split", 0.94, (why,))


def _names(facts: Facts, want: Want) -> Iterator[Program]:
    first, last = want.says(*_FIRST), want.says(*_LAST)
    values = facts.values
    own = " ".join(facts.name_words)
    if any(re.search(rf"\b{phrase}\b", own) for phrase in (*_FIRST, *_LAST)):
        return  # the column holds a part already: van Dijk is one last name
    if first == last or 2 * sum(" " in v for v in values) < len(values):
        return
    text = facts.read
    if any(" ".join(t.split()) != t for t in facts.texts if t):
        text = f"squash({text})"
    if all(v.count(",") == 1 for v in values):
        part = 2 if first else 1
        why = "The values are written 'last, first'."
        prior = 0.95 if all(len(v.split()) <= 3 for v in values) else 0.9
        yield Program(f"trim(split_part({text}, ',', {part}))", "split", prior, (why,))
        return
    if any("," in v for v in values):
        return
    titled = any(_TITLE.match(v) for v in values)
    lost = ("Titles are dropped.",) if titled else ()
    if titled:
        text = f"regexp_replace({text}, '(?i)^(mr|mrs|ms|dr|prof|herr|frau)\\.? ', '')"
    counts = {len(_TITLE.sub("", v).split()) for v in values}
    if counts == {2}:
        part = 1 if first else 2
        why = "Every value has two words: the first and the last name."
        yield Program(f"split_part({text}, ' ', {part})", "split", 0.95, (why,), lost)
        return
    pattern = "^(\\S+)" if first else "^\\S+ (.*)$"
    why = "Some names have more than two words: where the last name begins is a guess."
    yield Program(
        f"regexp_extract({text}, '{pattern}', 1)", "split", 0.6, (why,), lost, review=True
    )


def joined_programs(columns: Sequence[Facts], want: Want) -> Iterator[Program]:
    """Several columns into one field."""
    if want.field.format in ("date-time", "date"):
        yield from _moments(columns, want)
        yield from _days(columns)
        return
    if want.field.type != "string":
        return
    ordered = sorted(columns, key=_rank)
    texts = ", ".join(_clean(f) for f in ordered)
    named = belong(columns, want)
    mark = ", " if want.says("address", "location", "adresse") and len(columns) > 2 else " "
    prior = 0.9 if named and mark == " " else 0.55
    if named and want.says(*_FIRST, "first") and want.says(*_LAST):
        prior = 0.97  # the field says of what it is made
    why = f"{', '.join(f.name for f in ordered)} are put together with {mark!r} between them."
    expression = f"concat_ws({sql_text(mark)}, {texts})"
    yield Program(expression, "concat", prior, (why,), review=prior < 0.9)


def _clean(facts: Facts) -> str:
    read = facts.read
    untidy = any(t != " ".join(t.split()) for t in facts.texts if t)
    return f"squash({read})" if untidy else read


_GIVEN = (
    "title salutation anrede first given vorname fname forename firstname givenname prénom middle "
    "initial"
).split()
_FAMILY = "last surname nachname lname family lastname familyname nom suffix".split()
_STREET = "street strasse straße address1 road".split()
_HOUSE = "house hausnummer number nr no apt unit".split()
_PLACE = "zip postal plz city town ort state country".split()
_BESIDE = frozenset({"title", "salutation", "anrede", "middle", "initial"})
#: The order in which parts of a name or an address are written.
_ORDER = (*_GIVEN, *_FAMILY, *_STREET, *_HOUSE, *_PLACE)
_NUMBERED = frozenset("house haus street road str strasse straße apt unit".split())
_OF_A_PERSON = frozenset(
    "name person contact customer client employee patient author owner member holder student "
    "teacher doctor passenger guest user kunde ansprechpartner who by".split()
)
_OF_A_PLACE = frozenset("address adresse anschrift location street strasse straße place".split())
_NO_TEXT = frozenset("id no nr number nummer num code key email mail phone tel".split())


def belong(columns: Sequence[Facts], want: Want) -> bool:
    """Whether the names say that the columns are parts of what the field is.

    Parts of a person's name have a first and a last name among them, those of an address a street
    or a place; a number is that of a house only where nothing else is numbered.
    """
    names = [set(f.name_words) for f in columns]
    asked = set(words_of(want.field.name))
    if len({_rank(f) for f in columns}) < len(columns) or asked & _NO_TEXT:
        return False
    if bool(asked & {*_GIVEN}) != bool(asked & {*_FAMILY}):  # a part is asked for, not the whole
        return False
    if all(name & {*_GIVEN, *_FAMILY} for name in names):
        both = any(name & set(_GIVEN) for name in names) and any(n & set(_FAMILY) for n in names)
        called = any(name & {*_GIVEN} - _BESIDE for name in names)  # not by the middle name alone
        return both and called and bool(asked & _OF_A_PERSON)
    parts = [
        name & {*_STREET, *_PLACE} or (name & set(_HOUSE) and name <= {*_HOUSE, *_NUMBERED})
        for name in names
    ]
    somewhere = any(name & {*_STREET, *_PLACE} for name in names)
    return all(parts) and somewhere and bool(asked & _OF_A_PLACE)


def _rank(facts: Facts) -> int:
    ranks = [_ORDER.index(w) for w in facts.name_words if w in _ORDER]
    return min(ranks, default=len(_ORDER))


def _moments(columns: Sequence[Facts], want: Want) -> Iterator[Program]:
    """A column of days and one of times of day."""
    if len(columns) != 2 or want.field.format != "date-time":
        return
    as_date = Want(replace(want.field, format="date"))
    as_time = Want(replace(want.field, format="time"))
    for days, times in ((columns[0], columns[1]), (columns[1], columns[0])):
        dates = [p for p in date_programs(days, as_date, ()) if not p.losses]
        clocks = [p for p in time_programs(times, as_time) if not p.losses]
        if not dates or not clocks or dates[0].prior < 0.3:
            continue
        for day in dates:
            moment = f"CAST({day.expression} AS VARCHAR) || ' ' || {_clock(clocks[0])}"
            why = f"{days.name} is the day, {times.name} the time of it."
            yield Program(
                f"parse_timestamp({moment})", "concat", day.prior * 0.97, (why, *day.reasons),
                review=day.review,
            )  # fmt: skip
        return


def _clock(program: Program) -> str:
    return f"CAST(CAST({program.expression} AS TIME) AS VARCHAR)"


_PARTS = (("year", "yr", "yyyy", "jahr"), ("month", "mon", "mm", "monat"), ("day", "dd", "tag"))


def _days(columns: Sequence[Facts]) -> Iterator[Program]:
    """Year, month and day in columns of their own."""
    if len(columns) != 3:
        return
    found = [next((f for f in columns if set(names) & set(f.name_words)), None) for names in _PARTS]
    if None in found or len({f.name for f in found if f}) < 3:
        return
    parts = [f"CAST({f.read} AS INTEGER)" for f in found if f]
    why = "Year, month and day stand in columns of their own."
    yield Program(f"make_date({', '.join(parts)})", "concat", 0.95, (why,))
