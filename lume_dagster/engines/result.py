"""What running a plan on a staged batch leaves: files, counts, and a tally for each test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lume_dagster.plan.plan import RowTest


@dataclass(frozen=True, slots=True)
class Sample:
    """One row that broke a test: its number in the batch, and the value that broke it."""

    row: int
    value: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows broke a test, with a few of them."""

    test: RowTest
    rows_failed: int
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Transformed:
    """The two outputs of a transform. ``input_rows == mapped_rows + rejected_rows``, always.

    ``mapped`` holds the target fields and ``_lume_row``; ``rejects`` holds ``_lume_row``,
    ``_lume_file``, ``_lume_file_row``, ``original`` (JSON text) and ``errors`` (list of structs
    field, code, message, value). Both files exist even when they hold no row.
    """

    mapped: tuple[Path, ...]
    rejects: tuple[Path, ...]
    input_rows: int
    mapped_rows: int
    rejected_rows: int
    tallies: tuple[Tally, ...]
    error_counts: tuple[tuple[str, int], ...]  # code, rows that carry it; most frequent first
    measures: tuple[tuple[str, int], ...]  # id of a BatchMeasure, rows
    bytes: int  # of both outputs
