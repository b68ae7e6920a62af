"""How numbers are written: signs, marks, currencies and units, value by value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PLAIN = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*")
CURRENCY = re.compile(
    r"\b(?:US|CA|AU|NZ|HK|[CAS])\$|[€$£¥₹₽₺₪₩฿]|(?i:\b(?:EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|"
    r"BRL|MXN|ZAR|TRY)\b)"
)
_SPACE = "[ \u00a0\u2009\u202f]"
_BODY = (
    rf"\d{{1,3}}(?:{_SPACE}\d{{3}})+(?:[.,]\d+)?|\d{{1,3}}(?:['\u2019]\d{{3}})+(?:[.,]\d+)?|"
    r"\d[\d.,]*\d|\d|[.,]\d+"
)
_NUMBER = re.compile(
    r"(?P<open>\()?\s*(?P<sign>[+\-\u2212])?\s*(?P<before>[^\d,()+-]*?)\s*(?P<sign2>[+-])?"
    rf"(?P<body>{_BODY})\s*(?P<after>[^\d()]*?)\s*(?P<close>\))?(?P<minus>-)?"
)
_SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY"}


@dataclass(frozen=True, slots=True)
class Written:
    """One number as it is written; ``before`` and ``after`` are what is no currency, lowered."""

    body: str
    before: str
    after: str
    currency: str
    negative: bool


def read_number(text: str) -> Written | None:
    """The parts of a text that holds one number and little else."""
    if PLAIN.fullmatch(text) and "e" in text.lower():
        return Written(text.lower().split("e")[0].strip(" +-"), "", "", "", text.lstrip()[0] == "-")
    match = _NUMBER.fullmatch(text.strip())
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    around = f"{match['before']} {match['after']}"
    found = CURRENCY.search(around)
    currency = _SYMBOLS.get(found[0], found[0].upper()).replace("US$", "USD") if found else ""
    before, after = (CURRENCY.sub("", match[side]).strip().lower() for side in ("before", "after"))
    negative = bool(match["open"] or match["minus"] or "-" in (match["sign"], match["sign2"]))
    return Written(match["body"], before, after, currency, negative)


@dataclass(frozen=True, slots=True)
class Mark:
    """The decimal sign of a column, and how sure that is."""

    sign: str
    prior: float
    reason: str = ""


def decimal_marks(bodies: Sequence[str], *, whole: bool, comma_locale: bool | None) -> list[Mark]:
    """Whether the point or the comma is the decimal sign, the likelier first.

    ``whole`` is whether only whole numbers are wanted; ``comma_locale`` is what the other columns
    of the sample say, or None.
    """
    votes = [vote for body in bodies if (vote := _vote(body)) is not None]
    signs = {sign for sign, _ in votes}
    if len(signs) == 1:
        sign, body = votes[0]
        return [Mark(sign, 0.98, f"{body!r} shows that the decimal sign is {sign!r}.")]
    if len(signs) == 2:
        most = "." if sum(s == "." for s, _ in votes) * 2 >= len(votes) else ","
        return [Mark(most, 0.4, "Some values have a decimal point, others a decimal comma.")]
    unclear = {mark for body in bodies for mark in ".," if mark in body}
    if not unclear:
        return [Mark(".", 0.98)]
    mark = next(iter(sorted(unclear)))  # one mark, three digits after it: 1,234 or 1.234
    other = "," if mark == "." else "."
    if whole:
        return [Mark(other, 0.95, f"Whole numbers are wanted, so {mark!r} groups thousands.")]
    if comma_locale is not None:
        sign = "," if comma_locale else "."
        why = f"Other columns of the sample have the decimal sign {sign!r}."
        return [Mark(sign, 0.93, why), Mark("." if comma_locale else ",", 0.07)]
    groups = 0.85 if mark == "," else 0.35
    if len({len(b) for b in bodies}) > 2 and mark == ",":
        groups = 0.9
    why = f"{mark!r} may group thousands or be the decimal sign: no value tells."
    found = [Mark(other, groups, why), Mark(mark, 1 - groups, why)]
    return sorted(found, key=lambda m: -m.prior)


def _vote(body: str) -> tuple[str, str] | None:
    """The decimal sign that a text proves, and the text."""
    points, commas = body.count("."), body.count(",")
    if points and commas:
        return ("." if body.rfind(".") > body.rfind(",") else ","), body
    mark = "." if points else "," if commas else ""
    if not mark:
        return None
    other = "," if mark == "." else "."
    if body.count(mark) > 1 or " " in body:
        return (other, body) if body.count(mark) > 1 else (mark, body)
    head, tail = body.split(mark)
    if len(tail) != 3 or len(head) > 3 or head in ("", "0") or head.startswith("0"):
        return mark, body
    return None


def comma_locale(others: Mapping[str, Sequence[str]]) -> bool | None:
    """Whether other columns are sure to write decimal commas; None where none or both are."""
    found = set()
    for values in others.values():
        bodies = [w.body for v in values[:200] if (w := read_number(v)) is not None]
        if len(bodies) * 2 > len(values):
            votes = {vote[0] for body in bodies if (vote := _vote(body))}
            if len(votes) == 1:
                found |= votes
    return next(iter(found)) == "," if len(found) == 1 else None
