"""Fit the matcher's calibration: ``LUME_BENCH_MAPPING=FOLDER python -m benchmarks.mapping.train``.

On the dev half of the public families and on generated cases; every family weighs the same. Writes
``calibration.json`` into the package. ``fit`` without one family gives the held-out figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from lume_dagster.mapper.embedding import load_embedding
from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import calibrate
from lume_dagster.mapper.match.calibrate import Calibration, read_calibration
from lume_dagster.mapper.match.features import Side, look_at
from lume_dagster.mapper.match.score import Scored, score

from benchmarks.mapping import generated
from benchmarks.mapping.cases import DATA, Case, all_cases, data_folder

_RIDGE = 3e-3
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """One case scored, with what is right of its candidates; dev says which may be learned from."""

    case: Case
    source: Side
    target: Side
    scored: Scored
    evidence: Numbers
    right: NDArray[np.bool_]
    dev: NDArray[np.bool_]


def examples_of(case: Case) -> Examples:
    """Score a case once, for any number of fits."""
    knowledge, embedding = default_knowledge(), load_embedding()
    source, target = (look_at(side, knowledge, embedding) for side in (case.source, case.target))
    scored = score(source, target, knowledge, embedding)
    paths = [column.path for column in case.source]
    fields = [column.path for column in case.target]
    right = np.array(
        [[case.gold.get(paths[i]) == field for i in row] for field, row in zip(fields, scored.candidates, strict=True)]
    )
    dev = np.array([[case.splits[paths[i]] == "dev" for i in row] for row in scored.candidates])
    return Examples(case, source, target, scored, calibrate.evidence(scored, source, target), right, dev)


def fit(examples: Iterable[Examples]) -> dict[str, Any]:
    """A ridge logistic regression; of each family the assigned pairs weigh as much as the others."""
    evidence, right, weights = _gathered(list(examples))
    means, spreads = _weighted_mean(evidence, weights)
    standard = np.clip((evidence - means) / spreads, -4, 4)
    table = np.column_stack([standard, np.ones(len(standard))])

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        logits = table @ parameters
        apart = np.logaddexp(0, np.where(right, -logits, logits))
        ridge = _RIDGE * parameters[:-1]
        gradient = table.T @ (weights * (1 / (1 + np.exp(-logits)) - right))
        gradient[:-1] += 2 * ridge
        return float(weights @ apart + ridge @ parameters[:-1]), gradient

    best = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    numbers = zip(calibrate.NAMES, means, spreads, best.x[:-1], strict=True)
    return {
        "evidence": {name: [round(float(x), 6) for x in row] for name, *row in numbers},
        "bias": round(float(best.x[-1]), 6),
    }


def _gathered(examples: Sequence[Examples]) -> tuple[Numbers, NDArray[np.bool_], Numbers]:
    """All candidates that may be learned from; large cases weigh more than small ones, but not by much."""
    place = calibrate.NAMES.index("assigned")
    totals: dict[str, float] = {}
    rows, labels, weights, families = [], [], [], []
    for each in examples:
        evidence = each.evidence[each.dev]
        weight = np.where(evidence[:, place] > 0, 1.0, 0.25)
        weight /= np.sqrt(max(1.0, weight.sum()))
        family = each.case.kind
        totals[family] = totals.get(family, 0.0) + float(weight.sum())
        rows.append(evidence)
        labels.append(each.right[each.dev])
        weights.append(weight)
        families.append(family)
    shares = [
        FAMILY_WEIGHTS.get(family, 1.0) * weight / max(totals[family], 1e-9)
        for family, weight in zip(families, weights, strict=True)
    ]
    joined = np.concatenate(shares)
    return np.concatenate(rows), np.concatenate(labels), joined / joined.sum()


#: The product's own kind of case counts most, and a handful of easy cases little.
FAMILY_WEIGHTS = {"generated-schema": 2.0, "generated-large": 0.5, "generated-said": 0.5, "generated-many": 0.5, "magellan": 0.25}


def _weighted_mean(evidence: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    means = weights @ evidence
    spreads = np.sqrt(weights @ (evidence - means) ** 2)
    return means, np.where(spreads > 1e-6, spreads, 1.0)


def calibration_without(family: str | None, examples: Sequence[Examples]) -> Calibration:
    """From all families but one."""
    return read_calibration(fit(each for each in examples if each.case.family != family))


def main() -> None:
    """Fit on everything that may be learned from, and write it."""
    folder = data_folder()
    if folder is None:
        raise SystemExit(f"Where is the public data? Set {DATA} to its folder.")
    examples = [examples_of(case) for case in (*all_cases(folder), *generated.cases())]
    path = Path(calibrate.__file__).with_name("calibration.json")
    path.write_text(json.dumps(fit(examples), indent=1) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
