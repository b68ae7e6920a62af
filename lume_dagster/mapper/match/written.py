"""How headers are written: accents, signs that stand for words, and the units they state."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from lume_dagster.mapper.profile.texts import are_yes_and_no
from lume_dagster.mapper.terms.units import NAMED, Unit, unit_of_name

#: Signs that are read as words.
_SIGNS = {"%": "percent", "#": "number"}
_SIGN = re.compile(f"[{''.join(_SIGNS)}]")
_NUMERO = re.compile(r"(?i)\bn[°º](?!\w)")
_BRACKET = re.compile(r"\s*[(\[]([^)\]]*)[)\]]")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+|%")
_LAST = re.compile(r"[^\W_]+$")
_MONEY = re.compile(r"(?:k|m|mio|tsd|t)?\.?\s*[€$£%]", re.IGNORECASE)
#: Words that are what a column holds, and not only how it is counted.
_HELD = frozenset({"time", "ratio", "data", "energy"})
_SHORT_OF_TIME = frozenset({"ms", "msec", "msecs", "sec", "secs", "hrs", "s", "h"})
_TIMES = frozenset({"time", "duration", "delay", "age", "period", "length", "latency", "elapsed"})


def written_out(text: str) -> str:
    """Without accents, and signs as words: ``Nº Tél.`` is ``no Tel.``."""
    if not text.isascii():
        text = _NUMERO.sub("no ", text)
        apart = unicodedata.normalize("NFKD", text)
        bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
        text = unicodedata.normalize("NFC", bare)
    return _SIGN.sub(lambda sign: f" {_SIGNS[sign[0]]} ", text)


def without_units(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names without the units they state, and the families of these (mass, length).

    Where two names differ in the unit alone, they keep it.
    """
    cut = [_without_unit(name) for name in names]
    shared = Counter(name.strip(" _-").lower() for name, _ in cut)
    short = [
        bare if shared[bare.strip(" _-").lower()] == 1 else name
        for name, (bare, _) in zip(names, cut, strict=True)
    ]
    return short, [family for _, family in cut]


def _without_unit(name: str) -> tuple[str, str]:
    """A name, and the family of the unit that stood in it."""
    unit = unit_of_name(name)
    family = unit.family if unit is not None else ""
    bracket = _BRACKET.search(name)
    if bracket is not None and (_is_sign(bracket[1]) or unit_of_name(f"x ({bracket[1]})")):
        return name[: bracket.start()] + name[bracket.end() :] or name, family
    if unit is None or bracket is not None:
        return name, family
    return _without_last(name, unit), family


def _is_sign(inner: str) -> bool:
    """``(€)``, ``(k€)``, ``(J/N)``: how it is counted, or what may stand there."""
    letters = inner.strip().lower().split("/")
    return _MONEY.fullmatch(inner.strip()) is not None or are_yes_and_no(letters)


def _without_last(name: str, unit: Unit) -> str:
    """Without the word of the unit, one of the last two, where another word is left."""
    words = list(_WORD.finditer(name))
    last = _LAST.search(name)
    if last is not None and NAMED.get(last[0].lower()) == unit and last.start():
        words = [*(word for word in words if word.start() < last.start()), last]
    lower = [word[0].lower() for word in words]
    named = [n for n in (-1, -2) if len(words) >= -n and NAMED.get(lower[n]) == unit]
    place = named[0] if named else -1
    rest = {*lower} - {lower[place]}
    if not rest or "per" in rest:
        return name
    if unit.family in _HELD and not (
        unit.family == "time" and (lower[place] in _SHORT_OF_TIME or rest & _TIMES)
    ):
        return name
    at = words[place]
    return (name[: at.start()] + " " + name[at.end() :]).strip(" _-") or name
