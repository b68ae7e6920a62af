"""Steps on what a pattern finds: the k-th token, all tokens joined, only or without some letters.

Patterns are written for the engine (RE2), whose classes are of ASCII; Python reads them as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lume_dagster.mapper.synthesis.letters import squash
from lume_dagster.mapper.synthesis.op import Op, listed, literal, ordinal, some


@dataclass(frozen=True, slots=True)
class Pattern:
    """Something to look for: its cost as a token, how RE2 writes it, what it is called."""

    name: str
    cost: float
    re2: str
    words: str


PATTERNS: dict[str, Pattern] = {
    p.name: p
    for p in (
        Pattern("digits", 2.0, "[0-9]+", "number"),
        Pattern("letters", 2.0, "[A-Za-z]+", "word"),
        Pattern("word", 1.95, r"[^ \t\n\r\f]+", "word between spaces"),
        Pattern("alnum", 2.0, "[A-Za-z0-9]+", "run of letters and digits"),
        Pattern("capitals", 3.0, "[A-Z]+", "run of capitals"),
        Pattern("long_capitals", 2.6, r"\b[A-Z][A-Z]+\b", "word in capitals"),
        Pattern("smalls", 3.0, "[a-z]+", "run of small letters"),
        Pattern("proper", 2.5, "[A-Z][a-z]+", "capitalised word"),
        Pattern("number", 2.1, r"-?[0-9][0-9,]*(?:\.[0-9]+)?|-?\.[0-9]+", "figure"),
        Pattern("decimal", 2.5, r"[0-9]+\.[0-9]+", "decimal"),
        Pattern("phrase", 2.6, r"[^,;|\n]+", "phrase"),
        Pattern("words", 3.0, r"[A-Za-z][A-Za-z .'-]*[A-Za-z]", "run of words"),
        Pattern("proper_words", 3.0, r"[A-Z][A-Za-z.'-]*(?: [A-Z][A-Za-z.'-]*)*", "proper name"),
        Pattern("code", 2.7, r"[A-Za-z0-9]*[0-9][A-Za-z0-9]*", "code with digits"),
        Pattern("email", 2.3, r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "e-mail address"),
        Pattern("url", 2.5, r"https?://[^ \t\n\"'<>]+", "web address"),
        Pattern("ip", 2.5, r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", "IP address"),
        Pattern("year", 2.4, r"\b[12][0-9]{3}\b", "year"),
        Pattern("zip", 2.8, r"\b[0-9]{5}(?:-[0-9]{4})?\b", "zip code"),
        Pattern("state", 3.0, r"\b[A-Z]{2}\b", "pair of capitals"),
        Pattern("bangs", 3.2, "!+", "run of exclamation marks"),
        Pattern("two_bangs", 3.6, "!!+", "run of two exclamation marks or more"),
        Pattern("domain", 2.6, r"[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}", "domain"),
        Pattern("marks", 3.4, r"[^A-Za-z0-9 \t\n\r\f]+", "run of marks"),
        Pattern("time", 2.5, r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?", "time"),
        Pattern("date", 2.5, r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4}", "date"),
        Pattern("name", 2.3, r"[^\x00-\x26\x28-\x2C\x2E-\x40\x5B-\x60\x7B-\xBF]+", "name"),
    )
}

#: What to keep or to drop, letter by letter, as classes.
CLASSES: dict[str, tuple[str, str]] = {
    "digits": ("[^0-9]", "digits"),
    "letters": ("[^A-Za-z]", "letters"),
    "alnum": ("[^A-Za-z0-9]", "letters and digits"),
    "capitals": ("[^A-Z]", "capitals"),
    "smalls": ("[^a-z]", "small letters"),
    "words": ("[^A-Za-z0-9 ]", "letters, digits and spaces"),
    "letters_spaces": ("[^A-Za-z ]", "letters and spaces"),
    "nondigits": ("[0-9]", "everything but digits"),
    "nonspaces": (r"[ \t\n\r\f]", "everything but white space"),
    "number": ("[^0-9.-]", "digits, points and signs"),
    "ends": (r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "what stands between its marks"),
    "tags": ("<[^>]*>", "its text without tags"),
    "titles": (
        r"^(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? +|,? +(?:Jr|Sr|II|III|IV|PhD|MD|Esq)\.?$",
        "the name without titles",
    ),
    "brackets": (r" *\([^()]*\)| *\[[^\[\]]*\]", "what is not in brackets"),
}


@lru_cache(maxsize=512)
def _compiled(name: str) -> re.Pattern[str]:
    return re.compile(PATTERNS[name].re2, re.ASCII)


@lru_cache(maxsize=20_000)
def tokens(text: str, name: str) -> tuple[str, ...]:
    """Everything the pattern finds, from left to right."""
    return tuple(found[0] for found in _compiled(name).finditer(text))


def _token(text: str, name: str, k: int) -> str | None:
    found = tokens(text, name)
    at = k - 1 if k > 0 else k
    return found[at] if -len(found) <= at < len(found) else None


def _token_sql(inner: str, name: str, k: int) -> str:
    return f"regexp_extract_all({inner}, {literal(PATTERNS[name].re2)})[{k}]"


def _join_sql(inner: str, name: str, glue: str) -> str:
    found = f"regexp_extract_all({inner}, {literal(PATTERNS[name].re2)})"
    return f"nullif(array_to_string({found}, {literal(glue)}), '')"


_KEEP = {name: re.compile(re2.replace("$", r"\Z")) for name, (re2, _) in CLASSES.items()}


def _keep(text: str, name: str) -> str | None:
    return _KEEP[name].sub("", text) or None


def _keep_sql(inner: str, name: str) -> str:
    return f"nullif(regexp_replace({inner}, {literal(CLASSES[name][0])}, '', 'g'), '')"


def _spaced(text: str, name: str) -> str | None:
    return squash(_KEEP[name].sub(" ", text))


def _spaced_sql(inner: str, name: str) -> str:
    return f"squash(regexp_replace({inner}, {literal(CLASSES[name][0])}, ' ', 'g'))"


def _initials(text: str, glue: str) -> str | None:
    return "".join(word[0] + glue for word in tokens(text, "letters")) or None


def _initials_sql(inner: str, glue: str) -> str:
    regex = literal("[^A-Za-z]*([A-Za-z])[A-Za-z]*[^A-Za-z]*")
    found = f"regexp_replace({inner}, {regex}, {literal(chr(92) + '1' + glue)}, 'g')"
    return f"CASE WHEN regexp_matches({inner}, '[A-Za-z]') THEN {found} END"


_CAMEL = re.compile("([a-z])([A-Z])")

PATTERN_OPS = listed(
    Op(
        "token",
        lambda name, k: PATTERNS[name].cost + 0.13 * (k - 1 if k > 0 else -k - 0.6),
        _token,
        _token_sql,
        lambda x, name, k: f"the {ordinal(k)} {PATTERNS[name].words} of {x}",
    ),
    Op(
        "join",
        lambda name, glue: PATTERNS[name].cost + 1.2 + 0.2 * len(glue),
        lambda x, name, glue: some(glue.join(tokens(x, name))),
        _join_sql,
        lambda x, name, glue: f"every {PATTERNS[name].words} of {x}, joined by '{glue}'",
    ),
    Op(
        "keep",
        2.5,
        _keep,
        _keep_sql,
        lambda x, name: f"of {x} only {CLASSES[name][1]}",
    ),
    Op(
        "spaced",
        2.9,
        _spaced,
        _spaced_sql,
        lambda x, name: f"of {x} only {CLASSES[name][1]}, with a space for what is taken out",
    ),
    Op(
        "initials",
        lambda glue: 2.8 + 0.3 * len(glue),
        _initials,
        _initials_sql,
        lambda x, glue: f"the initials of {x}" + (f", each with '{glue}'" if glue else ""),
    ),
    Op(
        "camel",
        3.0,
        lambda x: _CAMEL.sub(r"\1 \2", x),
        r"regexp_replace({0}, '([a-z])([A-Z])', '\1 \2', 'g')",
        "{0} with a space before each inner capital",
    ),
)
