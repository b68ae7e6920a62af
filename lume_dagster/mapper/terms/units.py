"""Units: how people write them in values, column names and descriptions, and what they count."""

# ruff: noqa: E501, RUF001 - a table, and signs that look alike
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.terms.words import words_of


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a family; ``base`` is what one of it counts in the family's smallest terms."""

    family: str
    name: str
    base: Decimal


#: Family: unit, factor, how it is written in values | how a column's last word says it.
_TABLE = """
time ms .001 ms msec msecs millis millisecond milliseconds | ms msec millis milliseconds
time s 1 s sec secs second seconds sek sekunden '' | sec secs seconds secondes segundos sekunden s
time min 60 min mins minute minutes minuten minutos m ' | min mins minutes minuten minutos
time h 3600 h hr hrs hour hours std stunden heures horas | hr hrs hours stunden heures horas h
time day 86400 d day days tag tage jours jour dias día días | days tage jours dias
time week 604800 w wk wks week weeks wochen | weeks wks wochen
mass mg .001 mg milligram milligrams | mg milligrams
mass g 1 g gr gram grams gramm grammes | g grams gram gramm grammes
mass kg 1000 kg kgs kilo kilos kilogram kilograms kilogramm | kg kgs kilos kilograms kilogram
mass t 1000000 t to tonne tonnes | tonnes
mass lb 453.59237 lb lbs pound pounds # | lb lbs
mass oz 28.349523125 oz ounce ounces | oz ounces
mass st 6350.29318 st stone | stone
length mm .001 mm millimeter millimeters millimetre millimetres | mm millimeters millimetres
length cm .01 cm centimeter centimeters centimetre centimetres zentimeter | cm centimeters centimetres
length m 1 m meter meters metre metres mtr | meters metres meter metre
length km 1000 km kms kilometer kilometers kilometre kilometres | km kms kilometers kilometres
length in .0254 in inch inches " ″ ” zoll | inch inches
length ft .3048 ft foot feet ' ′ | ft feet
length yd .9144 yd yds yard yards | yd yards
length mi 1609.344 mi mile miles | mi miles
data b 1 b byte bytes | bytes byte
data kb 1000 kb kilobyte kilobytes | kb kilobytes
data mb 1000000 mb megabyte megabytes | mb megabytes
data gb 1000000000 gb gigabyte gigabytes | gb gigabytes
data tb 1000000000000 tb terabyte terabytes | tb terabytes
data kib 1024 kib | kib
data mib 1048576 mib | mib
data gib 1073741824 gib | gib
data tib 1099511627776 tib | tib
volume ml .001 ml milliliter milliliters millilitre millilitres | ml milliliters millilitres
volume cl .01 cl centiliter | cl
volume l 1 l lt ltr liter liters litre litres | liters litres liter litre ltr
volume gal 3.785411784 gal gallon gallons | gal gallons
volume floz .0295735295625 floz | floz
temperature c 1 °c c celsius degc | celsius
temperature f 1 °f f fahrenheit degf | fahrenheit
temperature k 1 kelvin | kelvin
ratio fraction 1 | fraction ratio share
ratio percent .01 % percent pct prozent | pct percent percentage prozent perc
ratio bp .0001 bp bps | bps
energy wh 1 wh | wh
energy kwh 1000 kwh | kwh
energy mwh 1000000 mwh | mwh
voltage mv .001 mv millivolt millivolts | mv millivolt millivolts
voltage v 1 v volt volts | volt volts
current ma .001 ma milliamp milliamps | ma milliamps
current a 1 amp amps ampere | amp amps ampere
power w 1 w watt watts | watt watts
power kw 1000 kw kilowatt kilowatts | kw kilowatt kilowatts
pressure pa 1 pa pascal | pascal
pressure hpa 100 hpa mbar millibar | hpa mbar
pressure kpa 1000 kpa | kpa
pressure bar 100000 bar |
area sqm 1 m² m2 sqm qm | sqm qm
area sqft .09290304 ft² ft2 sqft | sqft
area ha 10000 ha hectare hectares | hectare hectares ha
area acre 4046.8564224 acre acres | acre acres
area sqkm 1000000 km² km2 sqkm | sqkm
speed kmh 1 km/h kmh kph | kmh kph
speed mph 1.609344 mph | mph
count one 1 | dollars euros euro usd eur gbp chf jpy
count cents .01 cents cent ct ¢ | cents cent
count thousand 1000 k thousand tausend tsd tsd. mille thsd | thousands thousand tausend tsd
count million 1000000 m mn mm mil million millions mio mio. millionen millones | mn millions million mio mln
count billion 1000000000 b bn bil billion billions mrd mrd. milliarden milliards | bn billions billion mrd
count trillion 1000000000000 tn trillion trillions | trillions trillion
"""


def _read() -> tuple[dict[str, dict[str, Unit]], dict[str, Unit], dict[tuple[str, str], Unit]]:
    written: dict[str, dict[str, Unit]] = {}
    named: dict[str, Unit] = {}
    units: dict[tuple[str, str], Unit] = {}
    for line in _TABLE.strip().splitlines():
        values, _, names = line.partition(" |")
        family, name, base, *spelled = values.split()
        unit = units[family, name] = Unit(family, name, Decimal(base))
        for word in spelled:
            written.setdefault(word, {})[family] = unit
        for word in names.split():
            named.setdefault(word, unit)
    return written, named, units


#: As written beside a number: word -> family -> unit. As the word of a name: word -> unit.
WRITTEN, NAMED, UNITS = _read()

#: Short words at the end of a name that are units only beside such words.
_WITH_CONTEXT = (
    (("length", "in"), "height width length size depth diagonal screen waist chest inseam thickness"),
    (("length", "m"), "height width length distance altitude elevation depth"),
    (("temperature", "c"), "temp temperature"),
    (("temperature", "f"), "temp temperature"),
    (("time", "s"), "time duration latency elapsed runtime"),
    (("time", "h"), "time duration runtime hours"),
    (("volume", "l"), "volume capacity tank"),
    (("mass", "g"), "weight mass"),
    (("voltage", "v"), "voltage battery batt supply"),
    (("power", "w"), "power"),
    (("count", "k"), "revenue salary amount sales price income population budget value cap employees usd eur"),
    (("count", "m"), "revenue amount sales budget value cap population usd eur funding profit turnover"),
    (("count", "b"), "revenue assets value cap usd eur"),
)  # fmt: skip
_LETTER = {"k": "thousand", "m": "million", "b": "billion"}
_BRACKETS = re.compile(r"[(\[]\s*(?:in\s+)?([^)\]]+?)\s*[)\]]")
_MONEY_SIGNS = re.compile(r"[€$£¥]|\b(?:eur|usd|gbp|chf)\b")
_SCALES = {
    "k": "thousand", "t": "thousand", "tsd": "thousand", "m": "million", "mio": "million",
    "mn": "million", "bn": "billion", "mrd": "billion",
}  # fmt: skip
_APART = re.compile(r"[\W_]+")


def unit_of_name(name: str) -> Unit | None:
    """The unit a column's name states: its last words, or what stands in brackets."""
    bracket = _BRACKETS.search(name)
    found = _in_brackets(name[: bracket.start()], bracket[1].lower()) if bracket else None
    if found is not None:
        return found
    last = _APART.split(name)[-1].lower()
    if len(last) > 1 and last in NAMED and last != name.lower():
        return NAMED[last]  # mV and kWh are one word each
    words = words_of(name)
    context = _by_context(words[:-1], words[-1]) if len(words) > 1 else None
    if context is not None:
        return context
    named = (w for w in reversed(words[-2:]) if w in NAMED and len(w) > 1)
    return next((NAMED[w] for w in named), None)


def _in_brackets(before: str, inner: str) -> Unit | None:
    """``(lb)``, ``[min]``, ``(in thousands)``, ``(USD m)``."""
    scale = _MONEY_SIGNS.sub("", inner).strip(" .")
    if scale != inner and scale in _SCALES:
        return UNITS["count", _SCALES[scale]]  # k€, Mio. €
    context = _by_context(words_of(before), inner)
    found = WRITTEN.get(inner) or WRITTEN.get(inner.rstrip("s"))
    if context is not None or found is None:
        named = (w for w in reversed(re.findall(r"[a-z%]+", inner)) if w in NAMED)
        return context or next((NAMED[w] for w in named), None)
    return found[next((f for f in found if f != "count"), "count")]


def _by_context(words: Sequence[str], short: str) -> Unit | None:
    for (family, letter), beside in _WITH_CONTEXT:
        if letter == short and set(words) & set(beside.split()):
            return UNITS[family, _LETTER[letter] if family == "count" else letter]
    return None


_STATED = re.compile(
    r"\b(?:in|as|of|measured in|expressed in|given in|number of|unit:?|units:?)\s+"
    r"(?:whole |full |us |euro |fractional |metric )?([a-z%°]+)"
)


def unit_of_target(field: SchemaField) -> Unit | None:
    """The unit a target states: in its name, or in its title or description."""
    found = unit_of_name(field.name) or unit_of_name(field.title or "")
    if found is not None:
        return found
    prose = (field.description or "").lower()
    for bracket in _BRACKETS.finditer(prose):
        for unit in WRITTEN.get(bracket[1], {}).values():
            return unit
    stated = [m[1] for m in _STATED.finditer(prose)]
    named = [NAMED[w] for w in stated if w in NAMED]
    written = [next(iter(WRITTEN[w].values())) for w in stated if w in WRITTEN and len(w) > 1]
    long = [NAMED[w] for w in re.findall(r"[a-z%]+", prose) if w in NAMED and _is_word(w)]
    return next(iter([*named, *written, *long]), None)


def _is_word(word: str) -> bool:
    """Long enough to be a unit wherever it stands."""
    return len(word) > 4 or word in ("kg", "cm", "km", "mm", "lbs", "usd", "eur", "gbp")


def factor_sql(unit: Unit, to: Unit) -> str:
    """``* 60`` or ``/ 1000``: what makes one unit the other; empty where they are the same."""
    if unit.base == to.base:
        return ""
    times = unit.base / to.base
    if times * to.base == unit.base and len(times.as_tuple().digits) <= 17:
        return (
            f" * {plain(times)}"
            if times >= 1 or not _is_whole(to.base / unit.base)
            else (f" / {plain(to.base / unit.base)}")
        )
    over = to.base / unit.base
    if over * unit.base == to.base and len(over.as_tuple().digits) <= 17:
        return f" / {plain(over)}"
    return f" * {plain(unit.base)} / {plain(to.base)}"


def _is_whole(number: Decimal) -> bool:
    return number == number.to_integral_value()


def plain(number: Decimal) -> str:
    """A number without an exponent or trailing zeros."""
    text = format(number.normalize(), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
