"""How alike two names are: their words, their consonants, their initials, their letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from string import ascii_lowercase
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Indel, JaroWinkler, LCSseq, Prefix
from rapidfuzz.process import cdist
from scipy import sparse

from lume_dagster.mapper.knowledge import Knowledge, plain_name
from lume_dagster.mapper.match.beginnings import made_of_beginnings
from lume_dagster.mapper.match.written import without_units, written_out

Scores = NDArray[np.float32]
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)")
_APART = re.compile(r"[\W_]+")
_VOWELS = re.compile(r"[aeiou\W_]")
_VOWELS_AND_Y = re.compile(r"[aeiouy\W_]")
_PLACEHOLDER = re.compile(
    r"^(?:(?:c|f|v|x|a|col|column|field|feature|var|variable|attr|attribute|unnamed|value)"
    r"[\s_.:#-]*)?\d+$|^(?:unnamed|column|col|field|)$"
)
_LEAST_PREFIX = 3
_LEAST_NAMES = 4
_LEAST_LENGTH = 3  # of a name that initials may spell
_SYNONYM, _SHORTENED, _LETTERS_IN_ORDER = 0.85, 0.8, 0.5
_ALIKE, _ALIKE_WORTH = 0.88, 0.7
_LEAST_ROOT, _ROOT_SHARE = 5, 0.7  # letters two words begin with, in the shorter one


def words_of(name: str) -> list[str]:
    """``custNm_2`` is cust, nm, 2; a name in any script."""
    return [word for word in _APART.split(_CAMEL.sub(" ", written_out(name)).lower()) if word]


def stem(word: str) -> str:
    """Without the commonest endings."""
    if len(word) <= 4:
        return word
    return re.sub(r"ies$", "y", re.sub(r"(?<=[a-z]{3})(?:ing|ed|es|s)$", "", word))


def is_placeholder(name: str) -> bool:
    """A name that says nothing: ``c1``, ``column_12``, ``Unnamed: 3``, ``7``."""
    return _PLACEHOLDER.match(name.strip().lower()) is not None


def are_letters(names: Sequence[str]) -> bool:
    """Whether the names are the letters above a spreadsheet: ``A``, ``B`` and so on to ``AB``."""
    every = [*ascii_lowercase, *(f"{a}{b}" for a in ascii_lowercase for b in ascii_lowercase)]
    return len(names) > 1 and {name.lower() for name in names} <= set(every[: len(names) + 1])


@dataclass(frozen=True)
class Names:
    """The names of one side, taken apart once."""

    plain: tuple[str, ...]  # letters and digits only
    words: tuple[tuple[str, ...], ...]
    long: tuple[tuple[str, ...], ...]  # short forms written out
    placed: tuple[tuple[str, ...], ...]  # after the words of the objects it lies in
    skeletons: tuple[str, ...]
    bare_skeletons: tuple[str, ...]  # without y too
    initials: tuple[str, ...]
    whole: tuple[tuple[str, str], ...]  # name and path as Knowledge writes them
    units: tuple[str, ...]  # what they count, where they state a unit: mass, length
    placeholder: NDArray[np.bool_]


def read_names(names: Sequence[str], paths: Sequence[str], knowledge: Knowledge) -> Names:
    """Take the names of one side apart; what all of them begin with is left out."""
    bare, units = without_units(names)
    short = [written_out(name) for name in _without_common_start(bare)]
    words = [words_of(name) for name in short]
    knowledge = knowledge.in_language_of(words)
    if knowledge.language is not None:
        words = [knowledge.expand(each) for each in words]
        short = [" ".join(each) for each in words]
    long = [tuple(knowledge.expand(each)) for each in words]
    lettered = are_letters(names)
    return Names(
        plain=tuple("".join(each) for each in words),
        words=tuple(tuple(each) for each in words),
        long=tuple(long),
        placed=tuple(
            (*knowledge.expand(words_of(path[: -len(name)])), *each) if path != name else each
            for name, path, each in zip(names, paths, long, strict=True)
        ),
        skeletons=tuple(_VOWELS.sub("", name.lower()) for name in short),
        bare_skeletons=tuple(_VOWELS_AND_Y.sub("", name.lower()) for name in short),
        initials=tuple("".join(w[0] for w in each) if len(each) > 1 else "" for each in words),
        units=tuple(units),
        whole=tuple((plain_name(n), plain_name(p)) for n, p in zip(names, paths, strict=True)),
        placeholder=np.array([lettered or is_placeholder(name) for name in names], dtype=bool),
    )


def _without_common_start(names: Sequence[str]) -> list[str]:
    if len(names) < _LEAST_NAMES:
        return list(names)
    lower = [name.lower() for name in names]
    pairs = zip(min(lower), max(lower), strict=False)
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if start < _LEAST_PREFIX:
        return list(names)
    return [name[start:] or name for name in names]


# -- names ----------------------------------------------------------------------------------------


def same(source: Names, target: Names) -> NDArray[np.bool_]:
    """Written the same, whether or not it says anything."""
    return _same([name for name, _ in source.whole], [name for name, _ in target.whole])


def skeletons(source: Names, target: Names) -> Scores:
    """The consonants in order, which survive when vowels are dropped."""
    with_y = _skeletons(source.skeletons, target.skeletons)
    return np.maximum(with_y, _skeletons(source.bare_skeletons, target.bare_skeletons))


def _skeletons(source: Sequence[str], target: Sequence[str]) -> Scores:
    scores = cdist(source, target, scorer=Indel.normalized_similarity, dtype=np.float32)
    empty = [np.array([len(each) < 2 for each in side], dtype=bool) for side in (source, target)]
    scores[empty[0][:, None] | empty[1][None, :]] = 0
    return np.asarray(scores, dtype=np.float32)


def letters(source: Names, target: Names) -> Scores:
    """Jaro-Winkler of the whole names."""
    scores = cdist(source.plain, target.plain, scorer=JaroWinkler.similarity, dtype=np.float32)
    return np.asarray(scores, dtype=np.float32)


def initials(source: Names, target: Names) -> Scores:
    """1 where one is the other's initials, 0.6 where it is letters of it in their order."""
    longer, shorter = _lengths(source.plain, target.plain)
    first = _same([n[:1] for n in source.plain], [n[:1] for n in target.plain])
    in_order = cdist(source.plain, target.plain, scorer=LCSseq.similarity, dtype=np.float32)
    spelled = (in_order == shorter) & (shorter >= _LEAST_LENGTH) & first
    scores = np.where(spelled & (longer > 0), np.float32(0.6), np.float32(0))
    by_source = _same([n if len(n) > 2 else "" for n in source.initials], target.plain)
    by_target = _same(source.plain, [n if len(n) > 2 else "" for n in target.initials])
    scores[by_source | by_target] = 1
    there = made_of_beginnings(source.plain, target.plain, target.words)
    back = made_of_beginnings(target.plain, source.plain, source.words).T
    shortened = np.maximum(there, back)
    return np.asarray(np.maximum(scores, shortened), dtype=np.float32)


def trigrams(source: Names, target: Names) -> Scores:
    """The share of three-letter pieces they have in common."""
    sets = [[_pieces(name) for name in side.plain] for side in (source, target)]
    common = overlap(sets[0], sets[1])
    sizes = [np.array([len(each) for each in side], dtype=np.float32) for side in sets]
    return np.asarray(common / np.maximum(sizes[0][:, None] + sizes[1][None, :] - common, 1))


def remembered(source: Names, target: Names, knowledge: Knowledge) -> Scores:
    """1 where a person has said that the two names (or paths) mean the same."""
    scores = np.zeros((len(source.whole), len(target.whole)), dtype=np.float32)
    if knowledge.same_names:
        for i, ours in enumerate(source.whole):
            for j, theirs in enumerate(target.whole):
                pairs = {(a, b) for a in ours for b in theirs}
                scores[i, j] = bool(pairs & knowledge.same_names)
    return scores


def _pieces(name: str) -> frozenset[str]:
    return frozenset(name[i : i + 3] for i in range(max(1, len(name) - 2))) if name else frozenset()


def overlap(
    source: Sequence[frozenset[str]],
    target: Sequence[frozenset[str]],
    weights: dict[str, float] | None = None,
) -> Scores:
    """The (weighted) number of members each two sets have in common."""
    numbers = {m: n for n, m in enumerate(sorted({m for s in (*source, *target) for m in s}))}
    weighed = {m: (weights or {}).get(m, 1.0) for m in numbers}
    left = _incidence(source, numbers, weighed)
    right = _incidence(target, numbers, dict.fromkeys(numbers, 1.0))
    return np.asarray((left @ right.T).toarray(), dtype=np.float32)


def _incidence(
    sets: Sequence[frozenset[str]], numbers: dict[str, int], weights: dict[str, float]
) -> Any:
    members = [sorted(each) for each in sets]
    starts = np.cumsum([0, *map(len, members)])
    flat = [member for each in members for member in each]
    data = np.array([weights[member] for member in flat], dtype=np.float32)
    at = np.array([numbers[member] for member in flat], dtype=np.int64)
    return sparse.csr_array((data, at, starts), shape=(len(sets), max(1, len(numbers))))


# -- words ----------------------------------------------------------------------------------------


def soft_words(
    source: Sequence[tuple[str, ...]], target: Sequence[tuple[str, ...]], knowledge: Knowledge
) -> Scores:
    """Each word beside the likest of the other name, both ways, averaged; rare words count more."""
    used = [sorted({word for name in side for word in name}) for side in (source, target)]
    if not used[0] or not used[1]:
        return np.zeros((len(source), len(target)), dtype=np.float32)
    alike = word_likeness(used[0], used[1], knowledge)
    weights = _rarity((*source, *target))
    there = _one_way(source, used[0], _best(alike, target, used[1]), weights)
    back = _one_way(target, used[1], _best(alike.T, source, used[0]), weights)
    return np.asarray((there + back.T) / 2, dtype=np.float32)


def _rarity(names: Sequence[tuple[str, ...]]) -> dict[str, float]:
    """1 for a word of one name, less for one of many."""
    found: dict[str, int] = {}
    for name in names:
        for word in set(name):
            found[word] = found.get(word, 0) + 1
    return {word: 1 / (1 + np.log(count) / 3) for word, count in found.items()}


def _best(alike: Scores, names: Sequence[tuple[str, ...]], used: Sequence[str]) -> Scores:
    """For each word (row) and each name (column) the likest word of the name."""
    at = {word: number for number, word in enumerate(used)}
    best = np.zeros((alike.shape[0], len(names)), dtype=np.float32)
    filled = [n for n, name in enumerate(names) if name]
    flat = np.array([at[word] for n in filled for word in names[n]], dtype=np.intp)
    starts = np.cumsum([0, *(len(names[n]) for n in filled[:-1])])
    best[:, filled] = np.maximum.reduceat(alike[:, flat], starts, axis=1)
    return best


def _one_way(
    names: Sequence[tuple[str, ...]], used: Sequence[str], best: Scores, weights: dict[str, float]
) -> Scores:
    """The weighted mean over the words of each name."""
    at = {word: number for number, word in enumerate(used)}
    rows = [n for n, name in enumerate(names) for _ in name]
    columns = [at[word] for name in names for word in name]
    data = np.array([weights[word] for name in names for word in name], dtype=np.float32)
    share = sparse.csr_array((data, (rows, columns)), shape=(len(names), len(used)))
    totals = np.maximum(share.sum(axis=1), 1e-9)
    return np.asarray((share @ best) / totals[:, None], dtype=np.float32)


def word_likeness(source: Sequence[str], target: Sequence[str], knowledge: Knowledge) -> Scores:
    """The same, synonyms, one short for the other, or spelled alike."""
    longer, shorter = _lengths(source, target)
    spelled = cdist(source, target, scorer=JaroWinkler.similarity, dtype=np.float32)
    scores = np.where(spelled > _ALIKE, spelled * _ALIKE_WORTH, 0)
    first = _same([w[:1] for w in source], [w[:1] for w in target]) & (shorter >= 2)
    in_order = cdist(source, target, scorer=LCSseq.similarity, dtype=np.float32) == shorter
    start = cdist(source, target, scorer=Prefix.similarity, dtype=np.float32)
    begins = start == shorter
    _raise(scores, (start >= _LEAST_ROOT) & (start >= _ROOT_SHARE * shorter), _ALIKE_WORTH)
    _raise(scores, first & in_order & (shorter >= 0.3 * longer), _LETTERS_IN_ORDER)
    _raise(scores, first & (begins | _same_skeleton(source, target)), _SHORTENED)
    _raise(scores, _synonyms(source, target, knowledge), _SYNONYM)
    _raise(scores, _same([stem(w) for w in source], [stem(w) for w in target]), 1.0)
    return np.asarray(scores, dtype=np.float32)


def _raise(scores: Scores, where: NDArray[np.bool_], worth: float) -> None:
    scores[where] = np.maximum(scores[where], np.float32(worth))


def _same_skeleton(source: Sequence[str], target: Sequence[str]) -> NDArray[np.bool_]:
    bones = [[_VOWELS.sub("", word) for word in side] for side in (source, target)]
    long = [[bone if len(bone) > 1 else "" for bone in side] for side in bones]
    return np.asarray(_same(long[0], long[1]) | _same(source, long[1]) | _same(long[0], target))


def _synonyms(
    source: Sequence[str], target: Sequence[str], knowledge: Knowledge
) -> NDArray[np.bool_]:
    groups: dict[str, set[str]] = {}
    for number, group in enumerate(knowledge.synonyms):
        for word in group:
            groups.setdefault(word, set()).add(str(number))
    sets = [[frozenset(groups.get(word, ())) for word in side] for side in (source, target)]
    return np.asarray(overlap(sets[0], sets[1]) > 0)


def _same(source: Sequence[str], target: Sequence[str]) -> NDArray[np.bool_]:
    """Equal and not empty."""
    numbers = {text: n for n, text in enumerate(sorted({*source, *target} - {""}))}
    ours = np.array([numbers.get(text, -1) for text in source])
    theirs = np.array([numbers.get(text, -2) for text in target])
    return np.asarray(ours[:, None] == theirs[None, :])


def _lengths(source: Sequence[str], target: Sequence[str]) -> tuple[Scores, Scores]:
    sizes = [np.array([len(text) for text in side], dtype=np.float32) for side in (source, target)]
    ours, theirs = sizes[0][:, None], sizes[1][None, :]
    return np.maximum(ours, theirs), np.minimum(ours, theirs)
