"""What a field promises to hold (a date, a person, a price), and whether a column's values are so.

It tells columns apart whose names say nothing, and doubts those whose names promise another thing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lume_dagster.mapper.knowledge import Knowledge
from lume_dagster.mapper.match import values
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.names import Names, Scores, stem, words_of
from lume_dagster.mapper.profile import Profile
from lume_dagster.mapper.profile.texts import TYPES

_MOST = 60  # distinct values of a column are looked at
_LONG_CODE, _ALL_DIFFER, _FEW = 6, 0.9, 0.5
#: How the values of a column can be written.
_WRITTEN = {name: re.compile(pattern) for name, pattern in {
    "person": r"[^\W\d_][^\W\d_.'-]*[.]?(?: [^\W\d_][^\W\d_.'-]+){1,2}",
    "words": r"[^\W\d_][^\W\d_.'-]+(?:[ &-]+[^\W\d_.'-]+){0,3}",
    "prose": r"\S+(?: \S+){4,}.*",
    "address": r"\d+\w? [^\W\d].{3,}|[^\W\d].{3,} \d+ ?\w?",
    "postal": r"\d{4,5}(?:-\d{4})?|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d",
    "letter": r"[^\W\d_]",
    "coded": r"(?=\S*\d)[\w./:#-]*[^\W\d_][\w./:#-]*",
}.items()}  # fmt: skip
_SEEN = (*_WRITTEN, "category", "code", *TYPES, "epoch")
#: What a promise is kept by, and how well.
_KEPT: Mapping[str, Mapping[str, float]] = {
    "date": {"date": 1.0, "datetime": 0.8},
    "moment": {"datetime": 1.0, "date": 0.8, "time": 0.3, "epoch": 0.8},
    "time": {"time": 1.0, "datetime": 0.6},
    "year": {"year": 1.0, "date": 0.3},
    "email": {"email": 1.0},
    "phone": {"phone": 1.0, "integer": 0.2},
    "url": {"url": 1.0},
    "flag": {"boolean": 1.0},
    "code": {"code": 1.0, "uuid": 1.0, "integer": 0.5, "postal": 0.2},
    "person": {"person": 1.0, "words": 0.5, "email": 0.2},
    "place": {"words": 1.0},
    "title": {"words": 0.9, "person": 0.9, "prose": 0.5, "text": 0.7, "word": 0.7},
    "category": {"category": 1.0, "words": 0.5},
    "prose": {"prose": 1.0, "words": 0.4, "text": 0.9},
    "address": {"address": 1.0, "words": 0.3},
    "postal": {"postal": 1.0, "coded": 0.2},
    "money": {"number": 1.0, "integer": 0.7},
    "count": {"integer": 1.0, "number": 0.4, "year": 0.5},
    "measure": {"number": 1.0, "integer": 0.8},
}
SENSES = tuple(_KEPT)
_WORTH = np.array([[_KEPT[sense].get(seen, 0.0) for seen in _SEEN] for sense in SENSES])
_FORMATS = {
    "date": "date", "date-time": "moment", "time": "time", "email": "email", "uri": "url",
    "uuid": "code",
}  # fmt: skip
_NUMERIC = frozenset({"year", "money", "count", "measure", "code", "flag", "postal"})
_GENERAL = frozenset({"code", "address", "title"})
_EXACT = frozenset({"email", "phone", "url", "postal"})
_ENDINGS = {"at": "moment", "on": "date"}
_BEGINNINGS = frozenset({"is", "has", "was", "can"})


def kept_senses(
    source: Sequence[Profile], fields: Sequence[Column], names: Names, knowledge: Knowledge
) -> tuple[Scores, NDArray[np.bool_]]:
    """For each column and field the share of values that are what the field promises.

    And where it can be told: of fields that promise something, and columns that have values.
    """
    asked = [_asked(field, number, names, knowledge) for number, field in enumerate(fields)]
    seen = np.stack([_seen(each) for each in source])
    seen = np.column_stack([seen, values.are_epochs(source)])
    shares = np.asarray((seen[:, None, :] * _WORTH[None, :, :]).max(axis=2), dtype=np.float32)
    at = np.array([SENSES.index(sense) if sense else 0 for sense in asked])
    filled = np.array([each.count > 0 for each in source])
    return shares[:, at], filled[:, None] & np.array([bool(sense) for sense in asked])[None, :]


def _asked(field: Column, number: int, names: Names, knowledge: Knowledge) -> str:
    """The kind a field promises, by its format, its type, its name, what is said of it."""
    if field.format in _FORMATS:
        return _FORMATS[field.format]
    if "bool" in field.type.lower():
        return "flag"
    given, long = names.words[number], names.long[number]
    said = knowledge.expand(words_of(field.description))
    found = (_of_word(word, knowledge) for word in (*reversed(long), *said))
    by_words = next((sense for sense in found if sense), "")
    by_words = _more_exactly(by_words, names.placed[number], knowledge)
    if len(given) > 1 and not names.placeholder[number]:
        by_words = _ENDINGS.get(given[-1], by_words)
        by_words = "flag" if given[0] in _BEGINNINGS else by_words
    is_number = any(word in field.type.lower() for word in ("int", "num", "float", "dec"))
    if is_number and by_words not in _NUMERIC:
        return "count" if "int" in field.type.lower() else "measure"
    return by_words


def _more_exactly(sense: str, words: Sequence[str], knowledge: Knowledge) -> str:
    """A number, code or address is what the words before say; a name that of whom they name."""
    if sense not in _GENERAL:
        return sense
    before = [_of_word(word, knowledge) for word in reversed(words)]
    if sense == "title":
        nearest = next((one for one in before if one and one != sense), sense)
        return nearest if nearest == "person" and words[-1:] == ("name",) else sense
    return next((one for one in before if one in _EXACT), sense)


def _of_word(word: str, knowledge: Knowledge) -> str:
    return knowledge.senses.get(word) or knowledge.senses.get(stem(word), "")


def _seen(profile: Profile) -> NDArray[np.float64]:
    """In which share of the values each of _SEEN is so."""
    texts = sorted(profile.distinct)
    texts = texts[:: max(1, -(-len(texts) // _MOST))]
    shares = [
        sum(pattern.fullmatch(text) is not None for text in texts) / max(1, len(texts))
        for pattern in _WRITTEN.values()
    ]
    by_type = dict(zip(TYPES, profile.types.tolist(), strict=True))
    written = dict(zip(_WRITTEN, shares, strict=True))
    distinctness = float(profile.stats[2])
    if profile.distinct and profile.distinct <= {"0", "1"}:
        by_type["boolean"] = 1.0
    by_type["integer"] += by_type["year"]
    few = max(0.0, 1 - distinctness / _FEW) if profile.count > 1 else 0.0
    lengths = profile.lengths
    of_digits = by_type["integer"] * (lengths[0] == lengths[-1] >= _LONG_CODE)
    code = max(written["coded"], of_digits * (distinctness >= _ALL_DIFFER))
    category = few * (written["words"] + written["letter"])
    return np.array([*shares, category, code, *by_type.values()])
