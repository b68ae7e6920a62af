"""Read a plain sentence on how a field is made, without a model: a small, closed grammar.

A sentence is one or more steps, with "then" or ";" between them. Each step begins with the
expression as it is so far: the field's current one, until a step names columns of its own.
"""

from __future__ import annotations

import re

from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.sample import Sample
from lume_dagster.mapper.workshop.sentence_steps import (
    NUMERIC,
    Reading,
    Step,
    always,
    date,
    default,
    folded,
    join,
    nothing,
    part,
    translate,
    use,
    word,
    wrapped,
)

_HINT = (
    "without a model these are understood: use column X; always X; default X; leave empty; trim; "
    "upper case; lower case; join X and Y with a space; the first word of X; the first 3 "
    "characters of X; part 2 of X split by '-'; map A to B, C to D; date in the format "
    "%d/%m/%Y; as a number; as a number with a decimal comma; yes or no; round to 2 decimals; "
    "multiply by 100; divide by 60. A model understands more: pip install 'lume-dagster[llm]'."
)

_OF = r"(?:\s+(?:of|for|from|in)\s+(?P<of>.+))?"
_THE = r"(?:(?:take|use|give|get)\s+)?(?:the\s+)?"
_MADE = r"(?:(?:in|to|make(?: it)?) )?"
#: What a step may say, and what it does; ``{0}`` is the column it names, or what there is so far,
#: ``{number}`` the same as a number.
#: The first that fits the whole step counts.
_GRAMMAR: tuple[tuple[str, Step | str], ...] = (
    (r"(?:leave (?:it |this )?empty|nothing|null)", nothing),
    (r"(?:it is |set (?:it )?to |always |constant )(?:always )?(?P<value>.+)", always),
    (
        (
            r"(?:default(?:s)?(?: to| is)?|(?:if|when) (?:empty|missing|null),?(?: use)?) "
            r"(?P<value>.+?)(?: (?:if|when) (?:it is )?(?:empty|missing|null))?"
        ),
        default,
    ),
    (
        (
            r"(?:join|concat|concatenate|combine) (?P<columns>.+? and .+?)"
            r"(?: (?:with|by|using) (?P<mark>.+))?"
        ),
        join,
    ),
    (rf"{_THE}(?P<which>first|second|third|last) word{_OF}", word),
    (rf"{_THE}first (?P<n>\d+) (?:characters|letters|digits){_OF}", "left({0}, {n})"),
    (rf"{_THE}last (?P<n>\d+) (?:characters|letters|digits){_OF}", "right({0}, {n})"),
    (
        (
            r"(?:take )?(?:the )?part (?P<n>\d+)(?: of (?P<of>.+?))?"
            r" split (?:by|at|on) (?P<mark>.+)"
        ),
        part,
    ),
    (
        r"(?:map|translate|replace) (?:(?P<of>[^':]+?): )?(?P<pairs>.+? (?:to|->|=>|=) .+)",
        translate,
    ),
    (
        (
            r"(?:parse (?:it )?as (?:a )?|as (?:a )?)?date(?: in)?(?: the)?(?: format)? "
            rf"(?P<form>\S*[%dyDY]\S*(?: \S*[%HhSs:]\S*)?){_OF}"
        ),
        date,
    ),
    (rf"(?:parse )?as (?:a )?number with (?:a )?decimal comma{_OF}", "parse_number({0}, ',')"),
    (rf"(?:parse )?as (?:a )?number{_OF}", "parse_number({0})"),
    (rf"(?:as )?(?:yes or no|true or false|(?:a )?boolean){_OF}", "parse_boolean({0})"),
    (
        rf"round(?: it)? to (?P<n>\d+) (?:decimals?|places?|digits?){_OF}",
        "round({number}, {n})",
    ),
    (
        r"(?:multiply|multiplied)(?: (?P<of>.+?))? by (?P<n>\d+(?:\.\d+)?)",
        "{number} * {n}",
    ),
    (
        r"(?:divide|divided)(?: (?P<of>.+?))? by (?P<n>\d+(?:\.\d+)?)",
        "{number} / {n}",
    ),
    (rf"{_MADE}(?:upper ?case|capitals){_OF}", "upper({0})"),
    (rf"{_MADE}lower ?case{_OF}", "lower({0})"),
    (rf"(?:trim|strip)(?: it| spaces)?{_OF}", "trim({0})"),
    (
        (
            r"(?:use|take|copy|from)(?: the)?(?: value of)?(?: column)? "
            r"(?P<column>.+?)(?: column)?(?: as it is)?"
        ),
        use,
    ),
)
_QUOTED_OR_NEXT = re.compile(
    r"""(?<!\w)(?:"[^"]*"|'[^']*')|(?P<next>\s*(?:;|,?\s+(?:and\s+)?then\s)\s*)""", re.IGNORECASE
)
_STEPS = tuple(
    (re.compile(words, re.IGNORECASE), wrapped(does) if isinstance(does, str) else does)
    for words, does in _GRAMMAR
)


def read_sentence(sentence: str, sample: Sample, field: SchemaField, current: str | None) -> str:
    """The expression that a sentence says.

    Raises:
        InvalidRequestError: it is not understood, or names a column there is not.
    """
    columns = [column for column in sample.columns if "[]" not in column.path]
    reading = Reading(
        sentence,
        {folded(c.path): c.reference for c in reversed(columns)},
        frozenset(c.reference for c in columns if c.type.startswith(NUMERIC)),
        tuple(c.path for c in columns),
        field,
    )
    made = current
    for step in _steps_in(sentence.strip().rstrip(".")):
        made = _step(step.strip(), reading, made)
    return str(made)


def _steps_in(sentence: str) -> list[str]:
    """The steps of a sentence; what stands in quotes is not looked into."""
    steps, start = [], 0
    for found in _QUOTED_OR_NEXT.finditer(sentence):
        if found["next"] is not None:
            steps.append(sentence[start : found.start()])
            start = found.end()
    return [*steps, sentence[start:]]


def _step(step: str, reading: Reading, current: str | None) -> str:
    for pattern, read in _STEPS:
        found = pattern.fullmatch(step)
        if found is not None:
            return read(reading, found, current)
    raise InvalidRequestError(
        f"{reading.field.path}: the sentence {reading.sentence!r} is not understood.", hint=_HINT
    )
