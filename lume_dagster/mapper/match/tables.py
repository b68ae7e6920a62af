"""Which table of the one side goes with which of the other, and which list with which list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lume_dagster.mapper.embedding import Embedding
from lume_dagster.mapper.knowledge import plain_name
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.names import Names, Scores, stem, words_of

_LONGEST = 300  # characters of what is said of a table
_NAMESAKE = 0.35
_OTHER_LIST, _ONLY_TARGET_IN_LIST, _ONLY_SOURCE_IN_LIST, _LIST_OR_NOT = 0.75, 0.8, 0.6, 0.6


def table_affinity(
    source: Sequence[Column], target: Sequence[Column], base: Scores, embedding: Embedding
) -> dict[str, Scores]:
    """By what the tables are called and said to be, and by how well their columns find partners.

    Both are standard scores along the target's tables, spread out to the columns. A third is of
    names that stand in several tables. There is nothing where one side has one table.
    """
    ours, theirs = _tables(source), _tables(target)
    if min(len(ours), len(theirs)) < 2:
        return {}
    at = [np.array([ours.index(c.table) for c in source])]
    at.append(np.array([theirs.index(c.table) for c in target]))
    said = [
        embedding.vectors([_about(name, side) for name in names])
        for names, side in ((ours, source), (theirs, target))
    ]
    centred = base - base.mean()
    best = np.stack([centred[:, at[1] == q].max(axis=1) for q in range(len(theirs))], axis=1)
    kept = np.stack([best[at[0] == p].mean(axis=0) for p in range(len(ours))])
    kept = kept - kept.mean(axis=0, keepdims=True) / 2
    named = _standard(said[0] @ said[1].T)
    spread = np.ix_(at[0], at[1])
    return {
        "table_named": named[spread],
        "table_kept": _standard(kept)[spread],
        "table_spread": _as_widely_spread(source, target),
    }


def _as_widely_spread(source: Sequence[Column], target: Sequence[Column]) -> Scores:
    """0 where two names stand in as many tables each, as keys of the same thing do, or below."""
    ours, theirs = (np.log(_tables_with_the_name(side)) for side in (source, target))
    return np.asarray(-np.abs(ours[:, None] - theirs[None, :]), dtype=np.float32)


def _tables_with_the_name(columns: Sequence[Column]) -> NDArray[np.float64]:
    names = [plain_name(column.name) for column in columns]
    tables: dict[str, set[str]] = {}
    for name, column in zip(names, columns, strict=True):
        tables.setdefault(name, set()).add(column.table)
    return np.array([float(len(tables[name])) for name in names])


def _tables(columns: Sequence[Column]) -> list[str]:
    return sorted({column.table for column in columns})


def _about(table: str, columns: Sequence[Column]) -> str:
    texts = (column.table_description for column in columns if column.table == table)
    return f"{' '.join(words_of(table))}: {next(texts, '')}"[:_LONGEST]


def _standard(scores: Scores) -> Scores:
    middle, spread = scores.mean(axis=1, keepdims=True), scores.std(axis=1, keepdims=True)
    return np.asarray((scores - middle) / (spread + 1e-6), dtype=np.float32)


def namesakes(source: Names, target: Names) -> Scores:
    """What a name is worth: less where another column is called as the object of the field is.

    Where there is an ``engine`` or an ``engine_type``, a ``type`` is hardly the ``engine.type``.
    """
    ours = [frozenset(stem(word) for word in placed) for placed in source.placed]
    factor = np.ones((len(ours), len(target.placed)), dtype=np.float32)
    for field, (placed, long) in enumerate(zip(target.placed, target.long, strict=True)):
        parent = frozenset(stem(word) for word in placed[: len(placed) - len(long)])
        whole = frozenset(stem(word) for word in placed)
        if parent and (parent in ours or whole in ours):
            factor[[not words & parent for words in ours], field] = _NAMESAKE
    return factor


# -- lists ----------------------------------------------------------------------------------------


def nesting(source: Sequence[Column], target: Sequence[Column], scores: Scores) -> Scores:
    """A factor below 1 where one lies in a list and the other not, or in another pair of lists."""
    inside = [np.array([bool(c.in_list) for c in side]) for side in (source, target)]
    is_list = [np.array([c.is_list for c in side]) for side in (source, target)]
    factor = np.ones(scores.shape, dtype=np.float32)
    factor[inside[0][:, None] & ~inside[1][None, :]] *= _ONLY_SOURCE_IN_LIST
    factor[~inside[0][:, None] & inside[1][None, :]] *= _ONLY_TARGET_IN_LIST
    factor[is_list[0][:, None] != is_list[1][None, :]] *= _LIST_OR_NOT
    for name in sorted({c.in_list for c in target if c.in_list}):
        fields = np.array([c.in_list == name for c in target])
        lists = np.array([c.is_list and f"{c.path}[]" == name for c in target])
        _keep_one_list(source, fields, lists, scores, factor)
    return factor


def _keep_one_list(
    source: Sequence[Column],
    fields: NDArray[np.bool_],
    lists: NDArray[np.bool_],
    scores: Scores,
    factor: Scores,
) -> None:
    """The fields of a list's items, and the list itself, come from the one that offers most."""
    names = sorted({c.in_list for c in source if c.in_list})
    if not names:
        return
    rows = [np.array([c.in_list == name for c in source]) for name in names]
    offers = [float(scores[np.ix_(each, fields)].max(axis=0).mean()) for each in rows]
    best = int(np.argmax(offers))
    for number, each in enumerate(rows):
        if number != best:
            factor[np.ix_(each, fields)] *= _OTHER_LIST
    elsewhere = np.array([f"{c.path}[]" != names[best] for c in source])
    factor[np.ix_(elsewhere, lists)] *= _OTHER_LIST
