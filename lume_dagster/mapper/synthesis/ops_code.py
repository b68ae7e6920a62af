"""Steps that look something up or write a figure another way: codes, bases, Roman numerals."""

from __future__ import annotations

import re

from lume_dagster.mapper.synthesis.data import codes
from lume_dagster.mapper.synthesis.letters import lower, trim
from lume_dagster.mapper.synthesis.op import Op, listed, literal, with_ending

_MOST = 2**53
_ROMAN = re.compile("M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ONES = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_TENS = ("", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC")
_HUNDREDS = ("", "C", "CC", "CCC", "CD", "D", "DC", "DCC", "DCCC", "CM")
_THOUSANDS = ("", "M", "MM", "MMM")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _known(text: str, name: str) -> str | None:
    return codes.table(name).get(lower(trim(text)))


def _list_sql(inner: str, pairs: list[tuple[str, str]]) -> str:
    inside = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in pairs)
    return f"code_list({inner}, {{{inside}}})"


def _code(text: str, *pairs: str) -> str | None:
    return dict(zip(pairs[::2], pairs[1::2], strict=True)).get(lower(trim(text)))


def _whole(value: float, most: float = _MOST) -> int | None:
    return int(value) if 0 <= value < most and value == int(value) else None


def _to_base(value: float, base: int) -> str | None:
    number = _whole(value)
    if number is None:
        return None
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _from_base(text: str, base: int) -> float | None:
    """Up to twelve digits, each with its weight."""
    if not re.fullmatch(f"[{_DIGITS[:base]}]{{1,12}}", text.upper() if text.isascii() else ""):
        return None
    return float(int(text, base))


def _from_base_sql(inner: str, base: int) -> str:
    padded = f"lpad(upper({inner}), 12, '0')"
    terms = [
        f"(strpos({literal(_DIGITS[:base])}, substr({padded}, {k}, 1)) - 1) * {base ** (12 - k)}"
        for k in range(1, 13)
    ]
    good = f"regexp_full_match({inner}, '(?i)[{_DIGITS[:base]}]{{1,12}}')"
    return f"CASE WHEN {good} THEN CAST({' + '.join(terms)} AS DOUBLE) END"


def _to_roman(value: float) -> str | None:
    number = _whole(value, 4000)
    if not number:
        return None
    thousands, rest = divmod(number, 1000)
    hundreds, rest = divmod(rest, 100)
    return _THOUSANDS[thousands] + _HUNDREDS[hundreds] + _TENS[rest // 10] + _ONES[rest % 10]


def _to_roman_sql(inner: str) -> str:
    whole = f"CAST({inner} AS INTEGER)"
    places = ((1000, _THOUSANDS), (100, _HUNDREDS), (10, _TENS), (1, _ONES))
    digits = [
        f"split_part({literal('|'.join(names))}, '|', {whole} // {weight} % 10 + 1)"
        for weight, names in places
    ]
    good = f"{inner} BETWEEN 1 AND 3999 AND {inner} = floor({inner})"
    return f"CASE WHEN {good} THEN {' || '.join(digits)} END"


def _from_roman(text: str) -> float | None:
    if not (text and _ROMAN.fullmatch(text)):
        return None
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[c] for c in text]
    later = [*values[1:], 0]
    return float(sum(-v if v < n else v for v, n in zip(values, later, strict=True)))


def _from_roman_sql(inner: str) -> str:
    """Every letter counts, and a smaller one before a larger counts off twice."""
    letters = (("M", 1000), ("D", 500), ("C", 100), ("L", 50), ("X", 10), ("V", 5), ("I", 1))
    counts = [f"{w} * (length({inner}) - length(replace({inner}, '{c}', '')))" for c, w in letters]
    pairs = (("CM", 200), ("CD", 200), ("XC", 20), ("XL", 20), ("IX", 2), ("IV", 2))
    offs = [f"CASE WHEN contains({inner}, '{p}') THEN {w} ELSE 0 END" for p, w in pairs]
    good = f"{inner} <> '' AND regexp_full_match({inner}, {literal(_ROMAN.pattern)})"
    total = f"{' + '.join(counts)} - {' - '.join(offs)}"
    return f"CASE WHEN {good} THEN CAST({total} AS DOUBLE) END"


def _ordinal(text: str) -> str | None:
    return with_ending(text) if re.fullmatch("[0-9]{1,15}", text) else None


_ORDINAL_SQL = (
    "CASE WHEN regexp_full_match({0}, '[0-9]{{1,15}}') THEN {0} || CASE "
    "WHEN regexp_matches({0}, '1[0-9]$') THEN 'th' WHEN right({0}, 1) = '1' THEN 'st' "
    "WHEN right({0}, 1) = '2' THEN 'nd' WHEN right({0}, 1) = '3' THEN 'rd' ELSE 'th' END END"
)

CODE_OPS = listed(
    Op(
        "known_code",
        lambda name: codes.COSTS[name],
        _known,
        lambda x, name: _list_sql(x, list(codes.table(name).items())),
        lambda x, name: f"{codes.WORDS[name]} of {x}",
    ),
    Op(
        "code",
        lambda *pairs: 6.0 + len(pairs),
        _code,
        lambda x, *pairs: _list_sql(x, list(zip(pairs[::2], pairs[1::2], strict=True))),
        lambda x, *pairs: f"what the examples give for {x} ({len(pairs) // 2} codes)",
    ),
    Op(
        "to_base",
        lambda base: 2.0 if base in (2, 8, 16) else 3.0,
        _to_base,
        "CASE WHEN {0} BETWEEN 0 AND 9007199254740991 AND {0} = floor({0}) "
        "THEN to_base(CAST({0} AS BIGINT), {1}) END",
        "{0} to the base {1}",
    ),
    Op(
        "letter",
        2.4,
        lambda x: chr(int(x)) if 32 <= x < 127 and x == int(x) else None,
        "CASE WHEN {0} BETWEEN 32 AND 126 AND {0} = floor({0}) THEN chr(CAST({0} AS INTEGER)) END",
        "the letter with the code {0}",
    ),
    Op(
        "letter_code",
        2.0,
        lambda x: float(ord(x)) if len(x) == 1 else None,
        "CASE WHEN length({0}) = 1 THEN CAST(unicode({0}) AS DOUBLE) END",
        "the code of the letter {0}",
    ),
    Op("from_base", 2.2, _from_base, _from_base_sql, "the number {0} is to the base {1}"),
    Op("to_roman", 2.4, _to_roman, _to_roman_sql, "{0} as a Roman numeral"),
    Op("from_roman", 2.4, _from_roman, _from_roman_sql, "the number the Roman numeral {0} means"),
    Op("ordinal", 2.2, _ordinal, _ORDINAL_SQL, "{0} as an ordinal"),
)
