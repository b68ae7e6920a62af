"""Everything two columns can have in common, measured for all pairs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lume_dagster.mapper.embedding import Embedding, Vectors
from lume_dagster.mapper.knowledge import Knowledge
from lume_dagster.mapper.match import meaning, names, senses, tables, values
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.names import Names, Scores
from lume_dagster.mapper.profile import Kind, Profile, profile

Where = NDArray[np.bool_]
_ROWS = 10  # values of a field, more than one gives as examples
_MEANT = 0.9  # what a value is worth that means one of the allowed ones
_REACHABLE = {"enum": 0.3, "pattern": 0.2}  # what a constraint is worth that no value keeps


@dataclass(frozen=True)
class Side:
    """The columns of one side, looked at once."""

    columns: tuple[Column, ...]
    names: Names
    profiles: tuple[Profile, ...]
    kinds: tuple[Kind, ...]
    said: tuple[frozenset[str], ...]
    name_vectors: Vectors
    context_vectors: Vectors
    value_vectors: Vectors

    @property
    def is_table(self) -> bool:
        """Whether most columns have rows, and not some examples at best."""
        return 2 * sum(each.count >= _ROWS for each in self.profiles) > len(self.profiles)

    def part(self, begin: int, end: int) -> Side:
        """Some of the columns, with what was read of them."""
        cut = slice(begin, end)
        taken = {
            field.name: getattr(self.names, field.name)[cut]
            for field in self.names.__dataclass_fields__.values()
        }
        return Side(
            self.columns[cut],
            replace(self.names, **taken),
            self.profiles[cut],
            self.kinds[cut],
            self.said[cut],
            self.name_vectors[cut],
            self.context_vectors[cut],
            self.value_vectors[cut],
        )


def look_at(columns: Sequence[Column], knowledge: Knowledge, embedding: Embedding) -> Side:
    """Names taken apart, values profiled, vectors made."""
    read = names.read_names([c.name for c in columns], [c.path for c in columns], knowledge)
    seen = [profile(column.values) for column in columns]
    contexts = [
        meaning.context(column, read, number, seen[number]) for number, column in enumerate(columns)
    ]
    return Side(
        columns=tuple(columns),
        names=read,
        profiles=tuple(seen),
        kinds=tuple(values.kinds(columns, seen)),
        said=tuple(meaning.described(columns, knowledge)),
        name_vectors=meaning.name_vectors(read, embedding),
        context_vectors=embedding.vectors(contexts),
        value_vectors=embedding.vectors([", ".join(each.shown) for each in seen]),
    )


@dataclass(frozen=True)
class Features:
    """For each feature a number a pair, and where it can be told at all (everywhere if absent)."""

    scores: dict[str, Scores]
    applies: dict[str, Where]

    def where(self, name: str) -> Where | None:
        """The pairs of which the feature can be told."""
        return self.applies.get(name)


def compare(source: Side, target: Side, knowledge: Knowledge, embedding: Embedding) -> Features:
    """All features of all pairs."""
    found = Features({}, {})
    _names(found, source, target, knowledge)
    _meaning(found, source, target)
    _values(found, source, target)
    found.scores["sense"], found.applies["sense"] = senses.kept_senses(
        source.profiles, target.columns, target.names, knowledge
    )
    base = (
        _name_evidence(found.scores)
        + found.scores["name_vector"]
        + found.scores["context_vector"]
        + np.float32(0.7) * found.scores["description"]
    ).astype(np.float32)
    found.scores.update(tables.table_affinity(source.columns, target.columns, base, embedding))
    return found


def _name_evidence(scores: dict[str, Scores]) -> Scores:
    spelled = np.maximum(scores["skeleton"] * np.float32(0.9), scores["initials"])
    return np.asarray(np.maximum(scores["long_words"], spelled))


def _names(found: Features, source: Side, target: Side, knowledge: Knowledge) -> None:
    ours, theirs = source.names, target.names
    found.scores.update(
        {
            "words": names.soft_words(ours.words, theirs.words, knowledge),
            "long_words": _long_words(ours, theirs, knowledge),
            "trigrams": names.trigrams(ours, theirs),
            "letters": names.letters(ours, theirs),
            "skeleton": names.skeletons(ours, theirs),
            "initials": names.initials(ours, theirs),
            "name_vector": source.name_vectors @ target.name_vectors.T,
            "table": _table_words(source, target, knowledge),
            "remembered": names.remembered(ours, theirs, knowledge),
        }
    )
    own = tables.namesakes(ours, theirs)
    same = names.same(ours, theirs)
    telling = ~ours.placeholder[:, None] & ~theirs.placeholder[None, :]
    named = telling | same
    unseen = same & ~(telling & (found.scores["letters"] == 1))  # or what all begin with is gone
    spelled = ("words", "long_words", "trigrams", "letters", "skeleton", "name_vector")
    for name in (*spelled, "initials"):
        if name in spelled:
            found.scores[name] = np.where(unseen, np.float32(1), found.scores[name])
        found.scores[name] = np.where(named, found.scores[name] * own, np.float32(0))
        found.applies[name] = named


def _long_words(ours: Names, theirs: Names, knowledge: Knowledge) -> Scores:
    """Of the names, or of the names with what they lie in: ``customer_name``, ``customer.name``."""
    alone = names.soft_words(ours.long, theirs.long, knowledge)
    inside = [
        np.array([p != name for p, name in zip(side.placed, side.long, strict=True)])
        for side in (ours, theirs)
    ]
    one_is_flat = inside[0][:, None] != inside[1][None, :]
    if not one_is_flat.any():
        return alone
    placed = names.soft_words(ours.placed, theirs.placed, knowledge)
    return np.asarray(np.where(one_is_flat, np.maximum(alone, placed), alone))


def _table_words(source: Side, target: Side, knowledge: Knowledge) -> Scores:
    ours, theirs = (
        [tuple(knowledge.expand(names.words_of(c.table))) for c in side.columns]
        for side in (source, target)
    )
    return names.soft_words(ours, theirs, knowledge)


def _meaning(found: Features, source: Side, target: Side) -> None:
    found.scores["context_vector"] = source.context_vectors @ target.context_vectors.T
    found.scores["value_vector"] = source.value_vectors @ target.context_vectors.T
    found.scores["description"] = meaning.shared_description(source.said, target.said)
    ours, theirs = (np.array([bool(words) for words in s.said]) for s in (source, target))
    found.applies["description"] = ours[:, None] & theirs[None, :]
    told = meaning.name_in_description(source.names, target.said, target.names)
    back = meaning.name_in_description(target.names, source.said, source.names).T
    both, either = found.applies["description"], ours[:, None] | theirs[None, :]
    named = meaning.values_in_description(source.columns, source.profiles, target.columns)
    found.scores["values_told"], found.applies["values_told"] = named, named > 0
    found.scores["told"] = np.where(both, (told + back) / 2, np.where(theirs[None, :], told, back))
    found.applies["told"] = either & found.applies["words"]


def _values(found: Features, source: Side, target: Side) -> None:
    ours, theirs = source.profiles, target.profiles
    filled = values.both_filled(ours, theirs) > 0
    jaccard, containment = values.shared_values(ours, theirs)
    found.scores.update(
        {
            "jaccard": jaccard,
            "containment": containment,
            "value_words": values.shared_words(ours, theirs),
            "pieces": values.shared_pieces(ours, theirs),
            "types": values.same_types(ours, theirs),
            "shapes": values.same_shapes(ours, theirs),
            "lengths": values.same_lengths(ours, theirs),
            "numbers": values.same_numbers(ours, theirs),
            "kind": _kinds(source, target),
        }
    )
    compared = (
        "jaccard",
        "containment",
        "value_words",
        "pieces",
        "types",
        "shapes",
        "lengths",
        "numbers",
    )
    found.applies.update(dict.fromkeys(compared, filled))
    _constraints(found, source, target)
    given = np.array([p.count > 0 for p in ours], dtype=bool)
    found.applies["value_vector"] = np.broadcast_to(given[:, None], filled.shape)


def _kinds(source: Side, target: Side) -> Scores:
    fit = values.kind_fit(source.kinds, target.kinds)
    fit = values.declared_fit(fit, source.columns, source.profiles, target.columns)
    fit = values.epochs_fit(fit, source.profiles, target.kinds)
    return fit * values.same_measure(source.names.units, target.names.units)


def _constraints(found: Features, source: Side, target: Side) -> None:
    """Each constraint alone, for the reasons, and together the one that is kept least.

    A code list or pattern that no value keeps may still be one that a conversion reaches.
    """
    fits = values.constraint_fits(source.profiles, target.columns)
    together = np.ones((len(source.columns), len(target.columns)), dtype=np.float32)
    known = np.zeros(together.shape, dtype=bool)
    meant = fits["meant"][0] * np.float32(_MEANT)
    for name, (told, applies) in fits.items():
        found.scores[name], found.applies[name] = told, applies
        if name == "meant":
            continue
        fit = np.maximum(told, meant) if name == "enum" else told
        worth = fit if name not in _REACHABLE else _REACHABLE[name] + (1 - _REACHABLE[name]) * fit
        together = np.where(applies, np.minimum(together, worth), together)
        known |= applies
    found.scores["constraints"] = np.asarray(together, dtype=np.float32)
    found.applies["constraints"] = known
