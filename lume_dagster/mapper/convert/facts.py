"""What is known of a source column and of a target field before any program is tried."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.sample import SampleColumn
from lume_dagster.mapper.terms.synonyms import alike
from lume_dagster.mapper.terms.words import words_of

MOST_DISTINCT = 400  # values looked at one by one

#: Texts that mean no value wherever they stand.
_NULL_WORDS = frozenset(
    "null|none|nan|nil|n/a|#n/a|n.a.|n. a.|<na>|<null>|(null)|\\n|-|--|---|\u2013|\u2014|?|??|.|..."
    "|na|not available|not applicable|keine angabe|k.a.|k. a.|s/o|no data|nat|undefined|#value!|"
    "#ref!|(blank)|(empty)|[null]|missing".split("|")
)
#: Texts that mean no value where a code, a number or a date is wanted.
_UNKNOWN = frozenset(
    "unknown|tbd|tba|tbc|unbekannt|inconnu|desconocido|unspecified|not set|not specified|not known|"
    "not provided|not recorded|not given|n/d|s/d|withheld|to be announced|to be determined|"
    "to be confirmed".split("|")
)
#: Texts that mean no value where a number or a date is wanted.
_NO_MEASURE = _UNKNOWN | frozenset(
    "pending|x|xx|xxx|*|**|offen|open|0000-00-00|00.00.0000|00/00/0000|0000-00-00 00:00:00|"
    "99/99/9999|never|leer|vide|nd|error|#div/0!|free|on request|auf anfrage".split("|")
)
#: Of these the ones that may be meant: free is 0, and x a mark.
_DOUBTFUL = frozenset("x|xx|xxx|*|**|offen|open|never|error|free|on request|auf anfrage".split("|"))
_NO_VALUE = {"text": frozenset[str](), "code": _UNKNOWN, "measure": _NO_MEASURE}
#: What may stand around a value and says little: RE2 reads the second too.
_LEAD = re.compile(
    r"(?i)(~|≈|<|>|ca\.?|c\.|circa|approx\.?|approximately|about|around|over|more than|est\.?|"
    r"estimated|nearly|up to|since)\s*(?=[\d$€£])"
)
_TAIL = re.compile(r"(\+|\s*[(\[;].*)$")
_ASCII_LETTERS = re.compile(r"[A-Za-z]{2}")
_CODE = re.compile(r"[A-Z]{1,5}\d{0,2}")


def doubtful(nulls: Iterable[str], values: Collection[str] = ()) -> list[str]:
    """Of texts that are taken for no value those that may be meant.

    ``NA`` among codes in capitals (K, HGB, TSH) may be one of them, and may be none.
    """
    codes = sum(_CODE.fullmatch(value) is not None for value in values)
    known = _DOUBTFUL | ({"na"} if 2 * codes > len(values) else frozenset[str]())
    return [word for word in nulls if " ".join(word.split()).casefold() in known]


def sql_text(value: str) -> str:
    """A text as an expression writes it."""
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Facts:
    """The texts of a column, apart from those that mean no value."""

    column: SampleColumn
    texts: tuple[str | None, ...]  # one for each row, or item
    wanted: str  # text, code or measure: what may stand here
    kept: frozenset[str] = frozenset()  # words that mean something here, in lower case
    made_by: str = ""  # the expression the texts were made by, where they are not the column's own

    @cached_property
    def nulls(self) -> tuple[str, ...]:
        """Texts that mean no value, as they are written here, the most frequent first."""
        found = Counter(t.strip() for t in self.texts if t is not None and self._is_null(t))
        return tuple(sorted((word for word in found if word), key=lambda w: (-found[w], w)))

    def _is_null(self, value: str) -> bool:
        word = " ".join(value.split()).casefold()
        if word in self.kept:
            return False
        if word == "na" and self.wanted != "measure":
            return not self._are_short_codes
        return not word or word in _NULL_WORDS or word in _NO_VALUE[self.wanted]

    @cached_property
    def _are_short_codes(self) -> bool:
        """Most values have two letters: then ``NA`` is Namibia, or sodium."""
        given = [t.strip() for t in self.texts if t and t.strip()]
        short = sum(len(t) == 2 and bool(_ASCII_LETTERS.fullmatch(t)) for t in given)
        return short * 2 > len(given)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The distinct values, trimmed, with how many rows have each; the first seen first."""
        found = Counter(t.strip() for t in self.texts if t is not None and not self._is_null(t))
        return dict(list(found.items())[:MOST_DISTINCT])

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The distinct values, trimmed."""
        return tuple(self.counts)

    @property
    def is_text(self) -> bool:
        """Whether helpers can read it as it is."""
        return self.column.type in ("VARCHAR", "JSON")

    @property
    def text(self) -> str:
        """The expression for its text."""
        reference = self.column.reference
        return self.made_by or (reference if self.is_text else f"CAST({reference} AS VARCHAR)")

    @property
    def read(self) -> str:
        """The expression for its text, NULL for the texts that mean no value."""
        return self.cleared(self.text)

    def cleared(self, expression: str) -> str:
        """An expression, NULL for the texts that mean no value."""
        if not self.nulls:
            return expression
        return f"null_if({expression}, {', '.join(map(sql_text, self.nulls))})"

    @property
    def plain(self) -> str:
        """The expression for the value as it is, typed where it is."""
        return self.read if self.nulls or self.made_by else self.column.reference

    def without_notes(self) -> Facts | None:
        """The column without words like ``about`` before and notes in brackets behind its values.

        None where there are none. What is dropped may matter, so a person must look.
        """
        texts, made_by = list(self.texts), self.text
        leads = sorted({m[1] for t in texts if t and (m := _LEAD.match(t))})
        patterns = [rf"^({'|'.join(map(re.escape, leads))})\s*"] if leads else []
        if any(t and _TAIL.search(t) for t in texts):
            patterns.append(_TAIL.pattern)
        for pattern in patterns:
            texts = [None if t is None else re.sub(pattern, "", t) for t in texts]
            made_by = f"regexp_replace({made_by}, {sql_text(pattern)}, '')"
        return replace(self, texts=tuple(texts), made_by=made_by) if patterns else None

    @cached_property
    def name_words(self) -> tuple[str, ...]:
        """The words of its name."""
        return words_of(self.column.name)

    @cached_property
    def name(self) -> str:
        """Its name, for sentences."""
        return self.column.path


@dataclass(frozen=True)
class Want:
    """A target field, and what its words say beside its keywords."""

    field: SchemaField

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of its name and title."""
        return words_of(self.field.name) + words_of(self.field.title or "")

    @cached_property
    def prose(self) -> str:
        """Name, title and description in lower case."""
        parts = (" ".join(words_of(self.field.name)), self.field.title, self.field.description)
        return " ".join(part for part in parts if part).lower()

    def says(self, *phrases: str) -> bool:
        """Whether one of the phrases stands in the prose, as words."""
        return any(re.search(rf"(?<!\w){re.escape(p)}(?!\w)", self.prose) for p in phrases)

    @cached_property
    def examples(self) -> tuple[str, ...]:
        """The examples of the schema as texts."""
        return tuple(str(e) for e in self.field.examples if not isinstance(e, bool | dict | list))

    @cached_property
    def wanted(self) -> str:
        """Whether a measure (a number, a date), a code or any text may stand here."""
        field = self.field
        if field.enum is not None or field.type == "boolean" or field.pattern is not None:
            return "code"
        if field.type in ("integer", "number") or field.format in ("date", "date-time", "time"):
            return "measure"
        return "code" if field.format else "text"

    @cached_property
    def kept(self) -> frozenset[str]:
        """Words that mean one of the allowed values, though elsewhere they mean none."""
        allowed = (str(e).casefold() for e in self.field.enum or () if e is not None)
        return frozenset(word for one in allowed for word in (one, *alike(one)))

    def matches_pattern(self, values: Sequence[str]) -> bool:
        """Whether all values match the pattern, if there is one that can be tried here."""
        if self.field.pattern is None:
            return False
        try:
            pattern = re.compile(self.field.pattern)
        except re.error:
            return False
        return bool(values) and all(pattern.search(v) for v in values)
