"""Texts of a known form: addresses, phones, links, identifiers, codes with zeros, plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Program

_PHONE_WORDS = ("phone", "mobile", "telephone", "fax", "telefon", "cell", "e.164", "tel", "handy")
_MAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_NAMED_MAIL = re.compile(r".*<([^\s@<>]+@[^\s@<>]+\.[^\s@<>]+)>")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_HOST = re.compile(r"(www\.)?([A-Za-z0-9-]+\.)+[A-Za-z]{2,}([/?#:].*)?")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_CODE_LENGTH = re.compile(r"\^?(?:\\d|\[0-9\])\{(\d+)\}\$?")

#: Country -> its calling code, the prefix of calls inside it, digits of a national number.
PHONES = {
    "US": ("1", "1", (10,)), "CA": ("1", "1", (10,)), "GB": ("44", "0", (10,)),
    "DE": ("49", "0", tuple(range(7, 12))), "FR": ("33", "0", (9,)), "ES": ("34", "", (9,)),
    "IT": ("39", "", (9, 10)), "AT": ("43", "0", tuple(range(7, 12))), "CH": ("41", "0", (9,)),
    "NL": ("31", "0", (9,)), "BE": ("32", "0", (8, 9)), "IN": ("91", "0", (10,)),
    "AU": ("61", "0", (9,)), "IE": ("353", "0", (8, 9)), "SE": ("46", "0", (7, 8, 9)),
    "PL": ("48", "", (9,)), "PT": ("351", "", (9,)), "DK": ("45", "", (8,)),
}  # fmt: skip


def text_programs(facts: Facts, want: Want, country: str | None = None) -> Iterator[Program]:
    """Programs for a field of type string without an enum."""
    form = want.field.format
    if form == "email" or want.says("email", "e-mail", "mail address"):
        yield from _mails(facts)
    if form == "uuid":
        yield from _uuids(facts)
    if form == "uri" or want.says("url", "website", "homepage", "link"):
        yield from _links(facts, want)
    if want.says(*_PHONE_WORDS):
        yield from _phones(facts, want, country)
    yield from _padded(facts, want)
    yield from _cased(facts, want)
    international = asks_for_e164(want) and not all(_E164.fullmatch(v) for v in facts.values)
    for program in _identity(facts, want):
        yield replace(program, prior=program.prior * 0.2) if international else program


def _identity(facts: Facts, want: Want) -> Iterator[Program]:
    texts = [t for t in facts.texts if t]
    prior = 0.95
    reason = "The values are taken as they are."
    if facts.nulls:
        reason = f"The values are taken as they are; {', '.join(map(repr, facts.nulls))} mean none."
    plain = Program(facts.plain, "identity", prior, (reason,), nulls=facts.nulls)
    if want.field.format in ("uuid", "email", "uri"):
        plain = replace(plain, prior=0.9)
    if any(t != " ".join(t.split()) for t in texts):
        runs = any(t.strip() != " ".join(t.split()) for t in texts)
        read = facts.cleared(f"squash({facts.text})" if runs else f"trim({facts.text})")
        why = "Blanks at the ends" + (" and runs of blanks" if runs else "") + " are taken out."
        yield Program(read, "text", prior, (why,), nulls=facts.nulls)
        plain = replace(plain, prior=0.6)
    yield plain


def _mails(facts: Facts) -> Iterator[Program]:
    values = facts.values
    bare = [v.removeprefix("mailto:").removeprefix("MAILTO:") for v in values]
    named = any(_NAMED_MAIL.fullmatch(v) for v in values)
    if named and all(_NAMED_MAIL.fullmatch(v) or _MAIL.fullmatch(v) for v in values):
        mail = f"lower(regexp_extract({facts.read}, '[^\\s<>]+@[^\\s<>]+'))"
        lost = ("The names beside the addresses are dropped.",)
        yield Program(mail, "email", 0.9, ("The address is taken out of <...>.",), lost)
        return
    if sum(bool(_MAIL.fullmatch(v)) for v in bare) * 2 < len(values):
        return
    read = f"trim({facts.read})" if any(t != t.strip() for t in facts.texts if t) else facts.read
    if bare != list(values):
        read = f"regexp_replace({read}, '(?i)^mailto:', '')"
    clean = all(v == v.lower() for v in values)
    if not clean:
        read = f"lower({read})"
    if read != facts.plain:
        why = "Addresses are the same whatever their case."
        yield Program(read, "email", 0.96, (why,), nulls=facts.nulls)


def _uuids(facts: Facts) -> Iterator[Program]:
    bare = [re.sub(r"^(urn:uuid:|\{)|\}$", "", v, flags=re.IGNORECASE) for v in facts.values]
    if not bare or not all(_UUID.fullmatch(v) for v in bare):
        return
    if all("-" in v for v in bare) and bare == list(facts.values):
        return
    parts = "([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})"
    digits = f"regexp_replace({facts.read}, '(?i)^(urn:uuid:|[{{])|[}}]$', '', 'g')"
    read = digits if bare != list(facts.values) else facts.read
    expression = f"regexp_replace(lower({read}), '{parts}', '\\1-\\2-\\3-\\4-\\5')"
    yield Program(expression, "uuid", 0.96, ("The values are UUIDs, written otherwise.",))


def _links(facts: Facts, want: Want) -> Iterator[Program]:
    values = facts.values
    schemes = [v for v in values if re.match(r"(?i)https?://", v)]
    hosts = [v for v in values if v not in schemes and _HOST.fullmatch(v)]
    if want.field.format != "uri" or not hosts or len(schemes) + len(hosts) < len(values):
        return
    read = facts.read
    if schemes:
        expression = f"CASE WHEN {read} ILIKE 'http%' THEN {read} ELSE 'https://' || {read} END"
    else:
        expression = f"'https://' || {read}"
    yield Program(
        expression, "url", 0.85, ("https:// is put before links without a scheme.",), review=True
    )


def asks_for_e164(want: Want) -> bool:
    """Whether the target wants international numbers, bare of marks."""
    if not want.says(*_PHONE_WORDS):
        return False
    if want.says("e.164", "e164", "international format"):
        return True
    if want.matches_pattern(["+4930123456", "+12025550123"]) and not want.matches_pattern(["a b"]):
        return True
    return bool(want.examples) and all(_E164.fullmatch(e) for e in want.examples)


def _phones(facts: Facts, want: Want, country: str | None) -> Iterator[Program]:
    """Numbers as E.164 says, where the target asks for it; a country only when it is told."""
    if not asks_for_e164(want) or not facts.values:
        return
    extension = any(re.search(r"(?i)(ext|x|#)\.?\s*\d+$", v) for v in facts.values)
    lost = ("Extensions are dropped.",) if extension else ()
    read = facts.read
    if extension:
        read = f"regexp_replace({read}, '(?i)\\s*(ext|x|#)\\.?\\s*[0-9]+$', '')"
    digits = [re.sub(r"[^\d+]", "", re.sub(r"\(0\)", "", v)) for v in facts.values]
    trunk = any("(0)" in v for v in facts.values)
    if trunk:
        read = f"replace({read}, '(0)', '')"
    bare = f"regexp_replace({read}, '[^0-9+]', '', 'g')"
    if all(d.startswith("+") for d in digits):
        why = ("The numbers are international: blanks and marks are taken out.",)
        yield Program(bare, "phone", 0.96, why, lost, nulls=facts.nulls)
        return
    if all(d.startswith(("+", "00")) for d in digits):
        expression = f"regexp_replace({bare}, '^00', '+')"
        why = ("The numbers are international; 00 stands for +.",)
        yield Program(expression, "phone", 0.95, why, lost, nulls=facts.nulls)
        return
    if country in PHONES:
        yield from _national(facts, bare, digits, country, lost)


def _national(
    facts: Facts, bare: str, digits: list[str], country: str, lost: tuple[str, ...]
) -> Iterator[Program]:
    code, trunk, lengths = PHONES[country]
    national = f"{trunk}?" if trunk else ""
    inside = rf"^(?:{trunk})?" if trunk else "^"
    expression = (
        f"CASE WHEN {bare} LIKE '+%' THEN {bare} WHEN {bare} LIKE '00%' THEN "
        f"regexp_replace({bare}, '^00', '+') ELSE regexp_replace({bare}, '{inside}', '+{code}') END"
    )
    if not any(d.startswith(("+", "00")) for d in digits):
        expression = f"regexp_replace({bare}, '{inside}', '+{code}')"
    shape = re.compile(rf"{national}\d{{{min(lengths)},{max(lengths)}}}")
    fits = all(d.startswith(("+", "00")) or shape.fullmatch(d) for d in digits)
    why = (f"National numbers are taken for {country}, as was told.",)
    yield Program(
        expression, "phone", 0.93 if fits else 0.5, why, lost, not fits, nulls=facts.nulls
    )


def _padded(facts: Facts, want: Want) -> Iterator[Program]:
    """Codes that lost their leading zeros."""
    width = _width(want)
    values = facts.values
    short = [v for v in values if v.isdigit() and width and len(v) < width]
    if not width or not short or not all(v.isdigit() and len(v) <= width for v in values):
        return
    if min(len(v) for v in values) < width - 2 and want.says("zip", "postal", "postcode", "plz"):
        return
    expression = f"lpad({facts.read}, {width}, '0')"
    why = f"Codes have {width} digits: leading zeros were lost."
    yield Program(expression, "code", 0.94, (why,), nulls=facts.nulls)


def _width(want: Want) -> int | None:
    field = want.field
    if field.pattern:
        found = _CODE_LENGTH.fullmatch(field.pattern)
        if found:
            return int(found[1])
    if field.min_length and field.min_length == field.max_length:
        return field.min_length
    lengths = {len(e) for e in want.examples if e.isdigit()}
    zeros = any(e.startswith("0") for e in want.examples)
    if len(lengths) == 1 and zeros and len(want.examples) == sum(map(str.isdigit, want.examples)):
        return lengths.pop()
    return None


def _cased(facts: Facts, want: Want) -> Iterator[Program]:
    """Upper or lower case where the pattern, or all examples, have it."""
    values = facts.values
    for function, change in (("upper", str.upper), ("lower", str.lower)):
        changed = [change(v) for v in values]
        if changed == list(values):
            continue
        if want.matches_pattern(changed) and not want.matches_pattern(values):
            why = f"The pattern asks for {function} case."
            yield Program(
                f"{function}(trim({facts.read}))", "text", 0.96, (why,), nulls=facts.nulls
            )
        elif _all_cased(want.examples, change) and _one_case(values):
            why = f"The examples of the target are in {function} case."
            yield Program(f"{function}({facts.read})", "text", 0.97, (why,), review=True)
    for mark in ("-", " ", ".", "/"):
        stripped = [v.replace(mark, "") for v in values]
        if want.matches_pattern(stripped) and not want.matches_pattern(values):
            why = f"The pattern has no {mark!r}."
            expression = f"replace({facts.read}, {sql_text(mark)}, '')"
            yield Program(expression, "text", 0.9, (why,), nulls=facts.nulls)


def _all_cased(examples: tuple[str, ...], change: object) -> bool:
    assert callable(change)  # noqa: S101
    letters = [e for e in examples if any(c.isalpha() for c in e)]
    return bool(letters) and all(change(e) == e for e in letters)


def _one_case(values: tuple[str, ...]) -> bool:
    return all(v == v.upper() for v in values) or all(v == v.lower() for v in values)
