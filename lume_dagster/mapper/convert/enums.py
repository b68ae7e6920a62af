"""Code lists: which value of the target each value of a column means, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod

from lume_dagster.errors import MissingExtraError
from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Code, Program
from lume_dagster.mapper.terms.places import TABLES, find, folded
from lume_dagster.mapper.terms.synonyms import same_meaning

#: How alike a value and an allowed value are, 0 to 1; for embeddings.
Scorer = Callable[[str, str], float]

_LISTED = re.compile(r"[,;|]")
LEAST_MAPPED = 0.6  # surer values are mapped, the others left to a person
MOST_VALUES = 200
TOLD = 0.99  # of what a person has said
_PAIR = re.compile(
    r"['\"`]?([\w+-]{1,20})['\"`]?\s*(?:=|:|->|→|means|for|\u2013|-)\s*['\"]?([^,;.()'\"]{2,40})"
)


def enum_programs(
    facts: Facts,
    want: Want,
    scorer: Scorer | None = None,
    told: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Programs for a field with an enum; ``told`` is what people say that values mean."""
    allowed = [str(c) for c in want.field.enum or () if c is not None]
    values = facts.values
    if not allowed or not values or len(values) > MOST_VALUES:
        return
    if all(v in allowed for v in values):
        exact = all(t is None or t == t.strip() for t in facts.texts)
        read = facts.plain if exact else f"trim({facts.read})"
        yield Program(
            read, "identity", 0.98, ("Every value is allowed as it is.",), nulls=facts.nulls
        )
        return
    codes = with_told(match_values(values, allowed, want, scorer), told or {}, allowed)
    program = code_list(facts, want, codes)
    if program is not None:
        yield from _by_case(facts, allowed)
        yield program


def with_told(
    codes: Sequence[Code], told: Mapping[str, str], allowed: Sequence[str]
) -> tuple[Code, ...]:
    """The codes, where a person's word goes before what they look like."""
    known = {code.casefold(): target for code, target in told.items() if target in allowed}
    return tuple(
        Code(code.value, known[code.value.casefold()], TOLD, mapped=True)
        if code.value.casefold() in known
        else code
        for code in codes
    )


def _by_case(facts: Facts, allowed: Sequence[str]) -> Iterator[Program]:
    """Where only the case is different, the shorter expression."""
    for function, change in (("lower", str.lower), ("upper", str.upper)):
        if all(change(v) in allowed for v in facts.values):
            yield Program(
                f"{function}(trim({facts.read}))", "enum", 0.97,
                ("Every value is allowed but for its case.",), nulls=facts.nulls,
            )  # fmt: skip


def match_values(
    values: Sequence[str], allowed: Sequence[str], want: Want | None, scorer: Scorer | None = None
) -> tuple[Code, ...]:
    """What each value means: the best of the allowed ones, with its score."""
    meanings = _meanings(allowed, want)
    table = _table_of(allowed)
    rows = [{a: score(v, a, meanings.get(a, ()), table, scorer) for a in allowed} for v in values]
    initials = _are_initials(values, allowed)
    codes = []
    for value, row in zip(values, rows, strict=True):
        ranked = sorted(row.items(), key=lambda pair: (-pair[1], allowed.index(pair[0])))
        best, top = ranked[0]
        second = ranked[1][1] if len(ranked) > 1 else 0.0
        top = top if top - second >= 0.1 or top >= 0.97 > second else top * 0.7
        if initials and initials.get(value) == best:
            top = max(top, 0.94)
        codes.append(Code(value, best, round(top, 4), mapped=top >= LEAST_MAPPED))
    return tuple(codes)


def score(
    value: str,
    allowed: str,
    meanings: Sequence[str] = (),
    table: str | None = None,
    scorer: Scorer | None = None,
) -> float:
    """How likely a value means an allowed one."""
    if value == allowed:
        return 1.0
    v = folded(value)
    found = max(_alike(v, value, folded(a), a) for a in (allowed, *meanings))
    first = _LISTED.split(value)[0].strip()
    if first and first != value:  # of several words the first says most
        one = folded(first)
        found = max(
            found, 0.92 * max(_alike(one, first, folded(a), a) for a in (allowed, *meanings))
        )
    if table is not None:
        row, other = find(table, value), find(table, allowed)
        if row is not None and row == other:
            found = max(found, 0.97)
    if scorer is not None and found < 0.9:
        found = max(found, 0.85 * max(scorer(value, a) for a in (allowed, *meanings)))
    return found


def _alike(v: str, value: str, a: str, allowed: str) -> float:
    """The score of two spellings; ``v`` and ``a`` are folded."""
    if v and (v == a or v.replace(" ", "") == a.replace(" ", "")):
        return 0.99 if _marks(value) == _marks(allowed) else 0.8
    if not v or not a:
        return 0.98 if value.strip().casefold() == allowed.casefold() else 0.0
    if same_meaning(v, a) or same_meaning(value.strip().casefold(), allowed.casefold()):
        return 0.93 if len(v) > 1 and len(a) > 1 else 0.88
    return max(_abbreviation(v, a), _abbreviation(a, v) - 0.02, _tokens(v, a), _spelling(v, a))


def _marks(text: str) -> str:
    return (
        "".join(c for c in text if c in "+-#*" and not text.isspace())
        if text[-1:] in "+-#*"
        else ""
    )


def _abbreviation(short: str, full: str) -> float:
    """How well one is a short form of the other."""
    parts, joined = full.split(), full.replace(" ", "")
    bare = short.replace(" ", "")
    if len(parts) > 1 and len(bare) > 1:
        initials = "".join(p if p.isdigit() else p[0] for p in parts)
        if bare == initials or bare == "".join(
            p[0] for p in parts if p not in ("and", "of", "the")
        ):
            return 0.92
        if len(bare) >= 3 and _camel_initials(full, bare):
            return 0.9
    if len(bare) == 1:
        return 0.72 if joined.startswith(bare) else 0.0
    if joined.startswith(bare):
        return 0.86 + 0.05 * (len(bare) / len(joined))
    if joined[0] == bare[0] and len(bare) <= 5 and _is_inside(bare, joined):
        vowels = set(bare[1:]) & set("aeiou")
        return 0.66 if vowels else 0.8
    return 0.0


def _camel_initials(full: str, bare: str) -> bool:
    """``ps2`` of ``play station 2`` and of ``playstation 2``."""
    joined = full.replace(" ", "")
    digits = "".join(c for c in joined if c.isdigit())
    return (
        bool(digits) and bare.endswith(digits) and _is_inside(bare, joined) and bare[0] == joined[0]
    )


def _is_inside(short: str, full: str) -> bool:
    rest = iter(full)
    return all(c in rest for c in short)


_EMPTY = frozenset("game games video the a an of and type status other music".split())


def _tokens(v: str, a: str) -> float:
    """How far the words of one are the words of the other."""
    mine, theirs = set(v.split()), set(a.split())
    numbers = {t for t in mine if t.isdigit()}, {t for t in theirs if t.isdigit()}
    if numbers[0] != numbers[1]:
        return 0.0
    mine, theirs = (
        {_stem(t) for t in words - _EMPTY} or {_stem(t) for t in words} for words in (mine, theirs)
    )
    both = mine & theirs
    if not both:
        return 0.0
    if mine == theirs:
        return 0.95
    if mine < theirs or theirs < mine:
        return 0.72 + 0.15 * len(both) / max(len(mine), len(theirs))
    return 0.6 * len(both) / len(mine | theirs)


def _stem(word: str) -> str:
    for end in ("ing", "ed", "es", "s", "e"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            word = word[: -len(end)]
            break
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word


def _spelling(v: str, a: str) -> float:
    """How alike the letters are: typing errors, other spellings."""
    if min(len(v), len(a)) < 4 or {c for c in v if c.isdigit()} != {c for c in a if c.isdigit()}:
        return 0.0
    try:
        from rapidfuzz.distance import DamerauLevenshtein
    except ImportError:
        raise MissingExtraError.for_extra("Matching code lists", "mapper") from None
    same = DamerauLevenshtein.normalized_similarity(v, a)
    return 0.9 if same >= 0.85 else 0.8 if same >= 0.75 else 0.75 * same if same > 0.6 else 0.0


def _meanings(allowed: Sequence[str], want: Want | None) -> dict[str, tuple[str, ...]]:
    """What the description says the allowed values mean: ``A = active, I = inactive``."""
    prose = (want.field.description or "") if want is not None else ""
    found: dict[str, tuple[str, ...]] = {}
    for code, meaning in _PAIR.findall(prose):
        for value in allowed:
            if code.casefold() == value.casefold():
                found[value] = (*found.get(value, ()), meaning.strip())
    for value in allowed:
        inner = re.fullmatch(r"(.+?)\s*\((.+)\)", value)
        if inner:
            found[value] = (*found.get(value, ()), inner[1], inner[2])
        elif " / " in value:
            found[value] = (*found.get(value, ()), *value.split(" / "))
    return found


def _table_of(allowed: Sequence[str]) -> str | None:
    """The list of codes that the allowed values are from."""
    for table in TABLES:
        known = sum(find(table, a) is not None for a in allowed)
        if known >= 0.9 * len(allowed) and len(allowed) > 1:
            return table
    return None


def _are_initials(values: Sequence[str], allowed: Sequence[str]) -> Mapping[str, str]:
    """Where all values are the first letters of different allowed ones: which of which."""
    if not all(len(v) <= 2 and v.isalpha() for v in values):
        return {}
    found = {}
    for value in values:
        fits = [a for a in allowed if folded(a).startswith(value.casefold())]
        if len(fits) != 1:
            return {}
        found[value] = fits[0]
    return found if len(set(found.values())) == len(found) and len(found) > 1 else {}


def code_list(facts: Facts, want: Want, codes: Sequence[Code]) -> Program | None:
    """The code list of what is sure enough."""
    mapped = {c.value.lower(): c for c in reversed(codes) if c.mapped}
    if not mapped:
        return None
    ordered = [c for c in codes if c.mapped and mapped[c.value.lower()] is c]
    numeric = want.field.type in ("integer", "number")
    listed = ", ".join(
        f"{sql_text(c.value.lower())}: {c.target if numeric else sql_text(str(c.target))}"
        for c in ordered
    )
    left = [c.value for c in codes if not c.mapped]
    reasons = [f"{len(ordered)} of {len(codes)} values mean one that is allowed."]
    if left:
        shown = ", ".join(repr(v) for v in left[:3]) + (", ..." if len(left) > 3 else "")
        reasons.append(f"What {shown} means is left to a person.")
    unsure = min(ordered, key=lambda c: c.score)
    if unsure.score < 0.9:
        reasons.append(
            f"{unsure.value!r} is the least sure: {unsure.target!r} ({unsure.confidence})."
        )
    scores = [c.score for c in ordered]
    prior = min(scores) ** 0.6 * prod(scores) ** 0.1
    expression = f"code_list({facts.read}, {{{listed}}})"
    return Program(expression, "enum", prior, tuple(reasons), codes=tuple(codes), nulls=facts.nulls)
