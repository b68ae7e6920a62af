"""Fit the matcher's calibration: ``LUME_BENCH_MAPPING=FOLDER python -m benchmarks.mapping.train``.

On the dev half of the public families and on generated cases; every family weighs the same. Writes
``calibration.json`` into the package. ``fit`` without one family gives the held-out figures.
"""

from __future__ import annotations

import os

# sums are the same everywhere only if one thread makes them
os.environ.update(
    dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
)

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.mapping import fabricated, generated, product, whole_files
from benchmarks.mapping.cases import DATA, Case, all_cases, data_folder
from benchmarks.mapping.real_tables import real_tables
from lume_dagster.mapper.embedding import load_embedding
from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import calibrate, first_look, second_look
from lume_dagster.mapper.match.calibrate import Calibration, read_calibration
from lume_dagster.mapper.match.features import Side, look_at
from lume_dagster.mapper.match.score import Scored, score

#: With less, families of dev that are held out are told too boldly, with more too timidly.
_RIDGES = {"schema": 2e-3, "table": 5e-4, "second": 1e-3}
Numbers = NDArray[np.float64]
#: Evidence, what is right, and weights; of one case its kind in their place.
Gathered = tuple[Numbers, NDArray[np.bool_], Numbers]
Part = tuple[str, Numbers, NDArray[np.bool_]]


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
        [
            [case.gold.get(paths[i]) == field for i in row]
            for field, row in zip(fields, scored.candidates, strict=True)
        ]
    )
    dev = np.array([[case.splits[paths[i]] == "dev" for i in row] for row in scored.candidates])
    return Examples(
        case, source, target, scored, first_look.evidence(scored, source, target), right, dev
    )


def fit(examples: Iterable[Examples]) -> dict[str, Any]:
    """Ridge logistic regressions, of schemas and of tables: of assigned pairs, and of the others."""
    given = list(examples)
    first = {
        f"{target}-{which}": _fit(
            _gathered(
                [each for each in given if each.target.is_table == (target == "table")],
                assigned=which == "assigned",
            ),
            first_look.NAMES,
            _RIDGES[target],
        )
        for target in calibrate.TARGETS
        for which in calibrate.WHICH
    }
    again = _seen_again(given, read_calibration(first))
    return {**first, calibrate.SECOND: _fit(again, second_look.NAMES, _RIDGES["second"])}


def _seen_again(examples: Sequence[Examples], first: Calibration) -> Gathered:
    """The assigned pairs of schemas, and what is told of them at the second look."""
    parts: list[Part] = []
    for each in examples:
        if each.target.is_table or len({column.table for column in each.target.columns}) > 1:
            continue
        chosen = first_look.assigned(each.scored)
        seen = calibrate.at_first_sight(each.scored, each.source, each.target, first)
        told = second_look.evidence(
            np.where(chosen, seen, 0.0).max(axis=1), len(each.source.columns)
        )
        where = (chosen & each.dev).any(axis=1)
        parts.append((each.case.kind, told[where], (chosen & each.right).any(axis=1)[where]))
    return _weighted([part for part in parts if len(part[2])])


def _fit(gathered: Gathered, names: Sequence[str], ridge: float) -> dict[str, Any]:
    evidence, right, weights = gathered
    means, spreads = _weighted_mean(evidence, weights)
    standard = calibrate.standard(evidence, means, spreads)
    table = np.column_stack([standard, np.ones(len(standard))])

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        logits = table @ parameters
        apart = np.logaddexp(0, np.where(right, -logits, logits))
        pull = ridge * parameters[:-1]
        gradient = table.T @ (weights * (1 / (1 + np.exp(-logits)) - right))
        gradient[:-1] += 2 * pull
        return float(weights @ apart + pull @ parameters[:-1]), gradient

    start = np.zeros(table.shape[1])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    numbers = zip(names, means, spreads, best.x[:-1], strict=True)
    return {
        "evidence": {name: [round(float(x), 6) for x in row] for name, *row in numbers},
        "bias": round(float(best.x[-1]), 6),
    }


def _gathered(examples: Sequence[Examples], *, assigned: bool) -> Gathered:
    """What may be learned from."""
    parts: list[Part] = []
    for each in examples:
        where = each.dev & (first_look.assigned(each.scored) == assigned)
        if where.any():
            parts.append((each.case.kind, each.evidence[where], each.right[where]))
    return _weighted(parts)


def _weighted(parts: Sequence[Part]) -> Gathered:
    """A large case weighs more than a small one, but not by much."""
    totals: dict[str, float] = {}
    for kind, _, right in parts:
        totals[kind] = totals.get(kind, 0.0) + len(right) ** 0.5
    weights = [
        np.full(len(right), FAMILY_WEIGHTS.get(kind, 1.0) / len(right) ** 0.5 / totals[kind])
        for kind, _, right in parts
    ]
    joined = np.concatenate(weights)
    evidence, right = (np.concatenate([part[n] for part in parts]) for n in (1, 2))
    return evidence, right, joined / joined.sum()


#: What people really bring counts most, invented concepts (harder than life) and easy cases little.
FAMILY_WEIGHTS = {
    **dict.fromkeys((f"product-{manner}" for manner in product.MANNERS), 1.0),
    "product-same": 2.0,
    "product-whole": 5.0,
    "brought": 3.0,
    "generated-schema": 1.0,
    "generated-real-schema": 1.0,
    "generated-strangers": 0.15,
    "generated-tiny": 0.35,
    "generated-large": 0.25,
    "generated-said": 0.25,
    "generated-many": 0.25,
    "generated-fabricated": 0.25,
    "magellan": 0.25,
}


def _weighted_mean(evidence: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    means = weights @ evidence
    spreads = np.sqrt(weights @ (evidence - means) ** 2)
    return means, np.where(spreads > 1e-6, spreads, 1.0)


def our_cases(most: int | None = None) -> Iterator[Case]:
    """What is only learned from, all of it or the first of each kind."""
    for made in (
        generated.cases(),
        whole_files.cases(),
        fabricated.cases(),
        fabricated.real_cases(real_tables()),
        fabricated.schema_cases(real_tables()),
    ):
        yield from islice(made, most)


def calibration_without(families: Sequence[str], examples: Sequence[Examples]) -> Calibration:
    """From all other families."""
    return read_calibration(fit(each for each in examples if each.case.family not in families))


def main() -> None:
    """Fit on everything that may be learned from, and write it."""
    folder = data_folder()
    if folder is None:
        raise SystemExit(f"Where is the public data? Set {DATA} to its folder.")
    examples = [examples_of(case) for case in (*all_cases(folder), *our_cases())]
    path = Path(calibrate.__file__).with_name("calibration.json")
    path.write_text(json.dumps(fit(examples), indent=1) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
