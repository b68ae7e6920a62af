"""Our matcher's answers, from a scored case and a calibration."""

from __future__ import annotations

import numpy as np

from benchmarks.mapping.metrics import Answer
from benchmarks.mapping.train import Examples
from lume_dagster.mapper.match.calibrate import Calibration, probabilities
from lume_dagster.mapper.match.core import THRESHOLD
from lume_dagster.mapper.match.score import favour_mutual


def answer(scored: Examples, calibration: Calibration, threshold: float = THRESHOLD) -> Answer:
    """Ranks by the score, pairs by the assignment and its probability."""
    case = scored.case
    paths, fields = ([column.path for column in side] for side in (case.source, case.target))
    order = np.argsort(-favour_mutual(scored.scored.scores, scored.source), axis=1, kind="stable")
    sure = probabilities(scored.scored, scored.source, scored.target, calibration)
    found: dict[tuple[str, str], float] = {}
    for field, row in enumerate(scored.scored.candidates):
        places = np.flatnonzero(row == scored.scored.assigned[field])
        if len(places):
            found[paths[row[places[0]]], fields[field]] = float(sure[field, places[0]])
    return Answer(
        ranked={path: [fields[j] for j in order[i]] for i, path in enumerate(paths)},
        chosen=frozenset(pair for pair, p in found.items() if p >= threshold),
        sure=found,
    )
