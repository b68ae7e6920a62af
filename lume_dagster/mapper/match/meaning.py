"""How near two columns are in meaning: vectors of names, contexts and values, and descriptions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lume_dagster.mapper.embedding import Embedding, Vectors
from lume_dagster.mapper.knowledge import Knowledge
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.names import Names, Scores, overlap, stem, words_of
from lume_dagster.mapper.profile import Profile

_LONGEST_DESCRIPTION = 220
_MOST_CODES = 20  # distinct values of a column that a description may name


def name_vectors(names: Names, embedding: Embedding) -> Vectors:
    """Of the words written out."""
    return embedding.vectors([" ".join(words) for words in names.long])


def context(column: Column, names: Names, number: int, profile: Profile) -> str:
    """Table, name, description and some values, as one text."""
    name = "" if names.placeholder[number] else " ".join(names.long[number])
    text = f"{' '.join(words_of(column.table))} {name}".strip()
    if column.description:
        text += ": " + column.description[:_LONGEST_DESCRIPTION]
    if profile.shown:
        text += " e.g. " + ", ".join(profile.shown)
    return text


def described(columns: Sequence[Column], knowledge: Knowledge) -> list[frozenset[str]]:
    """The words of each description."""
    return [
        frozenset(stem(word) for word in knowledge.expand(words_of(column.description)))
        - knowledge.stop_words
        for column in columns
    ]


def shared_description(
    source: Sequence[frozenset[str]], target: Sequence[frozenset[str]]
) -> Scores:
    """The weight of common words in that of the shorter description; rare words weigh more."""
    count: dict[str, int] = {}
    for words in (*source, *target):
        for word in words:
            count[word] = count.get(word, 0) + 1
    total = len(source) + len(target)
    weights = {word: math.log(total / n) for word, n in count.items()}
    ours, theirs = _weights(source, weights), _weights(target, weights)
    shorter = np.minimum(ours[:, None], theirs[None, :])
    return np.asarray(overlap(source, target, weights) / np.maximum(shorter, 1e-6))


def name_in_description(
    names: Names, said: Sequence[frozenset[str]], names_of_said: Names
) -> Scores:
    """The share of a name's words that the other side's description or name has."""
    words = [frozenset(stem(word) for word in name) for name in names.long]
    other = [
        text | frozenset(stem(word) for word in name)
        for text, name in zip(said, names_of_said.long, strict=True)
    ]
    sizes = np.array([max(1, len(each)) for each in words], dtype=np.float32)
    return np.asarray(overlap(words, other) / sizes[:, None])


def _weights(sets: Sequence[frozenset[str]], weights: dict[str, float]) -> Scores:
    return np.array([sum(weights[w] for w in sorted(each)) for each in sets], dtype=np.float32)


def values_in_description(
    columns: Sequence[Column], profiles: Sequence[Profile], fields: Sequence[Column]
) -> Scores:
    """The share of a column's values that a field's description names; of columns with few."""
    scores = np.zeros((len(columns), len(fields)), dtype=np.float32)
    few = [sorted(v for v in p.distinct if _is_telling(v)) for p in profiles]
    coded = [n for n, p in enumerate(profiles) if 0 < len(p.distinct) <= _MOST_CODES and few[n]]
    for number, field in enumerate(fields):
        said = f" {_plain(field.description)} " if field.description else ""
        for row in coded if said else ():
            named = sum(f" {_plain(value)} " in said for value in few[row])
            scores[row, number] = named / len(profiles[row].distinct)
    return scores


def _is_telling(value: str) -> bool:
    return len(value) > 2 and not value.isdigit()


def _plain(text: str) -> str:
    return " ".join(words_of(text))
