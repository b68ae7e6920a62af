"""Match columns with fields: score all pairs, assign, and say how sure each match is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lume_dagster.mapper.embedding import Embedding, load_embedding
from lume_dagster.mapper.knowledge import Knowledge, default_knowledge
from lume_dagster.mapper.match.calibrate import Calibration, load_calibration, probabilities
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.features import Side, look_at
from lume_dagster.mapper.match.reasons import pair_of, reasons
from lume_dagster.mapper.match.score import Scored, score

VERSION = 2
THRESHOLD = 0.5  # below this a field has no column
_NO_COLUMNS = "the sample has no columns"
_NO_VALUES = "the column has no values in the sample"
_CLOSE = 0.1  # of probability


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column that a field may come from."""

    column: str  # its path
    probability: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """Where a target field comes from.

    ``column`` is None where no column is likely enough; ``probability`` is then that of the
    likeliest, which is the first of the alternatives.
    """

    field: str  # its path
    column: str | None
    probability: float
    alternatives: tuple[Candidate, ...]
    reasons: tuple[str, ...]
    made_by: str


def candidates(match: FieldMatch | None) -> Sequence[Candidate]:
    """The columns a field may come from, the one that was taken first."""
    if match is None:
        return ()
    if match.column is None:
        return match.alternatives
    taken = Candidate(match.column, match.probability, match.reasons)
    return (taken, *(c for c in match.alternatives if c.column != match.column))


@dataclass(frozen=True)
class Maker:
    """What a match is made with; the same maker and input give the same bytes."""

    knowledge: Knowledge
    embedding: Embedding
    calibration: Calibration

    @property
    def name(self) -> str:
        """The version, and the digests of the tables."""
        parts = (self.embedding.digest, self.calibration.digest, self.knowledge.digest)
        return f"lume-match {VERSION} ({', '.join(parts)})"


def default_maker(knowledge: Knowledge | None = None) -> Maker:
    """With the tables of the package, and perhaps knowledge of one's own."""
    return Maker(knowledge or default_knowledge(), load_embedding(), load_calibration())


def match_columns(
    source: Sequence[Column], target: Sequence[Column], maker: Maker
) -> tuple[FieldMatch, ...]:
    """One match for each target column, in their order."""
    if not source or not target:
        none = FieldMatch("", None, 0.0, (), (_NO_COLUMNS,), maker.name)
        return tuple(_named(none, column) for column in target)
    ours = look_at(source, maker.knowledge, maker.embedding)
    theirs = look_at(target, maker.knowledge, maker.embedding)
    scored = score(ours, theirs, maker.knowledge, maker.embedding)
    sure = probabilities(scored, ours, theirs, maker.calibration)
    made_by = maker.name
    return tuple(
        _match(scored, ours, theirs, field, sure[field].tolist(), made_by)
        for field in range(len(target))
    )


def _named(match: FieldMatch, column: Column) -> FieldMatch:
    return FieldMatch(column.path, None, 0.0, (), match.reasons, match.made_by)


def _match(
    scored: Scored, source: Side, target: Side, field: int, sure: list[float], made_by: str
) -> FieldMatch:
    order = sorted(range(len(sure)), key=lambda place: (-sure[place], place))
    candidates = {
        place: Candidate(
            source.columns[int(scored.candidates[field, place])].path,
            sure[place],
            _reasons(scored, source, target, field, place),
        )
        for place in order
    }
    taken = int(scored.assigned[field])
    places = np.flatnonzero(scored.candidates[field] == taken)
    chosen = int(places[0]) if len(places) else None
    if chosen is None or sure[chosen] < THRESHOLD:
        return _none(target.columns[field].path, list(candidates.values()), made_by)
    others = [candidate for place, candidate in candidates.items() if place != chosen]
    return FieldMatch(
        field=target.columns[field].path,
        column=candidates[chosen].column,
        probability=sure[chosen],
        alternatives=tuple(others),
        reasons=(*candidates[chosen].reasons, *_rival(sure[chosen], others)),
        made_by=made_by,
    )


def _reasons(scored: Scored, source: Side, target: Side, field: int, place: int) -> tuple[str, ...]:
    pair = pair_of(scored, source, target, field, place)
    empty = source.profiles[int(scored.candidates[field, place])].count == 0
    return (*reasons(pair), *((_NO_VALUES,) if empty else ()))


def _rival(probability: float, others: Sequence[Candidate]) -> tuple[str, ...]:
    if others and others[0].probability > probability - _CLOSE:
        return (f"but {others[0].column} is about as likely",)
    return ()


def _none(path: str, candidates: Sequence[Candidate], made_by: str) -> FieldMatch:
    best = candidates[0]
    said = f"no column is likely enough; the likeliest is {best.column} ({best.probability:.0%})"
    return FieldMatch(path, None, best.probability, tuple(candidates), (said,), made_by)
