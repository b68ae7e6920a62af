"""Yes and no in every spelling, and words that mean one of them."""

# ruff: noqa: E501 - tables of words
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Code, Program
from lume_dagster.mapper.profile.texts import NO, YES  # what parse_boolean reads
from lume_dagster.mapper.terms.words import words_of

_TRUE = frozenset(
    "true t yes y 1 on ja j wahr oui o vrai si sí s verdadero vero sim tak да".split()
)
_TRUE = frozenset(
    "1.0|-1|✓|✔|☑|+|.t.|#true#|enabled|enable|active|aktiv|actif|activo|yep|yeah|ok|okay|positive|pos|"
    "confirmed|verified|granted|accepted|approved|opted in|opt-in|opt in|subscribed|pass|passed|success|"
    "succeeded|available|in stock|present|true (1)|yes (y)|1 - yes|checked|right|correct|allowed|paid|valid|"
    "complete|completed|done|member|registered|current|live".split("|")
)
_FALSE = frozenset(
    "0.0|✗|✘|☐|.f.|#false#|disabled|disable|inactive|inaktiv|inactif|inactivo|nope|negative|neg|"
    "unconfirmed|unverified|denied|rejected|declined|opted out|opt-out|opt out|unsubscribed|fail|failed|"
    "failure|unavailable|out of stock|absent|false (0)|no (n)|0 - no|unchecked|wrong|incorrect|forbidden|"
    "unpaid|invalid|incomplete|not done|pending|open|non-member|unregistered|former|archived|dead|"
    "not active|not available|none".split("|")
)
_OPPOSITES = frozenset(
    "inactive disabled unsubscribed out optout unpaid invalid deleted closed blocked banned not no non "
    "un opted exclude excluded hidden without former archived suspended cancelled canceled".split()
)


def boolean_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """Programs for a field of type boolean."""
    values = [v.casefold() for v in facts.values]
    if facts.column.type == "BOOLEAN":
        yield from _polar(Program(facts.column.reference, "identity", 0.98), facts, want)
        return
    if not values:
        yield from _marked(facts)
        return
    plain = [v for v in values if v in YES | NO]
    if set(values) <= {"true", "false"}:
        yield from _polar(Program(facts.plain, "identity", 0.98, nulls=facts.nulls), facts, want)
    elif len(plain) == len(values):
        why = ("Every value is a spelling of yes or no.",)
        made = Program(f"parse_boolean({facts.read})", "boolean", 0.97, why, nulls=facts.nulls)
        yield from _polar(made, facts, want)
    yield from _worded(facts, want)
    yield from _marked(facts)


_VAGUE = frozenset("pending open none current done live member free".split())


def _truth(value: str, name: set[str]) -> tuple[bool | None, float]:
    """What a word means, and how sure that is; ``name`` are the words of the target's name."""
    word = value.casefold()
    sure = 0.6 if word in _VAGUE else 0.92
    if word in YES | NO:
        return word in YES, 0.96
    if word in _FALSE:
        return False, sure
    if set(words_of(value)) & name:
        return True, 0.95
    return (True, sure) if word in _TRUE else (None, 0.0)


def _worded(facts: Facts, want: Want) -> Iterator[Program]:
    """Words that mean yes or no by what they say, or by the name of the target."""
    name = set(want.words) - {"is", "has", "flag", "was", "the"}
    if all(v.casefold() in YES | NO for v in facts.values):
        return
    told = ((v, *_truth(v, name)) for v in facts.values)
    codes = [Code(v, truth, score, mapped=truth is not None) for v, truth, score in told]
    known = list({c.value.casefold(): c for c in codes if c.mapped}.values())
    if not known:
        return
    listed = ", ".join(f"{sql_text(c.value.lower())}: {str(c.target).lower()}" for c in known)
    prior = min(c.score for c in known) * (0.8 if len({c.target for c in known}) == 1 else 1)
    whys = ("The values are words for yes and no.",)
    expression = f"code_list({facts.read}, {{{listed}}})"
    made = Program(expression, "boolean", prior, whys, codes=tuple(codes), nulls=facts.nulls)
    yield from _polar(made, facts, want)


def _polar(program: Program, facts: Facts, want: Want) -> Iterator[Program]:
    """Where one name says the opposite of the other, a person decides."""
    if bool(set(facts.name_words) & _OPPOSITES) == bool(set(want.words) & _OPPOSITES):
        yield program
        return
    if set(facts.name_words) & set(want.words) & _OPPOSITES:
        yield program
        return
    why = f"The names {facts.column.name} and {want.field.name} may say the opposite of each other."
    turned = f"NOT {program.expression}"
    if program.kind == "identity":
        turned = f"NOT CAST({program.expression} AS BOOLEAN)"
    yield replace(
        program, expression=turned, prior=0.6, reasons=(why,), review=True, kind="boolean"
    )
    yield replace(program, prior=0.4, reasons=(why,), review=True)


def _marked(facts: Facts) -> Iterator[Program]:
    """A mark or nothing: whether nothing means no, a person must say."""
    given = {t.strip().casefold() for t in facts.texts if t and t.strip()}
    empty = any(not t or not t.strip() for t in facts.texts)
    if (
        len(given) == 1
        and empty
        and given <= {"x", "✓", "✔", "*", "yes", "y", "1", "true", "ja", "oui"}
    ):
        why = "A mark or nothing: nothing is taken for no."
        yield Program(f"squash({facts.text}) IS NOT NULL", "boolean", 0.8, (why,), review=True)
