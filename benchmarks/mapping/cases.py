"""The public data as cases: two lists of columns, and which of them belong together."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice, zip_longest
from pathlib import Path
from typing import TypeVar

from lume_dagster.mapper.match.column import Column

DATA = "LUME_BENCH_MAPPING"  # the environment variable that names the folder


@dataclass(frozen=True, slots=True)
class Case:
    """One matching problem; ``gold`` are pairs of paths, at most one a source column.

    ``splits`` says of each source column whether it is in dev or test; a case that is split as
    a whole has the same for all.
    """

    name: str
    family: str
    source: tuple[Column, ...]
    target: tuple[Column, ...]
    gold: dict[str, str]
    splits: dict[str, str]
    manner: str = ""  # of generated ones: what is made hard

    @property
    def kind(self) -> str:
        """Family and manner."""
        return f"{self.family}-{self.manner}" if self.manner else self.family


def data_folder() -> Path | None:
    """Where the data is, if anywhere."""
    named = os.environ.get(DATA)
    return Path(named) if named else None


def split_of(text: str) -> str:
    """``dev`` or ``test``, by the hash of a name: nobody chooses."""
    return "dev" if sha256(text.encode()).digest()[0] % 2 == 0 else "test"


def valentine(folder: Path, kind: str) -> Iterator[Case]:
    """Tables cut in two, with names and values made noisy; of magellan, pairs of real tables."""
    for place in sorted((folder / "valentine" / kind).iterdir()):
        expected = json.loads((place / "expected.json").read_text(encoding="utf-8"))
        name = f"valentine/{kind}/{place.name}"
        source = _table(place / "source.csv")
        split = split_of(name)
        yield Case(
            name=name,
            family=kind,
            source=source,
            target=_table(place / "target.csv"),
            gold={pair["source"]: pair["target"] for pair in expected["mappings"]},
            splits={column.path: split for column in source},
        )


def _table(path: Path) -> tuple[Column, ...]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    return tuple(
        Column(path=name, name=name, values=tuple(row[n] or None for row in rows if n < len(row)))
        for n, name in enumerate(header)
    )


def mimic(folder: Path, _: str) -> Iterator[Case]:
    """Two schemas in prose, without values, many tables on either side."""
    place = folder / "mimic-omop"
    source = _described(place / "MIMIC_III_Schema.csv", ())
    target = _described(place / "OMOP_Schema.csv", ("ETL Conventions",))
    gold = {
        f"{row['SRC_ENT']}.{row['SRC_ATT']}": f"{row['TGT_ENT']}.{row['TGT_ATT']}"
        for row in _rows(place / "MIMIC_to_OMOP_Mapping.csv")
        if row["TGT_ENT"] != "NA"
    }
    splits = {column.path: split_of(f"mimic/{column.path}") for column in source}
    yield Case("mimic-omop", "mimic", source, target, gold, splits)


def product(_: Path, __: str) -> Iterator[Case]:
    """Small schemas and files as people bring them, of our own making."""
    from benchmarks.mapping.product import cases

    yield from cases()


def brought(_: Path, __: str) -> Iterator[Case]:
    """Files as people bring them, of our own making."""
    from benchmarks.mapping.brought import cases

    yield from cases()


def _described(path: Path, more: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(
        Column(
            path=f"{row['TableName']}.{row['ColumnName']}",
            name=row["ColumnName"],
            table=row["TableName"],
            description=" ".join(row[key] for key in ("ColumnDesc", *more) if row[key]),
            table_description=row["TableDesc"],
            type=row["ColumnType"],
        )
        for row in _rows(path)
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


#: In the order of the report.
FAMILIES: dict[str, Callable[[Path, str], Iterator[Case]]] = {
    "tpch": valentine,
    "chembl": valentine,
    "opendata": valentine,
    "magellan": valentine,
    "mimic": mimic,
    "product": product,
    "brought": brought,
}
#: The folder called tpch holds the cases made from TPC-DI.
TITLES = {
    "tpch": "TPC-DI", "chembl": "ChEMBL", "opendata": "OpenData", "magellan": "Magellan",
    "mimic": "MIMIC-OMOP", "product": "product-like",
    "brought": "as brought",
}  # fmt: skip


def all_cases(folder: Path, most: int | None = None) -> list[Case]:
    """Every case of every family, or some of each and of both halves."""
    return [
        case
        for family, read in FAMILIES.items()
        for case in few(read(folder, family), most, lambda c: "test" in c.splits.values())
    ]


T = TypeVar("T")


def few(found: Iterable[T], most: int | None, is_test: Callable[[T], bool]) -> Iterable[T]:
    """All, or so many: the first of dev and of test in turn."""
    if most is None:
        return found
    halves: tuple[list[T], list[T]] = ([], [])
    for one in found:
        halves[is_test(one)].append(one)
    in_turn = (one for pair in zip_longest(*halves) for one in pair if one is not None)
    return islice(in_turn, most)
