"""What speaks for and against each candidate of a field, by itself and beside the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lume_dagster.mapper.match.features import Side
from lume_dagster.mapper.match.names import overlap, same, stem
from lume_dagster.mapper.match.score import Scored

Evidence = NDArray[np.float64]
_ALIKE = 0.999
_MANY_COLUMNS = 30  # more of them make it no likelier that one fits

#: Features that speak for themselves, and what stands in where one cannot be told.
_PLAIN = {
    "long_words": 0.0, "letters": 0.0, "trigrams": 0.0, "name_vector": 0.0, "context_vector": 0.0,
    "value_vector": 0.0, "told": 0.0,
    "description": 0.0, "jaccard": 0.0, "containment": 0.0, "value_words": 0.0, "pieces": 0.0,
    "shapes": 0.5, "types": 0.5, "lengths": 0.3, "numbers": 0.0, "kind": 1.0, "constraints": 1.0,
    "table_kept": 0.0, "values_told": 0.0, "sense": 0.5,
}  # fmt: skip
NAMES = (
    *_PLAIN,
    "score", "ahead_in_field", "ahead_in_column", "best_of_column", "name", "same_name",
    "name_beside_others", "score_beside_others", "names_of_others", "name_if_names_agree",
    "log_columns", "log_fields", "has_values", "has_descriptions", "many_tables",
    "placeholder", "no_values", "twins", "twins_if_same_name", "kept", "nothing_told",
    "only_meant", "same_name_and_kind", "name_squared", "odd_placeholder", "untold_of_few",
    "kept_alone", "kind_alone", "parent_elsewhere", "parent_missing", "namesake",
    "sense_unnamed", "sense_alone", "same_name_unkept",
)  # fmt: skip
#: These are so or not so: however rare, they are not far away.
FLAGS = frozenset({
    "same_name", "placeholder", "no_values", "kept", "nothing_told", "only_meant",
    "odd_placeholder", "kept_alone", "kind_alone", "parent_elsewhere", "parent_missing",
    "namesake", "values_told", "sense_alone", "same_name_unkept",
})  # fmt: skip


def assigned(scored: Scored) -> NDArray[np.bool_]:
    """Of each field's candidates the one that it was assigned."""
    return np.asarray(scored.candidates == scored.assigned[:, None])


def evidence(scored: Scored, source: Side, target: Side) -> Evidence:
    """What speaks for and against each candidate of a field, in the order of NAMES."""
    told = {
        name: np.nan_to_num(scored.features[name].astype(np.float64), nan=missing)
        for name, missing in _PLAIN.items()
    }
    told |= _of_names(scored, target)
    told |= _of_ranks(scored)
    told |= _of_others(told, assigned(scored))
    told |= _of_the_whole(scored, source, target)
    told |= _of_reasons(told)
    told |= _of_constraints(told, source, target, scored)
    told |= _of_parents(source, target, scored)
    told["twins_if_same_name"] = told["twins"] * told["same_name"]
    told["namesake"] = told["same_name"] * told["parent_elsewhere"]
    told["same_name_unkept"] = told["same_name"] * (told["sense"] <= _UNKEPT)
    told["same_name_and_kind"] = told["same_name"] * told["kind"]
    told["name_squared"] = told["name"] ** 2
    named = 1 - float(np.mean(source.names.placeholder))
    told["odd_placeholder"] = told["placeholder"] * named
    told["sense_unnamed"] = told["placeholder"] * told["sense"]
    told["untold_of_few"] = told["nothing_told"] / len(source.columns)
    shape = scored.candidates.shape
    return np.stack([np.broadcast_to(told[name], shape) for name in NAMES], axis=-1)


def _of_names(scored: Scored, target: Side) -> dict[str, Evidence]:
    given = {
        name: np.nan_to_num(scored.features[name].astype(np.float64), nan=0.0)
        for name in ("long_words", "skeleton", "initials", "trigrams")
    }
    name = np.maximum.reduce([given["long_words"], 0.9 * given["skeleton"], given["initials"]])
    same = (given["long_words"] >= _ALIKE) | (given["skeleton"] >= _ALIKE)
    kept = np.fmax.reduce(
        [scored.features[name] for name in ("pattern", "enum", "meant", "format")]
    )
    exact = np.array([c.shortest is not None and c.shortest == c.longest for c in target.columns])
    kept = np.fmax(kept, np.where(exact[:, None], scored.features["length"], np.nan))
    return {
        "name": name,
        "same_name": same.astype(np.float64),
        "kept": np.nan_to_num(kept.astype(np.float64), nan=0.0),
    }


#: From here on something speaks for a pair, apart from its being near in meaning.
_TELLING = {
    "name": 0.55, "told": 0.99, "description": 0.4, "containment": 0.1, "numbers": 0.6, "kept": 0.5,
}  # fmt: skip
_MEANING = 0.5
_KEPT, _HARDLY = 0.9, 0.5  # the share of values that keep a constraint
_UNKEPT = 0.1  # of the values are what the field promises
_DATES = ("date", "date-time", "time")
_TELLING_KINDS = ("date", "boolean")


def _of_reasons(told: Mapping[str, Evidence]) -> dict[str, Evidence]:
    """Whether nothing speaks for a pair, or only that it is near in meaning."""
    said = np.logical_or.reduce([told[name] >= least for name, least in _TELLING.items()])
    meant = np.maximum(told["name_vector"], told["context_vector"]) >= _MEANING
    return {
        "nothing_told": (~said & ~meant).astype(np.float64),
        "only_meant": (~said & meant).astype(np.float64),
    }


def _of_constraints(
    told: Mapping[str, Evidence], source: Side, target: Side, scored: Scored
) -> dict[str, Evidence]:
    """Whether a column alone keeps what the field asks for, or is alone of its kind.

    A format of dates is no more than a kind: many columns keep it.
    """
    kept = told["kept"]
    others = _of_the_others(kept)
    is_kind = np.array([column.format in _DATES for column in target.columns])[:, None]
    alone = (kept >= _KEPT) & (others < _HARDLY) & ~is_kind
    sense = told["sense"]
    kinds = np.array(
        [kind in _TELLING_KINDS and source.kinds.count(kind) == 1 for kind in source.kinds]
    )
    return {
        "kept_alone": alone.astype(np.float64),
        "sense_alone": ((sense >= _KEPT) & (_of_the_others(sense) <= _HARDLY)).astype(np.float64),
        "kind_alone": kinds[scored.candidates] * (told["kind"] >= 1.0),
    }


def _of_the_others(told: Evidence) -> Evidence:
    """For each candidate the most that another candidate of the field has."""
    first = told.argmax(axis=1)[:, None]
    rest = told.copy()
    np.put_along_axis(rest, first, -1.0, axis=1)
    places = np.arange(told.shape[1])[None, :]
    most = told.max(axis=1)[:, None]
    return np.asarray(np.where(places == first, rest.max(axis=1)[:, None], most))


def _of_parents(source: Side, target: Side, scored: Scored) -> dict[str, Evidence]:
    """Of a field in an object, whether the column's name has the object's, or another's has.

    ``type`` may be an ``engine.type``; hardly so where another column is called ``engine``.
    """
    parents = [
        frozenset(stem(word) for word in placed[: len(placed) - len(long)])
        for placed, long in zip(target.names.placed, target.names.long, strict=True)
    ]
    words = [frozenset(stem(word) for word in long) for long in source.names.placed]
    found = np.asarray(overlap(words, parents) > 0)
    some = np.array([bool(each) for each in parents])[:, None]
    fields = np.arange(len(parents))[:, None]
    own = found[scored.candidates, fields]
    return {
        "parent_missing": (some & ~own).astype(np.float64),
        "parent_elsewhere": (some & ~own & np.asarray(found.any(axis=0))[:, None]).astype(
            np.float64
        ),
    }


def _of_ranks(scored: Scored) -> dict[str, Evidence]:
    """How far ahead a candidate is of the next, seen from the field and from the column."""
    scores = scored.scores.astype(np.float64)
    fields = np.arange(scores.shape[1])[:, None]
    own = scores[scored.candidates, fields]
    by_field, by_column = _two_best(scores), _two_best(scores.T)
    first, second = by_field[0][fields], by_field[1][fields]
    best, next_best = by_column[0][scored.candidates], by_column[1][scored.candidates]
    return {
        "score": own,
        "ahead_in_field": own - np.where(own >= first, second, first),
        "ahead_in_column": own - np.where(own >= best, next_best, best),
        "best_of_column": (own >= best).astype(np.float64),
    }


def _two_best(scores: Evidence) -> tuple[Evidence, Evidence]:
    """Of each column of the scores; 0 where there is no second."""
    if len(scores) < 2:
        return scores.max(axis=0), np.zeros(scores.shape[1])
    least = np.partition(scores, -2, axis=0)
    return least[-1], least[-2]


def _of_others(told: Mapping[str, Evidence], chosen: NDArray[np.bool_]) -> dict[str, Evidence]:
    """Beside the assigned pairs: where all other names agree, one that does not is in doubt."""
    names = told["name"][chosen] if chosen.any() else np.zeros(1)
    scores = told["score"][chosen] if chosen.any() else np.zeros(1)
    usual = float(np.quantile(names, 0.75))
    return {
        "names_of_others": np.array(float(names.mean())),
        "name_beside_others": told["name"] - usual,
        "name_if_names_agree": told["name"] * usual,
        "score_beside_others": told["score"] - float(np.quantile(scores, 0.75)),
    }


def _of_the_whole(scored: Scored, source: Side, target: Side) -> dict[str, Evidence]:
    rows, fields = len(source.columns), len(target.columns)
    with_values = np.array([p.count > 0 for p in target.profiles], dtype=np.float64)
    described = np.array([bool(words) for words in target.said], dtype=np.float64)
    no_values = np.array([p.count == 0 for p in source.profiles], dtype=np.float64)
    unlike = ~same(source.names, target.names)[scored.candidates, np.arange(fields)[:, None]]
    placeholder = source.names.placeholder[scored.candidates] & unlike
    tables = len({column.table for column in target.columns})
    return {
        "log_columns": np.array(np.log(min(rows, _MANY_COLUMNS))),
        "log_fields": np.array(np.log(fields)),
        "has_values": with_values[:, None],
        "has_descriptions": described[:, None],
        "many_tables": np.array(np.log(tables)),
        "placeholder": placeholder.astype(np.float64),
        "no_values": no_values[scored.candidates],
        "twins": _twins(target)[:, None],
    }


def _twins(target: Side) -> Evidence:
    """How much of a field's name the name of another field has too."""
    words = [frozenset(name) for name in target.names.long]
    common = overlap(words, words)
    np.fill_diagonal(common, 0)
    sizes = np.array([max(1, len(each)) for each in words])
    return np.asarray(common.max(axis=1, initial=0) / sizes, dtype=np.float64)
