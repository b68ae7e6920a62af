"""How sure a match is: logistic regressions over what speaks for and against a pair."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lume_dagster.mapper.match import first_look, second_look
from lume_dagster.mapper.match.features import Side
from lume_dagster.mapper.match.first_look import assigned
from lume_dagster.mapper.match.score import Scored

Evidence = NDArray[np.float64]
_FILE = Path(__file__).with_name("calibration.json")
TARGETS = ("schema", "table")  # without rows, and with
WHICH = ("assigned", "others")
SECOND = "schema-second"
_LIMIT = 2.5  # standard deviations: what lies further away was hardly seen
_SURE = 0.99
_SAME = 0.01  # of a score

_LIMITS = np.array([np.inf if n in first_look.FLAGS else _LIMIT for n in first_look.NAMES])
_SECOND_LIMITS = np.full(len(second_look.NAMES), _LIMIT)


def standard(evidence: Evidence, means: Evidence, spreads: Evidence) -> Evidence:
    """In standard deviations from the mean, and not too many of them."""
    limits = _LIMITS if evidence.shape[-1] == len(first_look.NAMES) else _SECOND_LIMITS
    return np.clip((evidence - means) / spreads, -limits, limits)


@dataclass(frozen=True)
class Regression:
    """For each piece of evidence its mean, spread and weight."""

    means: Evidence
    spreads: Evidence
    weights: Evidence
    bias: float

    def probabilities(self, evidence: Evidence) -> Evidence:
        """Of evidence whose last axis is in the order of the names."""
        logits = standard(evidence, self.means, self.spreads) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)))


@dataclass(frozen=True)
class Calibration:
    """For schemas and for tables, a regression for assigned pairs and one for other candidates.

    They are called ``schema-assigned``, ``schema-others``, ``table-assigned``, ``table-others``;
    ``schema-second`` looks at assigned pairs once more, where it is there.
    """

    regressions: Mapping[str, Regression]
    digest: str

    def looks_twice(self, target: Side) -> bool:
        """At pairs of a schema that is one table."""
        one_table = len({column.table for column in target.columns}) == 1
        return SECOND in self.regressions and one_table and not target.is_table

    def probabilities(
        self, evidence: Evidence, assigned: NDArray[np.bool_], *, table: bool
    ) -> Evidence:
        """Of every candidate; ``table`` says whether the target has rows."""
        of_target = TARGETS[table]
        chosen, others = (
            self.regressions[f"{of_target}-{which}"].probabilities(evidence) for which in WHICH
        )
        return np.asarray(np.where(assigned, chosen, others))


def read_calibration(written: Mapping[str, Any]) -> Calibration:
    """From JSON; evidence it does not know weighs nothing."""
    digest = sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:12]
    names = {SECOND: second_look.NAMES}
    read = {
        which: _regression(each, names.get(which, first_look.NAMES))
        for which, each in written.items()
    }
    return Calibration(read, digest)


def _regression(written: Mapping[str, Any], names: Sequence[str]) -> Regression:
    about = written["evidence"]
    table = np.array([about.get(name, (0.0, 1.0, 0.0)) for name in names], dtype=np.float64)
    return Regression(table[:, 0], table[:, 1], table[:, 2], float(written["bias"]))


@cache
def load_calibration() -> Calibration:
    """What comes with the package."""
    return read_calibration(json.loads(_FILE.read_text(encoding="utf-8")))


def probabilities(scored: Scored, source: Side, target: Side, calibration: Calibration) -> Evidence:
    """For each field (row) and candidate the probability that it is the right one."""
    found = at_first_sight(scored, source, target, calibration)
    if calibration.looks_twice(target):
        found = _seen_again(found, scored, len(source.columns), calibration)
    return np.asarray(np.round(found, 4), np.float64)


def at_first_sight(
    scored: Scored, source: Side, target: Side, calibration: Calibration
) -> Evidence:
    """Of every candidate by itself, whatever becomes of the other fields."""
    told = first_look.evidence(scored, source, target)
    chosen = assigned(scored)
    return _bounded(calibration.probabilities(told, chosen, table=target.is_table), scored)


def _seen_again(
    found: Evidence, scored: Scored, columns: int, calibration: Calibration
) -> Evidence:
    chosen = assigned(scored)
    told = second_look.evidence(np.where(chosen, found, 0.0).max(axis=1), columns)
    again = calibration.regressions[SECOND].probabilities(told)
    return _bounded(np.where(chosen, again[:, None], found), scored)


def _bounded(found: Evidence, scored: Scored) -> Evidence:
    """What is not told apart is not likely; what a person said is."""
    found = np.minimum(found, 2 / _not_told_apart(scored))
    known = np.nan_to_num(scored.features["remembered"], nan=0.0) > 0
    return np.asarray(np.where(known, np.maximum(found, _SURE), found))


def _not_told_apart(scored: Scored) -> Evidence:
    """How many columns score nearly the same for the field: only one of them can be right."""
    scores = scored.scores.astype(np.float64)
    counts = [
        (np.abs(scores[:, field, None] - scores[rows, field]) <= _SAME).sum(axis=0)
        for field, rows in enumerate(scored.candidates)
    ]
    return np.array(counts, dtype=np.float64)
