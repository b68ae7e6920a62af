"""How alike the values of two columns are, and how well they keep the field's constraints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.names import Scores, overlap
from lume_dagster.mapper.profile import Kind, Profile
from lume_dagster.mapper.profile.texts import TYPES
from lume_dagster.mapper.terms.meant import share_meant

_KINDS: dict[Kind, int] = {"": 0, "date": 1, "number": 2, "boolean": 3, "text": 4}
#: How well the kind of a source column (row) goes with that of a target's.
_FIT = np.array(
    [
        [1.0, 1.0, 1.0, 1.0, 1.0],
        [1.0, 1.0, 0.0, 0.0, 0.3],
        [1.0, 0.2, 1.0, 0.3, 0.5],
        [1.0, 0.0, 0.3, 1.0, 0.4],
        [1.0, 0.3, 0.5, 0.4, 1.0],
    ],
    dtype=np.float32,
)
_DECLARED: tuple[tuple[str, Kind], ...] = (
    ("date", "date"), ("time", "date"), ("bool", "boolean"), ("int", "number"),
    ("num", "number"), ("dec", "number"), ("float", "number"), ("double", "number"),
    ("real", "number"),
)  # fmt: skip
_TEXTS = ("char", "text", "string", "clob")
#: A JSON Schema format -> the types of text that fit it.
_FORMATS = {
    "date": ("date", "datetime"), "date-time": ("datetime", "date"), "time": ("time",),
    "email": ("email",), "uuid": ("uuid",), "uri": ("url",),
}  # fmt: skip
_EPOCHS, _EPOCH = (473_385_600.0, 2_840_140_800.0), 0.8
_MEASURES = ("mass", "length", "temperature", "volume")
_OTHER_MEASURE = 0.3
_SPAN = [0, 2, 4, 6, 8]  # the quantiles that are compared
_LONGEST_PIECED = 40  # letters of a value
_CLASSES = 37  # the end of a value, letters, and digits with the letters of other scripts
_MOST_TRIED = 200  # distinct values of a column against a pattern
_LEAST_FILL = 0.02  # of the allowed range, or the numbers are of another magnitude


def declared_kind(column: Column) -> Kind:
    """By the declared type and format; nothing for texts, which can hold anything."""
    words = f"{column.type} {column.format}".lower()
    return next((kind for word, kind in _DECLARED if word in words), "")


def kinds(columns: Sequence[Column], profiles: Sequence[Profile]) -> list[Kind]:
    """What is declared, or else what the values are."""
    declared = [declared_kind(column) for column in columns]
    return [kind or seen.kind for kind, seen in zip(declared, profiles, strict=True)]


def kind_fit(source: Sequence[Kind], target: Sequence[Kind]) -> Scores:
    """1 where the kinds are the same or one of them is not known."""
    ours, theirs = ([_KINDS[kind] for kind in side] for side in (source, target))
    return np.asarray(_FIT[np.ix_(ours, theirs)])


def declared_fit(
    fit: Scores, source: Sequence[Column], profiles: Sequence[Profile], target: Sequence[Column]
) -> Scores:
    """The same; of a column without values all that is known is what it is declared to hold."""
    unseen = np.array(
        [not p.count and bool(_declared(c)) for c, p in zip(source, profiles, strict=True)]
    )
    if not unseen.any():
        return fit
    declared = kind_fit(*([_declared(column) for column in side] for side in (source, target)))
    return np.where(unseen[:, None], declared, fit)


def _declared(column: Column) -> Kind:
    """Here a text is a text."""
    is_text = any(word in column.type.lower() for word in _TEXTS)
    return declared_kind(column) or ("text" if is_text else "")


def epochs_fit(fit: Scores, source: Sequence[Profile], target: Sequence[Kind]) -> Scores:
    """The same, where a number may be a moment."""
    of_dates = np.array([kind == "date" for kind in target])
    either = are_epochs(source)[:, None] & of_dates[None, :]
    return np.where(either, np.maximum(fit, np.float32(_EPOCH)), fit)


def are_epochs(profiles: Sequence[Profile]) -> NDArray[np.bool_]:
    """Whether the numbers may be seconds or thousandths of them since 1970, of 1985 to 2060."""
    lowest, highest = _quantiles(profiles)[:, [0, -1]].T
    found = np.zeros(len(profiles), dtype=bool)
    for unit in (1.0, 1000.0):
        found |= (lowest >= _EPOCHS[0] * unit) & (highest <= _EPOCHS[1] * unit)
    return found


def same_measure(source: Sequence[str], target: Sequence[str]) -> Scores:
    """Lower where the names state units of different things, as a weight and a length are."""
    ours, theirs = (
        np.array([_MEASURES.index(unit) + 1 if unit in _MEASURES else 0 for unit in side])
        for side in (source, target)
    )
    differ = (ours[:, None] > 0) & (theirs[None, :] > 0) & (ours[:, None] != theirs[None, :])
    return np.where(differ, np.float32(_OTHER_MEASURE), np.float32(1))


def both_filled(source: Sequence[Profile], target: Sequence[Profile]) -> Scores:
    """1 where there are values on either side."""
    ours, theirs = (np.array([p.count > 0 for p in side]) for side in (source, target))
    return np.asarray(ours[:, None] & theirs[None, :], dtype=np.float32)


def shared_values(source: Sequence[Profile], target: Sequence[Profile]) -> tuple[Scores, Scores]:
    """Of the distinct values the share of all (Jaccard), and of the smaller side (containment)."""
    common = overlap([p.distinct for p in source], [p.distinct for p in target])
    ours, theirs = (
        np.array([len(p.distinct) for p in side], dtype=np.float32) for side in (source, target)
    )
    smaller = np.minimum(ours[:, None], theirs[None, :])
    every = ours[:, None] + theirs[None, :] - common
    shares = (common / np.maximum(every, 1), common / np.maximum(smaller, 1))
    return shares[0].astype(np.float32), shares[1].astype(np.float32)


def shared_words(source: Sequence[Profile], target: Sequence[Profile]) -> Scores:
    """The weight of common words in that of the lighter side; words of few columns weigh more."""
    columns: dict[str, int] = {}
    for each in target:
        for word in each.words:
            columns[word] = columns.get(word, 0) + 1
    ours, theirs = ([p.words for p in side] for side in (source, target))
    weights = {word: 1 / (1 + columns.get(word, 0)) for side in ours for word in side}
    weights.update({word: 1 / (1 + count) for word, count in columns.items()})
    sums = [
        np.array([sum(weights[w] for w in sorted(words)) for words in side], dtype=np.float32)
        for side in (ours, theirs)
    ]
    lighter = np.minimum(sums[0][:, None], sums[1][None, :])
    return np.asarray(overlap(ours, theirs, weights) / np.maximum(lighter, 1e-9))


def shared_pieces(source: Sequence[Profile], target: Sequence[Profile]) -> Scores:
    """The cosine of pairs of letters, which survive typing errors and other marks between them.

    A pair that stands in few columns weighs more.
    """
    counts = np.stack([_pieces(each) for each in (*source, *target)])
    rare = np.log((len(counts) + 1) / ((counts > 0).sum(axis=0) + 0.5))
    weighed = np.sqrt(counts) * rare.astype(np.float32)
    return _cosine(weighed[: len(source)], weighed[len(source) :])


def _pieces(profile: Profile) -> Scores:
    """How often each letter follows each, in any script; marks and spaces are not seen."""
    texts = sorted(profile.distinct)
    kept = (text[:_LONGEST_PIECED] for text in texts[:: max(1, len(texts) // _MOST_TRIED)])
    joined = "\n".join("".join(filter(str.isalnum, text)) for text in kept)
    letters = np.array([*map(ord, joined)], dtype=np.int64)
    latin = (letters >= ord("a")) & (letters <= ord("z"))
    classes = np.where(latin, letters - ord("a") + 1, letters % 10 + 27)
    classes[letters == ord("\n")] = 0
    pairs = np.bincount(classes[:-1] * _CLASSES + classes[1:], minlength=_CLASSES**2)
    return pairs.astype(np.float32)


def same_types(source: Sequence[Profile], target: Sequence[Profile]) -> Scores:
    """The cosine of the shares of types."""
    return _cosine(_stack([p.types for p in source]), _stack([p.types for p in target]))


def _cosine(ours: NDArray[Any], theirs: NDArray[Any]) -> Scores:
    lengths = [np.maximum(np.linalg.norm(side, axis=1), 1e-9) for side in (ours, theirs)]
    return np.asarray(ours @ theirs.T / lengths[0][:, None] / lengths[1][None, :], np.float32)


def same_shapes(source: Sequence[Profile], target: Sequence[Profile]) -> Scores:
    """The share of values whose shape the other side has too."""
    scores = np.zeros((len(source), len(target)), dtype=np.float32)
    holders: tuple[dict[str, list[int]], dict[str, list[int]]] = ({}, {})
    for side, found in zip((source, target), holders, strict=True):
        for number, each in enumerate(side):
            for shape in each.shapes:
                found.setdefault(shape, []).append(number)
    for shape in sorted(holders[0].keys() & holders[1].keys()):
        ours, theirs = holders[0][shape], holders[1][shape]
        left = np.array([source[i].shapes[shape] for i in ours], dtype=np.float32)
        right = np.array([target[j].shapes[shape] for j in theirs], dtype=np.float32)
        scores[np.ix_(ours, theirs)] += np.minimum.outer(left, right)
    return scores


def same_lengths(source: Sequence[Profile], target: Sequence[Profile]) -> Scores:
    """How near length, spread of length, distinctness and spaces are."""
    ours, theirs = (_stack([p.stats for p in side]) for side in (source, target))
    apart = sum(np.abs(ours[:, k, None] - theirs[None, :, k]) for k in range(ours.shape[1]))
    return np.asarray(np.exp(-apart), dtype=np.float32)


def same_numbers(source: Sequence[Profile], target: Sequence[Profile]) -> Scores:
    """How near the quantiles are, for their spread; 0 where either are no numbers."""
    ours, theirs = (_quantiles(side)[:, _SPAN] for side in (source, target))
    wide = [np.abs(side[:, -1] - side[:, 0]) for side in (ours, theirs)]
    spread = np.maximum(np.maximum(wide[0][:, None], wide[1][None, :]), 1e-9)
    apart = sum(np.abs(ours[:, k, None] - theirs[None, :, k]) for k in range(len(_SPAN)))
    near = np.exp(-2 * apart / len(_SPAN) / spread)
    return np.asarray(np.nan_to_num(near, nan=0.0, posinf=0.0), dtype=np.float32)


def _quantiles(profiles: Sequence[Profile]) -> NDArray[np.float64]:
    none = np.full(9, np.nan)
    return _stack([none if p.quantiles is None else p.quantiles for p in profiles])


def _stack(rows: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    return np.stack(rows).astype(np.float64)


# -- constraints ----------------------------------------------------------------------------------


Fit = tuple[Scores, NDArray[np.bool_]]
CONSTRAINTS = ("enum", "meant", "format", "pattern", "bounds", "length")


def constraint_fits(source: Sequence[Profile], fields: Sequence[Column]) -> dict[str, Fit]:
    """For each of CONSTRAINTS the share of values that keep it, and where there is one to keep."""
    shape = (len(source), len(fields))
    fits = {
        name: (np.ones(shape, dtype=np.float32), np.zeros(shape, dtype=bool))
        for name in CONSTRAINTS
    }
    filled = np.array([p.count > 0 for p in source], dtype=bool)
    texts = [sorted(p.distinct)[:_MOST_TRIED] for p in source]
    for number, field in enumerate(fields):
        for name, fit in _fits(source, field, texts):
            applies = filled & ~np.isnan(fit)
            fits[name][0][applies, number] = fit[applies]
            fits[name][1][:, number] = applies
    return fits


def _fits(
    source: Sequence[Profile], field: Column, texts: Sequence[Sequence[str]]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Where a column cannot be tried there is NaN."""
    if field.enum:
        allowed = {value.lower() for value in field.enum}
        shares = [len(p.distinct & allowed) / max(1, len(p.distinct)) for p in source]
        yield "enum", np.array(shares)
        yield "meant", np.array([share_meant(p.distinct, allowed) for p in source])
    if field.format in _FORMATS:
        rows = [TYPES.index(name) for name in _FORMATS[field.format]]
        written = np.array([float(p.types[rows].sum()) for p in source])
        epochs = _EPOCH * are_epochs(source) * ("datetime" in _FORMATS[field.format])
        yield "format", np.maximum(written, epochs)
    if field.pattern and (fit := pattern_fit(field.pattern, texts)) is not None:
        yield "pattern", fit
    if field.least is not None or field.most is not None:
        numbers = _quantiles(source)
        yield "bounds", np.where(np.isnan(numbers[:, 0]), np.nan, _within(numbers, field))
    if field.shortest is not None or field.longest is not None:
        lengths = _stack([p.lengths for p in source])
        low, high = field.shortest or 0, np.inf if field.longest is None else field.longest
        yield "length", ((lengths >= low) & (lengths <= high)).mean(axis=1)


def _within(numbers: NDArray[np.float64], field: Column) -> NDArray[np.float64]:
    """The share of quantiles within the bounds; numbers that fill a corner of them count half."""
    low = -np.inf if field.least is None else field.least
    high = np.inf if field.most is None else field.most
    inside = ((numbers >= low) & (numbers <= high)).mean(axis=1)
    if not np.isfinite(high) or high <= 0:
        return np.asarray(inside)
    return np.asarray(np.where(numbers[:, -1] < _LEAST_FILL * high, inside / 2, inside))


def pattern_fit(pattern: str, texts: Sequence[Sequence[str]]) -> NDArray[np.float64] | None:
    """The share of each column's texts that match in any case; None if RE2 refuses the pattern."""
    flat = pa.array([text for column in texts for text in column], pa.string())
    try:
        found = pc.match_substring_regex(flat, pattern=pattern, ignore_case=True)
    except pa.ArrowInvalid:
        return None
    hits = np.concatenate([[0], np.cumsum(found.to_numpy(zero_copy_only=False))])
    ends = np.cumsum([0, *map(len, texts)])
    sizes = np.maximum(np.diff(ends), 1)
    return np.asarray((hits[ends[1:]] - hits[ends[:-1]]) / sizes, dtype=np.float64)
