"""Give every staged record its number in the batch without storing one per row.

A part holds records in the order of its files, so a record's number is its position in the part
plus a shift, which changes only where a malformed record was left out or another file begins. Where
it changes at all, ``part-0000.rows.parquet`` holds the shifts by bucket of positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lume_dagster.engines.readers.staged_view import BUCKET, rows_path

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The records of one file in a part: where its rows begin, and which are missing."""

    first_row: int
    records: int
    missing: Positions  # record numbers in the file, from 1, ascending

    @property
    def kept(self) -> int:
        """Records that are in the part."""
        return self.records - len(self.missing)


def write_rows(part: Path, stretches: Sequence[Stretch]) -> None:
    """Keep the shifts of a part, unless there is only the one that is assumed without them.

    That is the least first row, which need not be of the first stretch, nor of one with rows.
    """
    points, shifts = _shifts(stretches)
    if (shifts == min(stretch.first_row for stretch in stretches)).all():
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = sum(stretch.kept for stretch in stretches)
    edges = np.arange(0, kept, BUCKET, dtype=np.int64)
    first = np.searchsorted(points, edges, side="right") - 1
    last = np.searchsorted(points, edges + BUCKET, side="left")
    table = pa.table(
        {
            "bucket": edges // BUCKET,
            "limits": _lists(points, first + 1, last),
            "shifts": _lists(shifts, first, last),
        }
    )
    pq.write_table(table, rows_path(part), compression="zstd")


def _shifts(stretches: Sequence[Stretch]) -> tuple[Positions, Positions]:
    """Positions in the part at which the shift changes, and the shift from each of them on."""
    points: list[Positions] = []
    shifts: list[Positions] = []
    position = 0
    for stretch in stretches:
        limits = stretch.missing - 1 - np.arange(len(stretch.missing))
        limits = np.concatenate([np.zeros(1, np.int64), limits[limits < stretch.kept]])
        last_of_run = np.append(limits[1:] != limits[:-1], True)
        skipped = np.flatnonzero(last_of_run)
        if stretch.kept:
            points.append(position + limits[last_of_run])
            shifts.append(stretch.first_row - position + skipped)
        position += stretch.kept
    if not points:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    every_point, every_shift = np.concatenate(points), np.concatenate(shifts)
    changed = np.append(True, every_shift[1:] != every_shift[:-1])
    return every_point[changed], every_shift[changed]


def _lists(values: Positions, first: Positions, last: Positions) -> pa.Array:
    """One list ``values[first:last]`` for each pair."""
    import pyarrow as pa

    lengths = last - first
    ends = np.cumsum(lengths)
    offsets = np.concatenate([np.zeros(1, np.int64), ends])
    total = int(ends[-1]) if len(ends) else 0
    index = np.arange(total) - np.repeat(offsets[:-1], lengths) + np.repeat(first, lengths)
    return pa.LargeListArray.from_arrays(offsets, pa.array(values[index], pa.int64()))
