"""From features to one score a pair, and to the best assignment of columns to fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from lume_dagster.mapper.embedding import Embedding
from lume_dagster.mapper.knowledge import Knowledge
from lume_dagster.mapper.match.features import Features, Side, compare
from lume_dagster.mapper.match.names import Scores
from lume_dagster.mapper.match.tables import nesting
from lume_dagster.mapper.match.values import CONSTRAINTS

#: Set by hand: what is learned from some data sets ranks worse on others. Only how sure a match
#: is, is learned (calibrate.py).
WEIGHTS: Mapping[str, float] = {
    "words": 0.6, "long_words": 2.6, "trigrams": 0.8, "letters": 0.3, "skeleton": 1.0,
    "initials": 0.8, "name_vector": 1.5, "context_vector": 3.0, "value_vector": 0.4,
    "description": 0.8, "told": 1.0, "values_told": 3.0, "table": 4.0,
    "table_named": 0.35, "table_kept": 1.0, "table_spread": 0.8,
    "jaccard": 1.6, "containment": 0.6, "value_words": 1.2, "pieces": 0.5, "types": 0.5,
    "shapes": 0.7, "lengths": 0.5, "numbers": 0.5, "kind": 1.6, "constraints": 1.2, "sense": 1.5,
    "remembered": 0.0,
}  # fmt: skip
#: Where the target has rows of its own, words of names and vectors say less beside the values.
TABLE_WEIGHTS: Mapping[str, float] = {
    **WEIGHTS, "words": 1.0, "long_words": 2.2, "letters": 0.8, "skeleton": 2.0, "initials": 1.4,
    "name_vector": 1.2, "context_vector": 1.6, "value_vector": 0.0, "told": 0.0, "table": 1.0,
    "jaccard": 1.2, "pieces": 1.0, "lengths": 0.8, "kind": 0.6, "constraints": 0.6, "sense": 0.3,
}  # fmt: skip
_REMEMBERED = 2.0  # above every score that is only seen
_BROKEN, _KEPT, _BROKEN_WORTH = 0.1, 0.5, 0.7  # of the share of values that keep a promise
_MUTUAL = np.float32(0.5)
_MOST_PAIRS = 500_000  # are compared at a time
CANDIDATES = 5  # of a field are kept


@dataclass(frozen=True)
class Scored:
    """Every pair's score, the best candidates of each field, and what the features say of these.

    ``candidates`` are row numbers, best first, a row of the array for each field.
    ``features`` are of the candidates, in the same arrangement; NaN where one cannot be told.
    """

    scores: Scores  # a row for each source column, a column for each field
    assigned: NDArray[np.intp]  # for each field its column, or -1 where there are too few
    candidates: NDArray[np.intp]
    features: dict[str, Scores]


def score(source: Side, target: Side, knowledge: Knowledge, embedding: Embedding) -> Scored:
    """Compare all pairs, some fields at a time when there are very many."""
    fields, rows = len(target.columns), len(source.columns)
    step = max(1, min(fields, _MOST_PAIRS // max(1, rows)))
    weights = TABLE_WEIGHTS if target.is_table else WEIGHTS
    parts = [
        _score_part(source, target.part(begin, begin + step), knowledge, embedding, weights)
        for begin in range(0, fields, step)
    ]
    scores = np.concatenate([part[0] for part in parts], axis=1)
    kept = np.concatenate([part[1] for part in parts])
    features = {name: np.concatenate([part[2][name] for part in parts]) for name in parts[0][2]}
    return _finish(favour_mutual(scores, source), scores, kept, features)


def _score_part(
    source: Side,
    target: Side,
    knowledge: Knowledge,
    embedding: Embedding,
    weights: Mapping[str, float],
) -> tuple[Scores, NDArray[np.intp], dict[str, Scores]]:
    found = compare(source, target, knowledge, embedding)
    scores = weigh(found, weights)
    scores *= nesting(source.columns, target.columns, scores)
    if not target.is_table:
        scores *= _promises(found)
    scores += found.scores["remembered"] * np.float32(_REMEMBERED)
    kept = _best_rows(scores, min(len(scores), 4 * CANDIDATES))
    at = (kept, np.arange(kept.shape[0])[:, None])
    features = {name: _told(found, name, at) for name in (*WEIGHTS, *CONSTRAINTS)}
    return scores, kept, features


def _promises(found: Features) -> Scores:
    """A factor below 1 where a column is not at all what the field promises, and another one is."""
    sense, told = found.scores["sense"], found.applies["sense"]
    best = np.where(told, sense, 0).max(axis=0, keepdims=True)
    broken = told & (sense <= _BROKEN) & (best >= _KEPT)
    return np.where(broken, np.float32(_BROKEN_WORTH), np.float32(1))


def weigh(found: Features, given: Mapping[str, float]) -> Scores:
    """The weighted mean of what can be told of each pair."""
    total: Scores | None = None
    weights: Scores | None = None
    for name, weight in given.items():
        if name not in found.scores or not weight:
            continue
        where = found.where(name)
        told = np.float32(weight) if where is None else where * np.float32(weight)
        added = found.scores[name] * told
        total = added if total is None else total + added
        weights = np.broadcast_to(told, added.shape) if weights is None else weights + told
    if total is None or weights is None:
        raise ValueError("no feature has a weight")
    return np.round(total / np.maximum(weights, 1e-9), 5).astype(np.float32)


def _told(found: Features, name: str, at: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Scores:
    if name not in found.scores:
        return np.full(at[0].shape, np.nan, dtype=np.float32)
    where = found.where(name)
    told = found.scores[name][at]
    return np.asarray(told if where is None else np.where(where[at], told, np.nan), np.float32)


def _best_rows(scores: Scores, most: int) -> NDArray[np.intp]:
    """For each column of the scores its best rows, best first; of equals the first."""
    return np.argsort(-scores, axis=0, kind="stable")[:most].T


def favour_mutual(scores: Scores, source: Side) -> Scores:
    """Lower what has a better partner among the columns: half of the field's best is taken off.

    A column of the same name in another table is no rival: a key stands in many tables.
    """
    best = scores.max(axis=0, keepdims=True)
    _, groups = np.unique([plain for plain, _ in source.names.whole], return_inverse=True)
    if 1 < groups.max() + 1 < len(groups):
        best = np.maximum(_best_of_other_groups(scores, groups), scores)
    return np.asarray(scores - _MUTUAL * best, dtype=np.float32)


def _best_of_other_groups(scores: Scores, groups: NDArray[np.intp]) -> Scores:
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    of_group = np.maximum.reduceat(scores[order], starts, axis=0)
    two = np.argpartition(-of_group, 1, axis=0)[:2]
    first, second = np.take_along_axis(of_group, two, axis=0)
    own_is_first = two[0][None, :] == groups[:, None]
    return np.asarray(np.where(own_is_first, second[None, :], first[None, :]))


def _finish(
    mutual: Scores, scores: Scores, kept: NDArray[np.intp], features: dict[str, Scores]
) -> Scored:
    rows, columns = linear_sum_assignment(-mutual.astype(np.float64))
    assigned = np.full(scores.shape[1], -1, dtype=np.intp)
    assigned[columns] = rows
    order = np.argsort(kept != assigned[:, None], axis=1, kind="stable")[:, :CANDIDATES]
    return Scored(
        scores=scores,
        assigned=assigned,
        candidates=np.take_along_axis(kept, order, axis=1),
        features={name: np.take_along_axis(x, order, axis=1) for name, x in features.items()},
    )
