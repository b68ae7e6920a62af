"""A folder as the mapper's benchmark reads it, with cases of our own making in place of public ones."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from benchmarks.mapping import fabricated
from benchmarks.mapping.cases import Case
from benchmarks.mapping.synthesis import gold_tasks

_KINDS = ("tpch", "chembl", "opendata", "magellan")
_DESCRIBED = ("TableName", "ColumnName", "ColumnDesc", "TableDesc", "ColumnType", "ETL Conventions")
_PAIR = ("SRC_ENT", "SRC_ATT", "TGT_ENT", "TGT_ATT")


def write_public_data(folder: Path, cases: int = 6) -> Path:
    """So many cases of each family, and as many tasks."""
    made = fabricated.cases()
    for kind in _KINDS:
        for case in islice(made, cases):
            _tables(folder / "valentine" / kind / case.name.replace("/", "-"), case)
    _schemas(folder / "mimic-omop", next(made))
    _tasks(folder / "tde-dev" / "benchmark-own", cases)
    return folder


def _tables(place: Path, case: Case) -> None:
    place.mkdir(parents=True)
    for side, columns in (("source", case.source), ("target", case.target)):
        rows = zip(*(column.values for column in columns), strict=False)
        _csv(place / f"{side}.csv", [column.path for column in columns], rows)
    pairs = [{"source": source, "target": target} for source, target in case.gold.items()]
    (place / "expected.json").write_text(json.dumps({"mappings": pairs}))


def _schemas(place: Path, case: Case) -> None:
    place.mkdir()
    for name, columns in (("MIMIC_III", case.source), ("OMOP", case.target)):
        rows = [("t", c.path, c.description or c.name, "A table.", c.type, "") for c in columns]
        _csv(place / f"{name}_Schema.csv", _DESCRIBED, rows)
    pairs = [("t", source, "t", target) for source, target in case.gold.items()]
    _csv(place / "MIMIC_to_OMOP_Mapping.csv", _PAIR, pairs)


def _tasks(place: Path, count: int) -> None:
    place.mkdir(parents=True)
    for number, task in enumerate(islice(gold_tasks(), count)):
        lines = ["\t".join((*inputs, "", output)) for inputs, output in task.rows]
        (place / f"{number}.txt").write_text("\n".join(lines), encoding="utf-8")


def _csv(path: Path, header: Sequence[str], rows: object) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
